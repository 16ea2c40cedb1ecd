//! What is not known is no reason to let anything go: without the last load, nothing is.

use super::Acted;
use crate::plan::{ReasonCode, Snapshot};

pub(super) fn clamp(snapshot: &Snapshot, wanted: u32) -> Acted {
    let known = snapshot.recent_load.last().is_some_and(|load| load.is_finite());
    let have = snapshot.stock.total();
    let detail = || format!("the last load is missing: none of {have} is let go until it is known again");
    (!known && wanted < have).then(|| (have, ReasonCode::StaleTelemetry, detail()))
}
