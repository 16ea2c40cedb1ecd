//! Every clamp acts alone as it says, and all of them keep to what they promise under any input.

use super::super::tests::certain;
use super::super::{Hold, Limits, Outlook, Plan, Quota, ReasonCode, Snapshot, Spend, Standby, Stock, decide};
use crate::calendar::{Allowed, Effect, PlannedEvent};
use crate::instance::Tier;
use crate::persona::{Budget, Mode, Period, Policy, Scaling};
use crate::time::{DAY_MS, HOUR_MS, MINUTE_MS, TimestampMs};
use proptest::prelude::*;

fn warm(count: u32) -> Stock {
    Stock { warm: count, ..Stock::default() }
}

/// The number that is wanted and the last reason, where a certain load of `load` meets `have` warm ones.
fn check(load: f64, have: u32, change: impl FnOnce(&mut Snapshot)) -> (u32, ReasonCode) {
    let mut snapshot = certain(&[load; 60], warm(have));
    change(&mut snapshot);
    let plan = decide(&snapshot);
    (plan.wanted, plan.reasons.last().expect("a reason").code)
}

#[test]
fn a_last_load_that_is_missing_lets_nothing_go() {
    assert_eq!(check(2.0, 9, |to| to.recent_load.push(f64::NAN)), (9, ReasonCode::StaleTelemetry));
    assert_eq!(check(2.0, 9, |to| to.recent_load.clear()), (9, ReasonCode::StaleTelemetry));
    assert_eq!(check(12.0, 9, |to| to.recent_load.clear()), (12, ReasonCode::LevelProgramme), "growing is allowed");
}

#[test]
fn what_the_driver_takes_away_is_replaced() {
    let going = |to: &mut Snapshot| (to.stock.active, to.stock.warm, to.limits.going) = (4, 0, 2);
    assert_eq!(check(4.0, 0, going), (6, ReasonCode::Interruption));
    assert_eq!(check(4.0, 0, |to| (going(to), to.scaling.max = 5).1), (5, ReasonCode::Maximum));
}

fn schedule(json: serde_json::Value) -> Vec<crate::persona::Schedule> {
    vec![serde_json::from_value(json).expect("valid")]
}

#[test]
fn a_schedule_holds_within_its_hours_and_is_met_in_time() {
    // The snapshot is of midnight in London, 1 January 1970, when Britain was at UTC+1; a launch takes 5 minutes.
    let at = |from: &str, until: &str| {
        let (from, until) = (from.to_owned(), until.to_owned());
        move |to: &mut Snapshot| {
            to.limits.schedules = schedule(serde_json::json!({
                "name": "day", "time_zone": "Europe/London", "from": from, "until": until, "min": 7, "max": 8,
            }));
        }
    };
    assert_eq!(check(3.0, 3, at("01:00", "02:00")), (7, ReasonCode::Schedule));
    assert_eq!(check(3.0, 3, at("01:05", "02:00")), (7, ReasonCode::Schedule), "in as long as a launch takes");
    assert_eq!(check(3.0, 3, at("01:06", "02:00")), (3, ReasonCode::LevelProgramme));
    assert_eq!(check(9.0, 9, at("00:30", "01:30")), (8, ReasonCode::Schedule));
    assert_eq!(check(9.0, 9, at("01:02", "01:30")), (9, ReasonCode::LevelProgramme), "a maximum is not in force ahead");
}

#[test]
fn leased_ones_are_kept_beside_what_the_owner_needs() {
    let leased = |to: &mut Snapshot| (to.stock.active, to.limits.leased) = (4, 3);
    assert_eq!(check(0.0, 5, leased), (4, ReasonCode::Promised), "one is the owner's own");
    assert_eq!(check(6.0, 5, leased), (9, ReasonCode::Lease));
    assert_eq!(check(6.0, 5, |to| (leased(to), to.scaling.max = 8).1), (8, ReasonCode::Maximum));
    assert_eq!(check(0.0, 0, |to| (leased(to), to.scaling.min = 6).1), (6, ReasonCode::Minimum), "leased ones count");
    assert_eq!(check(2.0, 2, |to| to.limits.booked = 3), (5, ReasonCode::Lease), "what was sold is made ready");
    assert_eq!(check(9.0, 0, |to| (leased(to), to.recent_load.clear()).1), (12, ReasonCode::Lease));
}

