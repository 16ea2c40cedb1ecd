//! What bounds a policy's wish, clamp by clamp. Each that acts says so with a reason of its own.
//!
//! The order is: what raises the wish comes first, then what limits it, and last what holds everything as it is; so a
//! limit of the operator's wins over a wish, and a freeze over both. None of them takes away what is claimed.

mod budget;
mod capacity;
mod event;
mod hold;
mod interruption;
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

/// The clamps in their order.
const CLAMPS: [fn(&Snapshot, u32) -> Acted; 13] = [
    missing_data::clamp,
    event::clamp,
    interruption::clamp,
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

/// Takes a wish through the clamps.
pub(super) fn bound(wanted: u32, snapshot: &Snapshot, reasons: &mut Vec<Reason>) -> u32 {
    CLAMPS.iter().fold(wanted, |wanted, clamp| match clamp(snapshot, wanted) {
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
