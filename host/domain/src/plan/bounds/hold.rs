//! Freezes and maintenance windows: while one holds, nothing changes, or only grows; before it, what it will need is
//! launched.

use super::Acted;
use crate::calendar::Allowed;
use crate::plan::{Hold, Outlook, ReasonCode, Snapshot, instances_for};
use crate::time::TimestampMs;

/// Planning steps before the last moment at which a launch is ready in time: a first failure may still be repeated.
const SPARE_STEPS: i64 = 2;

impl Hold {
    fn code(&self) -> ReasonCode {
        if self.maintenance { ReasonCode::Maintenance } else { ReasonCode::Freeze }
    }

    fn described(&self) -> String {
        let kind = if self.maintenance { "maintenance window" } else { "freeze" };
        format!("the {kind} `{}`", self.name)
    }

    /// Whether it is in force at an instant.
    #[must_use]
    pub fn holds(&self, at: TimestampMs) -> bool {
        self.from <= at && at < self.until
    }
}

pub(super) fn clamp(snapshot: &Snapshot, wanted: u32) -> Acted {
    let have = snapshot.stock.total();
    let mut holding = snapshot.limits.holds.iter().filter(|hold| hold.holds(snapshot.at));
    // One that allows nothing counts before one that allows growing.
    let hold = holding.clone().find(|hold| hold.allows == Allowed::Nothing).or_else(|| holding.next())?;
    let bounded = match hold.allows {
        Allowed::Nothing => have,
        Allowed::ScaleOut => wanted.max(have),
    };
    let detail = || format!("{} holds until {}: {have} are kept, {wanted} were wanted", hold.described(), hold.until);
    (bounded != wanted).then(|| (bounded, hold.code(), detail()))
}

/// What will be needed within a hold has to be there before it, within the operator's maximum.
pub(super) fn ahead(snapshot: &Snapshot, wanted: u32) -> Acted {
    let notice = snapshot.lead_ms.saturating_add(snapshot.step_ms.saturating_mul(SPARE_STEPS));
    let coming =
        |hold: &&Hold| hold.allows == Allowed::Nothing && hold.from > snapshot.at && hold.from <= snapshot.at + notice;
    let hold = snapshot.limits.holds.iter().filter(coming).min_by_key(|hold| hold.from)?;
    let needed = needed_until(snapshot, hold.until + snapshot.lead_ms).saturating_add(snapshot.lent());
    let needed = needed.min(snapshot.scaling.max);
    let bounded = limit(snapshot, needed);
    let detail = || {
        format!(
            "{} begins at {}: {bounded} will be needed within it, {wanted} were wanted",
            hold.described(),
            hold.from
        )
    };
    (bounded > wanted).then(|| (bounded, hold.code(), detail()))
}

/// The clamps before this one that limit launches still do.
fn limit(snapshot: &Snapshot, needed: u32) -> u32 {
    let limits = [
        super::range::maximum,
        super::quota::clamp,
        super::budget::clamp,
        super::steps::launches,
        super::capacity::clamp,
    ];
    limits.iter().fold(needed, |needed, clamp| clamp(snapshot, needed).map_or(needed, |(bounded, ..)| bounded))
}

/// The most instances that are needed before `end`, as surely as the persona's critical ratio asks for.
fn needed_until(snapshot: &Snapshot, end: TimestampMs) -> u32 {
    let capacity = snapshot.capacity_per_instance;
    match &snapshot.outlook {
        Outlook::Forecast(fan) => {
            let steps = (0..fan.horizon()).take_while(|step| fan.start() + fan.step_ms() * (*step as i64) < end);
            let loads = steps.map(|step| fan.quantile(step, snapshot.scaling.critical_ratio));
            loads.map(|load| instances_for(load, capacity)).max().unwrap_or(0)
        }
        Outlook::Unknown(_) => {
            snapshot.recent_load.iter().map(|load| instances_for(*load, capacity)).max().unwrap_or(0)
        }
    }
}