#[test]
fn the_quota_is_what_all_personas_leave() {
    let quota = |most, used| move |to: &mut Snapshot| to.limits.quota = Some(Quota { most, used });
    assert_eq!(check(9.0, 2, quota(10, 7)), (5, ReasonCode::Quota));
    assert_eq!(check(9.0, 2, quota(10, 12)), (2, ReasonCode::Quota));
    assert_eq!(check(5.0, 2, quota(10, 7)), (5, ReasonCode::LevelProgramme));
}

fn budget(amount: f64, spent: f64, per_hour: Option<f64>) -> impl Fn(&mut Snapshot) {
    move |to| {
        to.scaling.budget = Some(Budget { amount, period: Period::Day });
        to.limits.spend = Some(Spend { spent, per_hour });
        // Half of the day is over.
        let fan = match &to.outlook {
            Outlook::Forecast(fan) => fan.at(0).to_vec(),
            Outlook::Unknown(_) => vec![],
        };
        let paths: Vec<Vec<f64>> = fan.iter().map(|load| vec![*load; 60]).collect();
        to.at = TimestampMs(12 * HOUR_MS);
        let moved = crate::forecast::Fan::from_paths(to.at, MINUTE_MS, &[0.1, 0.9], &paths).expect("valid");
        to.outlook = Outlook::Forecast(moved);
    }
}

#[test]
fn a_budget_that_does_not_last_cuts() {
    // 12 of 24 units are left for 12 hours, at one unit an instance-hour; 1 an hour was spent so far.
    assert_eq!(check(9.0, 2, budget(24.0, 12.0, Some(1.0))), (1, ReasonCode::Budget));
    // A quarter was spent in half of the time: the peak of an hour is paid for by the hours before.
    assert_eq!(check(9.0, 2, budget(24.0, 6.0, Some(1.0))).0, 9);
    assert_eq!(check(9.0, 2, budget(24.0, 24.0, Some(1.0))), (0, ReasonCode::Budget), "it is spent");
    assert_eq!(check(9.0, 2, budget(24.0, 24.0, Some(0.0))).0, 9, "what costs nothing needs no budget");
    assert_eq!(check(9.0, 2, budget(24.0, 0.0, None)), (2, ReasonCode::Budget), "no price, no launch");
    let claimed = |to: &mut Snapshot| (budget(24.0, 30.0, Some(1.0))(to), to.stock.active = 3).1;
    assert_eq!(check(9.0, 2, claimed), (3, ReasonCode::Budget), "what is claimed stays");
}

#[test]
fn steps_are_limited() {
    assert_eq!(check(9.0, 2, |to| to.scaling.max_launches_per_step = Some(3)), (5, ReasonCode::StepLimit));
    assert_eq!(check(2.0, 9, |to| to.scaling.max_releases_per_step = Some(3)), (6, ReasonCode::StepLimit));
}

#[test]
fn a_driver_without_capacity_is_not_asked() {
    let full = |to: &mut Snapshot| to.limits.out_of_capacity = Some("no hosts".into());
    assert_eq!(check(9.0, 2, full), (2, ReasonCode::OutOfCapacity));
    assert_eq!(check(1.0, 2, full), (1, ReasonCode::LevelProgramme));
}

fn hold(from: i64, until: i64, allows: Allowed, maintenance: bool) -> Hold {
    let (from, until) = (TimestampMs(from * MINUTE_MS), TimestampMs(until * MINUTE_MS));
    Hold { name: "quarter-end".into(), maintenance, from, until, allows }
}

