//! The driver's quota, which all the personas that it serves share.

use super::{Acted, at_most};
use crate::plan::{ReasonCode, Snapshot};

pub(super) fn clamp(snapshot: &Snapshot, wanted: u32) -> Acted {
    let quota = snapshot.limits.quota?;
    let left = quota.most.saturating_sub(quota.used);
    let bounded = at_most(snapshot, wanted, snapshot.stock.total().saturating_add(left))?;
    let detail = format!(
        "the driver's quota of {} instances has {left} left for all its personas, so {bounded} in place of {wanted}",
        quota.most
    );
    Some((bounded, ReasonCode::Quota, detail))
}
