//! What bounds a persona's plans beyond its own figures, gathered from where it is known; and what may be launched at the
//! moment of launching, when plans made side by side have to share it.

use super::Core;
use super::pool::{Pool, Room};
use super::shortages::Leave;
use forewarm_domain::calendar::Allowed;
use forewarm_domain::persona::{Mode, Persona};
use forewarm_domain::plan::{Limits, Plan, Quota, Reason, ReasonCode, Stock};
use forewarm_domain::time::TimestampMs;

impl Core {
    /// What bounds the next plan of a persona.
    pub(super) fn limits(&self, persona: &Persona, now: TimestampMs) -> Limits {
        let (name, driver) = (&persona.spec.name, &persona.spec.plugins.driver);
        let (going, used) = {
            let pool = self.pool();
            (pool.going(name), pool.count_of(driver))
        };
        Limits {
            schedules: persona.spec.schedules.clone(),
            holds: self.calendar.holds(name, driver, now),
            events: self.calendar.events_of(name, now),
            quota: self.descriptions.quota(driver).map(|most| Quota { most, used }),
            spend: self.spend(persona, now),
            going,
            out_of_capacity: self.shortages.said(persona, now),
            ..Limits::default()
        }
    }

    /// Where more instances of a persona may be begun, as far as its driver goes, the cheapest place first.
    pub(super) fn room(&self, pool: &Pool, persona: &Persona, now: TimestampMs) -> Room {
        let driver = &persona.spec.plugins.driver;
        let left = self.descriptions.quota(driver).map_or(u32::MAX, |most| most.saturating_sub(pool.count_of(driver)));
        let in_all = launches(self.shortages.leave_in_all(driver, now)).min(left);
        let places = self.choices(persona).into_iter().map(|(placement, _)| {
            let room = launches(self.shortages.leave_in(persona, placement.as_ref(), now));
            (placement, room)
        });
        Room::new(in_all, places.collect())
    }

    /// How long it takes until a driver that has no capacity is asked again, in milliseconds.
    pub(super) fn shortage_ms(&self, persona: &Persona, now: TimestampMs) -> i64 {
        match self.shortages.leave_anywhere(persona, now) {
            Leave::Free | Leave::Try => 0,
            Leave::Wait(until) => until.since(now),
        }
    }

    /// A reason for the plan where its launches begin with a single one.
    pub(super) fn tries_one(&self, persona: &Persona, plan: &Plan) -> Option<Reason> {
        let driver = &persona.spec.plugins.driver;
        let tries = plan.to_create() > 1 && self.shortages.leave_anywhere(persona, plan.at) == Leave::Try;
        tries.then(|| Reason {
            code: ReasonCode::OutOfCapacity,
            detail: format!("{driver} had no capacity: one launch is tried before the others"),
        })
    }
}

/// How many launches a leave allows.
pub(super) fn launches(leave: Leave) -> u32 {
    match leave {
        Leave::Free => u32::MAX,
        Leave::Try => 1,
        Leave::Wait(_) => 0,
    }
}

/// The number of instances that a plan is carried out to: under another mode than `apply` nothing is launched ahead or let
/// go, but claims that wait are served.
pub(super) fn to_hold(plan: &Plan, stock: Stock) -> u32 {
    match plan.mode {
        Mode::Apply => plan.wanted,
        Mode::ForecastOnly | Mode::Recommend => plan.wanted.min(stock.promised()).max(stock.total()),
    }
}

/// Whether a load that is there may take a shell in place of a boot that is underway: not under another mode than `apply`,
/// nor in a freeze.
pub(super) fn may_hurry(plan: &Plan, limits: &Limits) -> bool {
    let mut holds = limits.holds.iter().filter(|hold| hold.holds(plan.at));
    plan.mode == Mode::Apply && holds.all(|hold| hold.allows != Allowed::Nothing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use forewarm_domain::persona::Policy;
    use forewarm_domain::plan::Hold;

    fn plan(mode: Mode, wanted: u32, stock: Stock) -> Plan {
        Plan {
            persona: "web".parse().expect("valid"),
            persona_version: 1,
            at: TimestampMs(0),
            policy: Policy::Reactive,
            mode,
            wanted,
            standby: Default::default(),
            saved_per_hour: None,
            placements: vec![],
            placement_saved_per_hour: None,
            stock,
            reasons: vec![],
            levels: vec![],
        }
    }

    #[test]
    fn nothing_is_hurried_that_is_not_carried_out() {
        let hold = |allows: Allowed, until: i64| {
            let (from, until) = (TimestampMs(-1), TimestampMs(until));
            Limits {
                holds: vec![Hold { name: "sale".into(), maintenance: false, from, until, allows }],
                ..Limits::default()
            }
        };
        let may = |mode: Mode, limits: &Limits| may_hurry(&plan(mode, 2, Stock::default()), limits);
        assert!(may(Mode::Apply, &Limits::default()) && may(Mode::Apply, &hold(Allowed::ScaleOut, 9)));
        assert!(may(Mode::Apply, &hold(Allowed::Nothing, 0)), "a freeze that is over");
        assert!(!may(Mode::Apply, &hold(Allowed::Nothing, 9)));
        assert!(!may(Mode::Recommend, &Limits::default()) && !may(Mode::ForecastOnly, &Limits::default()));
    }

    #[test]
    fn only_apply_launches_ahead_and_lets_go() {
        let held = |mode: Mode, wanted: u32, stock: Stock| to_hold(&plan(mode, wanted, stock), stock);
        let two = Stock { warm: 2, ..Stock::default() };
        assert_eq!((held(Mode::Apply, 9, two), held(Mode::Apply, 0, two)), (9, 0));
        for mode in [Mode::Recommend, Mode::ForecastOnly] {
            assert_eq!((held(mode, 9, two), held(mode, 0, two)), (2, 2), "nothing ahead, nothing let go");
            let waiting = Stock { active: 1, waiting: 3, ..Stock::default() };
            assert_eq!(held(mode, 9, waiting), 4, "one for each claim");
            assert_eq!(held(mode, 2, waiting), 2, "as far as the bounds of the plan allow");
        }
    }
}