#[test]
fn a_freeze_changes_nothing_or_only_grows() {
    let with = |hold: Hold| move |to: &mut Snapshot| to.limits.holds = vec![hold];
    assert_eq!(check(2.0, 9, with(hold(0, 60, Allowed::Nothing, false))), (9, ReasonCode::Freeze));
    assert_eq!(check(9.0, 2, with(hold(0, 60, Allowed::Nothing, true))), (2, ReasonCode::Maintenance));
    assert_eq!(check(2.0, 9, with(hold(0, 60, Allowed::ScaleOut, false))), (9, ReasonCode::Freeze));
    assert_eq!(check(9.0, 2, with(hold(0, 60, Allowed::ScaleOut, false))), (9, ReasonCode::LevelProgramme));
    assert_eq!(check(2.0, 9, with(hold(-60, 0, Allowed::Nothing, false))), (2, ReasonCode::LevelProgramme), "over");
    let both = |to: &mut Snapshot| {
        to.limits.holds = vec![hold(0, 60, Allowed::ScaleOut, false), hold(0, 60, Allowed::Nothing, true)];
    };
    assert_eq!(check(9.0, 2, both), (2, ReasonCode::Maintenance), "the stricter one counts");
}

#[test]
fn what_a_maintenance_will_need_is_there_before() {
    let mut loads = [2.0; 60];
    loads[40] = 6.0;
    let wanted = |from: i64, max: u32| {
        let mut snapshot = certain(&loads, warm(2));
        snapshot.scaling.max = max;
        snapshot.limits.holds = vec![hold(from, 50, Allowed::Nothing, true)];
        decide(&snapshot).wanted
    };
    assert_eq!(wanted(7, 100), 6, "a launch takes 5 minutes, and 2 are spare");
    assert_eq!(wanted(8, 100), 2, "there is time yet");
    assert_eq!(wanted(7, 5), 5, "the maximum counts all the same");
}

fn event(from: i64, until: i64, effect: Effect) -> Vec<(String, PlannedEvent)> {
    let (from, until) = (TimestampMs(from * MINUTE_MS), TimestampMs(until * MINUTE_MS));
    vec![(
        "launch".into(),
        PlannedEvent { persona: "web".parse().expect("valid"), from, until, effect, note: String::new() },
    )]
}

#[test]
fn an_event_is_met_in_time_under_any_policy() {
    let wanted = |from: i64, until: i64, effect: Effect, policy: Policy, known: bool| {
        let mut snapshot = certain(&[4.0; 60], warm(4));
        snapshot.scaling.policy = policy;
        snapshot.limits.events = event(from, until, effect);
        if !known {
            snapshot.outlook = Outlook::Unknown("no forecaster".into());
        }
        decide(&snapshot).wanted
    };
    let (triple, ten) = (Effect::Factor(3.0), Effect::Instances(10));
    assert_eq!(wanted(5, 50, triple, Policy::LevelProgramme, true), 12);
    assert_eq!(wanted(20, 50, triple, Policy::LevelProgramme, true), 4, "there is time yet");
    assert_eq!(wanted(5, 50, ten, Policy::LevelProgramme, true), 10);
    assert_eq!(wanted(5, 50, triple, Policy::Reactive, true), 12);
    assert_eq!(wanted(5, 50, triple, Policy::LevelProgramme, false), 12);
    assert_eq!(wanted(5, 50, ten, Policy::Reactive, false), 10);
    assert_eq!(wanted(-9, -1, ten, Policy::LevelProgramme, true), 4, "it is over");
}

#[test]
fn an_event_that_runs_lets_nothing_go_and_is_not_counted_twice() {
    let with = |from: i64| move |to: &mut Snapshot| to.limits.events = event(from, 50, Effect::Factor(3.0));
    assert_eq!(check(4.0, 12, with(-1)), (12, ReasonCode::PlannedEvent));
    assert_eq!(check(12.0, 12, with(-1)), (12, ReasonCode::LevelProgramme), "the measured load has it");
    assert_eq!(check(4.0, 4, with(0)).0, 12, "its first step is not measured yet");
}

#[test]
fn only_apply_is_carried_out() {
    for (mode, last) in [
        (Mode::ForecastOnly, ReasonCode::Mode),
        (Mode::Recommend, ReasonCode::Mode),
        (Mode::Apply, ReasonCode::LevelProgramme),
    ] {
        let mut snapshot = certain(&[4.0; 60], warm(1));
        snapshot.scaling.mode = mode;
        let plan = decide(&snapshot);
        assert_eq!((plan.mode, plan.wanted, plan.to_create()), (mode, 4, 3));
        assert_eq!(plan.reasons.last().map(|reason| reason.code), Some(last));
    }
}

