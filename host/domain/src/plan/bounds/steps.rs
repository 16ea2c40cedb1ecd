//! How many may be launched and let go at a time.

use super::Acted;
use crate::plan::{ReasonCode, Snapshot};

pub(super) fn launches(snapshot: &Snapshot, wanted: u32) -> Acted {
    let most = snapshot.scaling.max_launches_per_step?;
    let bounded = snapshot.stock.total().saturating_add(most);
    let detail = || format!("at most {most} are launched per step, so {bounded} in place of {wanted}");
    (wanted > bounded).then(|| (bounded, ReasonCode::StepLimit, detail()))
}

pub(super) fn releases(snapshot: &Snapshot, wanted: u32) -> Acted {
    let most = snapshot.scaling.max_releases_per_step?;
    let bounded = snapshot.stock.total().saturating_sub(most);
    let detail = || format!("at most {most} are let go per step, so {bounded} in place of {wanted}");
    (wanted < bounded).then(|| (bounded, ReasonCode::StepLimit, detail()))
}
