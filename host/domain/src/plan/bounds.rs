//! What bounds a policy's wish, clamp by clamp. Each that acts says so with a reason of its own.
//!
//! The order is: what raises the wish comes first, then what limits it, and last what holds everything as it is; so a
//! limit of the operator's wins over a wish, and a freeze over both. None of them takes away what is claimed. What raises
//! the wish looks at the owner's own instances, what limits it at all of them, leased ones included.

mod budget;
mod capacity;
mod event;
mod hold;
mod interruption;
mod lease;
mod missing_data;
mod quota;
mod range;
mod steps;
#[cfg(test)]
mod tests;

use super::{Reason, ReasonCode, Snapshot};

pub(super) use event::with_events;

/// What a clamp makes of a number, where it acts: another one, which rule that was, and what it did in a sentence.
type Acted = Option<(u32, ReasonCode, String)>;

/// What raises a wish for the owner's own instances.
const RAISING: [fn(&Snapshot, u32) -> Acted; 3] = [missing_data::clamp, event::clamp, interruption::clamp];

/// What bounds it then, leased instances included.
const BOUNDING: [fn(&Snapshot, u32) -> Acted; 11] = [
    lease::clamp,
    range::minimum,
    range::promised,
    range::maximum,
    quota::clamp,
    budget::clamp,
    steps::launches,
    steps::releases,
    capacity::clamp,
    hold::ahead,
    hold::clamp,
];

/// Takes a wish through the clamps; `own` is the snapshot without what is leased out.
pub(super) fn bound(wanted: u32, own: &Snapshot, snapshot: &Snapshot, reasons: &mut Vec<Reason>) -> u32 {
    let raising = RAISING.iter().map(|clamp| (clamp, own));
    let bounding = BOUNDING.iter().map(|clamp| (clamp, snapshot));
    raising.chain(bounding).fold(wanted, |wanted, (clamp, snapshot)| match clamp(snapshot, wanted) {
        Some((bounded, code, detail)) => {
            reasons.push(Reason::new(code, detail));
            bounded
        }
        None => wanted,
    })
}

/// At most the maximum that is in force, but never fewer than are claimed.
pub(super) fn within_maximum(snapshot: &Snapshot, count: u32) -> u32 {
    range::maximum(snapshot, count).map_or(count, |(bounded, ..)| bounded)
}

/// At most `limit`, but never fewer than are claimed: `None` where that changes nothing.
fn at_most(snapshot: &Snapshot, wanted: u32, limit: u32) -> Option<u32> {
    let bounded = wanted.min(limit.max(snapshot.stock.active));
    (bounded < wanted).then_some(bounded)
}
