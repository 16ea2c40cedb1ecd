//! Minimum, promises and maximum: the persona's own, or those of a schedule that is in force.

use super::{Acted, at_most};
use crate::persona::Schedule;
use crate::plan::{ReasonCode, Snapshot, Stock};
use crate::time::TimestampMs;

/// A minimum has to be ready when it comes into force, so that one holds a launch's length ahead.
pub(super) fn minimum(snapshot: &Snapshot, wanted: u32) -> Acted {
    let own = snapshot.scaling.min;
    let coming = in_force(snapshot, snapshot.at + snapshot.lead_ms);
    let scheduled = in_force(snapshot, snapshot.at).chain(coming).filter_map(|by| by.min.map(|min| (min, by)));
    match scheduled.max_by_key(|(min, _)| *min).filter(|(min, _)| *min > own) {
        Some((min, by)) => (wanted < min).then(|| {
            let detail = format!("{} keeps at least {min}, {wanted} were wanted", described(by));
            (min, ReasonCode::Schedule, detail)
        }),
        None => (wanted < own).then(|| {
            let detail = format!("the persona keeps at least {own}, {wanted} were wanted");
            (own, ReasonCode::Minimum, detail)
        }),
    }
}

pub(super) fn promised(snapshot: &Snapshot, wanted: u32) -> Acted {
    let Stock { active, waiting, .. } = snapshot.stock;
    let promised = snapshot.stock.promised();
    let detail = || format!("{active} are claimed and {waiting} claims wait: each gets an instance");
    (wanted < promised).then(|| (promised, ReasonCode::Promised, detail()))
}

/// What is claimed stays, even where the maximum was lowered below it.
pub(super) fn maximum(snapshot: &Snapshot, wanted: u32) -> Acted {
    let own = snapshot.scaling.max;
    let scheduled = in_force(snapshot, snapshot.at).filter_map(|by| by.max.map(|max| (max, by)));
    match scheduled.min_by_key(|(max, _)| *max).filter(|(max, _)| *max < own) {
        Some((max, by)) => at_most(snapshot, wanted, max).map(|bounded| {
            (bounded, ReasonCode::Schedule, format!("{} keeps at most {max}, {wanted} were wanted", described(by)))
        }),
        None => at_most(snapshot, wanted, own).map(|bounded| {
            (bounded, ReasonCode::Maximum, format!("the persona keeps at most {own}, {wanted} were wanted"))
        }),
    }
}

fn in_force(snapshot: &Snapshot, at: TimestampMs) -> impl Iterator<Item = &Schedule> {
    snapshot.limits.schedules.iter().filter(move |schedule| schedule.holds(at))
}

fn described(by: &Schedule) -> String {
    let Schedule { name, from, until, time_zone, .. } = by;
    format!("the schedule `{name}` ({from} to {until}, {time_zone})")
}
