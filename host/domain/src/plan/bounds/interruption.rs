//! Instances that their driver takes away soon count as missing: they are replaced before they are gone.

use super::Acted;
use crate::plan::{ReasonCode, Snapshot};

pub(super) fn clamp(snapshot: &Snapshot, wanted: u32) -> Acted {
    let going = snapshot.limits.going;
    let detail = || format!("{going} claimed instances are being taken away by the driver: each gets a successor");
    (going > 0).then(|| (wanted.saturating_add(going), ReasonCode::Interruption, detail()))
}
