//! A driver that has no capacity at present: asking for more would only fail.

use super::{Acted, at_most};
use crate::plan::{ReasonCode, Snapshot};

pub(super) fn clamp(snapshot: &Snapshot, wanted: u32) -> Acted {
    let said = snapshot.limits.out_of_capacity.as_ref()?;
    let have = snapshot.stock.total();
    let bounded = at_most(snapshot, wanted, have)?;
    let detail = format!("{wanted} were wanted, but the driver has no capacity for more than {have}: {said}");
    Some((bounded, ReasonCode::OutOfCapacity, detail))
}