fn stocks(most: u32) -> impl Strategy<Value = Stock> {
    (0..=most, 0..=most, 0..=most, 0..=most, 0..=most).prop_map(|(active, warm, booting, resetting, waiting)| Stock {
        active,
        warm,
        booting,
        resetting,
        waiting,
        ..Stock::default()
    })
}

prop_compose! {
    fn scalings()(
        (min, max) in (0..40_u32, 0..60_u32),
        budget in proptest::option::of(0.01..1e4_f64),
        launches in proptest::option::of(1..30_u32),
        releases in proptest::option::of(1..30_u32),
        reactive in any::<bool>(),
    ) -> Scaling {
        Scaling {
            min: min.min(max),
            max,
            max_launches_per_step: launches,
            max_releases_per_step: releases,
            budget: budget.map(|amount| Budget { amount, period: Period::Day }),
            policy: if reactive { Policy::Reactive } else { Policy::LevelProgramme },
            ..Scaling::default()
        }
    }
}

prop_compose! {
    fn limits()(
        holds in proptest::collection::vec((-20..80_i64, 1..60_i64, any::<bool>(), any::<bool>()), 0..3),
        quota in proptest::option::of((0..200_u32, 0..200_u32)),
        spend in (0.0..1e4_f64, proptest::option::of(0.0..10.0_f64)),
        events in proptest::collection::vec((-20..80_i64, 1..60_i64, 1..60_u32, any::<bool>()), 0..3),
        (leased, going) in (0..9_u32, 0..9_u32),
        full in any::<bool>(),
    ) -> Limits {
        Limits {
            schedules: vec![],
            holds: holds.into_iter().map(|(from, length, grows, maintenance)| {
                hold(from, from + length, if grows { Allowed::ScaleOut } else { Allowed::Nothing }, maintenance)
            }).collect(),
            events: events.into_iter().flat_map(|(from, length, size, factor)| {
                let effect = if factor { Effect::Factor(f64::from(size) / 10.0) } else { Effect::Instances(size) };
                event(from, from + length, effect)
            }).collect(),
            quota: quota.map(|(most, used)| Quota { most, used }),
            spend: Some(Spend { spent: spend.0, per_hour: spend.1 }),
            leased,
            booked: going,
            going,
            out_of_capacity: full.then(|| "no hosts".into()),
        }
    }
}

prop_compose! {
    fn snapshots()(
        stock in stocks(30),
        scaling in scalings(),
        limits in limits(),
        loads in proptest::collection::vec(0.0..50.0_f64, 60),
        missing in any::<bool>(),
        unknown in any::<bool>(),
        lead in 0..30_i64,
    ) -> Snapshot {
        let mut snapshot = certain(&loads, stock);
        (snapshot.scaling, snapshot.limits, snapshot.lead_ms) = (scaling, limits, lead * MINUTE_MS);
        if missing {
            snapshot.recent_load.push(f64::NAN);
        }
        if unknown {
            snapshot.outlook = Outlook::Unknown("no forecaster".into());
        }
        snapshot
    }
}

/// What a plan must keep to, whatever led to it.
fn keeps_to_every_clamp(snapshot: &Snapshot, plan: &Plan) -> Result<(), TestCaseError> {
    let Snapshot { stock, scaling, limits, at, .. } = snapshot;
    let (total, wanted) = (stock.total(), plan.wanted);
    prop_assert!(wanted >= stock.active, "what is claimed stays");
    prop_assert!(plan.to_create() == 0 || wanted <= scaling.max, "nothing is launched above the maximum");
    if let Some(Quota { most, used }) = limits.quota {
        prop_assert!(plan.to_create() <= most.saturating_sub(used), "the quota is kept");
    }
    prop_assert!(plan.to_create() <= scaling.max_launches_per_step.unwrap_or(u32::MAX));
    prop_assert!(plan.to_release() <= scaling.max_releases_per_step.unwrap_or(u32::MAX));
    if let (Some(budget), Some(spend)) = (scaling.budget, limits.spend) {
        let costs = spend.per_hour != Some(0.0);
        let broke = spend.per_hour.is_none() || spend.spent >= budget.amount && costs;
        prop_assert!(!broke || plan.to_create() == 0, "a budget that is spent or unknown launches nothing");
    }
    prop_assert!(limits.out_of_capacity.is_none() || plan.to_create() == 0);
    for hold in limits.holds.iter().filter(|hold| hold.from <= *at && *at < hold.until) {
        prop_assert!(wanted >= total, "a freeze lets nothing go");
        prop_assert!(hold.allows == Allowed::ScaleOut || wanted == total, "a full freeze changes nothing");
    }
    Ok(())
}

