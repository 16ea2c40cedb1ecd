//! What is not known takes nothing away: under every policy, with and without a forecast, a missing load keeps all that
//! there is, and a history that has just begun is served reactively.

#![expect(clippy::expect_used, reason = "helpers of tests fail like tests")]

use forewarm_domain::forecast::Fan;
use forewarm_domain::persona::{Policy, Scaling};
use forewarm_domain::plan::{Limits, Outlook, ReasonCode, Snapshot, Stock, decide};
use forewarm_domain::policy::{Contest, Moment, entrants};
use forewarm_domain::time::{MINUTE_MS, TimestampMs};
use proptest::prelude::*;

const POLICIES: [Policy; 7] = [
    Policy::Compete,
    Policy::LevelProgramme,
    Policy::Reactive,
    Policy::KeepAlive,
    Policy::Hourly,
    Policy::HybridHistogram,
    Policy::ScheduleOnly,
];

fn snapshot(policy: Policy, recent_load: Vec<f64>, outlook: Outlook, warm: u32) -> Snapshot {
    Snapshot {
        persona: "web".parse().expect("valid"),
        persona_version: 1,
        at: TimestampMs(0),
        step_ms: MINUTE_MS,
        scaling: Scaling { policy, ..Scaling::default() },
        capacity_per_instance: 1.0,
        lead_ms: 5 * MINUTE_MS,
        stock: Stock { warm, ..Stock::default() },
        recent_load,
        outlook,
        standby: Vec::new(),
        choice: None,
        limits: Limits::default(),
    }
}

/// The snapshot with what a contest of the policy's rules chose, after some minutes of `loads`.
fn chosen(mut snapshot: Snapshot, loads: &[Option<f64>]) -> Snapshot {
    let rules = entrants(snapshot.scaling.policy);
    if rules.is_empty() {
        return snapshot;
    }
    let mut contest = Contest::new(&rules, snapshot.stock.total());
    let economy = snapshot.economy();
    for (minute, load) in (1_i64..).zip(loads) {
        let fan = match &snapshot.outlook {
            Outlook::Forecast(fan) => Some(fan),
            Outlook::Unknown(_) => None,
        };
        let at = TimestampMs(minute * MINUTE_MS);
        let bounds = (snapshot.scaling.min, snapshot.scaling.max);
        let moment = Moment { at, step_ms: MINUTE_MS, capacity: 1.0, economy: &economy, bounds, fan };
        snapshot.choice = Some(contest.step(&moment, *load));
    }
    snapshot
}

/// A forecast of no load at all: whoever believed it would let everything go.
fn nothing_to_come() -> Outlook {
    let paths = vec![vec![0.0; 60], vec![0.0; 60]];
    Outlook::Forecast(Fan::from_paths(TimestampMs(0), MINUTE_MS, &[0.1, 0.9], &paths).expect("valid"))
}

fn unknown() -> Outlook {
    Outlook::Unknown("the forecaster failed: trap".into())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_telemetry_outage_never_scales_in(
        before in prop::collection::vec(0.0..40.0, 0..30), missing in 1_usize..20, warm in 0_u32..50, foreseen in any::<bool>(),
    ) {
        for policy in POLICIES {
            let mut recent = before.clone();
            recent.extend(std::iter::repeat_n(f64::NAN, missing));
            let loads: Vec<Option<f64>> = recent.iter().map(|load| Some(*load).filter(|load| load.is_finite())).collect();
            let outlook = if foreseen { nothing_to_come() } else { unknown() };
            let plan = decide(&chosen(snapshot(policy, recent, outlook, warm), &loads));
            prop_assert!(plan.wanted >= warm, "{policy:?}: {} of {warm}", plan.wanted);
        }
    }
}

#[test]
fn a_failed_forecast_is_served_reactively_and_says_so() {
    for policy in [Policy::Compete, Policy::LevelProgramme] {
        let loads = [Some(8.0); 20];
        let plan = decide(&chosen(snapshot(policy, vec![8.0; 20], unknown(), 2), &loads));
        assert!(plan.wanted >= 8, "{policy:?}: {plan:?}");
        let reactive = plan.policy == Policy::Reactive && plan.reasons[0].code == ReasonCode::NoForecast;
        assert!(reactive || policy == Policy::Compete, "{policy:?}: {plan:?}");
    }
}

#[test]
fn a_history_that_has_just_begun_keeps_what_there_is_and_grows_with_the_load() {
    for policy in POLICIES {
        let cold = decide(&chosen(snapshot(policy, vec![], unknown(), 3), &[]));
        assert_eq!(cold.wanted, 3, "{policy:?}: nothing was measured");
        if policy != Policy::ScheduleOnly {
            let first = decide(&chosen(snapshot(policy, vec![9.0], unknown(), 3), &[Some(9.0)]));
            assert!(first.wanted >= 9, "{policy:?}: {first:?}");
        }
    }
}