proptest! {
    #[test]
    fn plans_keep_to_every_clamp(snapshot in snapshots()) {
        keeps_to_every_clamp(&snapshot, &decide(&snapshot))?;
    }

    #[test]
    fn parked_ones_keep_to_every_clamp_too(mut snapshot in snapshots(), parked in 0..30_u32, hold in 0.0..0.9_f64, latency in 0.1..4.0_f64) {
        snapshot.stock.parked = parked;
        snapshot.standby = vec![Standby { tier: Tier::Parked, hold, latency_steps: latency, build_steps: 5 }];
        let plan = decide(&snapshot);
        keeps_to_every_clamp(&snapshot, &plan)?;
        let Snapshot { scaling, limits, .. } = &snapshot;
        // What is created in all: missing ones that no parked one can be started for, and those that are only parked.
        let started = plan.to_create().min(parked);
        let surplus = plan.to_release();
        let more = plan.standby.parked.saturating_sub(parked - started).saturating_sub(surplus);
        let created = plan.to_create() - started + more;
        prop_assert!(more == 0 || plan.wanted + plan.standby.parked <= scaling.max, "{plan:?}");
        prop_assert!(more == 0 || created <= scaling.max_launches_per_step.unwrap_or(u32::MAX), "{plan:?}");
        if let Some(Quota { most, used }) = limits.quota {
            prop_assert!(created <= most.saturating_sub(used), "{plan:?}");
        }
        prop_assert!(more == 0 || (scaling.budget.is_none() && limits.out_of_capacity.is_none()), "{plan:?}");
    }

    #[test]
    fn missing_data_lets_nothing_go(mut snapshot in snapshots()) {
        snapshot.recent_load.push(f64::NAN);
        // A maximum, a quota and a budget are the operator's word, which counts more.
        (snapshot.scaling.max, snapshot.scaling.budget, snapshot.limits.quota) = (1_000, None, None);
        prop_assert_eq!(decide(&snapshot).to_release(), 0);
    }

    #[test]
    fn ten_million_instances_do_not_overflow(stock in stocks(10_000_000), mut snapshot in snapshots(), scale in 1.0..1e6_f64) {
        snapshot.stock = stock;
        snapshot.scaling.policy = Policy::Reactive;
        snapshot.scaling.max = u32::MAX;
        snapshot.recent_load.iter_mut().for_each(|load| *load *= scale);
        (snapshot.limits.leased, snapshot.limits.going) = (u32::MAX, u32::MAX);
        keeps_to_every_clamp(&snapshot, &decide(&snapshot))?;
    }

    #[test]
    fn a_budget_is_never_overspent_by_idle_ones(
        amount in 1.0..500.0_f64, per_hour in 0.01..5.0_f64, loads in proptest::collection::vec(0.0..40.0_f64, 24),
    ) {
        // A day of hourly decisions, carried out at once and paid for an hour each.
        let mut spent = 0.0;
        for (hour, load) in loads.iter().enumerate() {
            let mut snapshot = certain(&[*load; 60], Stock::default());
            (snapshot.at, snapshot.step_ms) = (TimestampMs(hour as i64 * HOUR_MS), HOUR_MS);
            snapshot.outlook = Outlook::Unknown("none".into());
            snapshot.scaling.budget = Some(Budget { amount, period: Period::Day });
            snapshot.limits.spend = Some(Spend { spent, per_hour: Some(per_hour) });
            spent += f64::from(decide(&snapshot).wanted) * per_hour;
        }
        prop_assert!(spent <= amount + 1e-6, "{spent} of {amount} in {DAY_MS} ms");
    }
}
