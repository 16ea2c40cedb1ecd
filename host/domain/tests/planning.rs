//! What holds of every plan, whatever the forecast: seen from outside, through `decide` alone.
//!
//! The clamps have their properties beside them (`plan/bounds`), the programme's value against brute force beside the
//! programme, and the clairvoyant's cost under certainty beside the clairvoyant, in the simulator.
#![expect(clippy::expect_used, reason = "helpers of tests fail like tests")]

use forewarm_domain::forecast::Fan;
use forewarm_domain::instance::Tier;
use forewarm_domain::persona::{Mode, Policy, Scaling};
use forewarm_domain::plan::{Economy, Limits, Outlook, Plan, Snapshot, Standby, Stock, decide};
use forewarm_domain::policy::{Contest, Moment, entrants};
use forewarm_domain::time::{MINUTE_MS, TimestampMs};
use proptest::prelude::*;

/// The levels of the forecasts below.
const LEVELS: [f64; 4] = [0.05, 0.5, 0.9, 0.99];
const HORIZON: usize = 30;

/// A snapshot with the load's quantiles at each step, one instance serving a load of 1.
fn snapshot(steps: &[[f64; 4]], stock: Stock) -> Snapshot {
    let rising = |step: &[f64; 4]| {
        let mut rising = *step;
        rising.sort_by(f64::total_cmp);
        rising
    };
    let steps: Vec<[f64; 4]> = steps.iter().map(rising).collect();
    let paths: Vec<Vec<f64>> = (0..LEVELS.len()).map(|level| steps.iter().map(|step| step[level]).collect()).collect();
    let fan = Fan::from_paths(TimestampMs(0), MINUTE_MS, &LEVELS, &paths).expect("valid");
    Snapshot {
        persona: "web".parse().expect("valid"),
        persona_version: 1,
        at: TimestampMs(0),
        step_ms: MINUTE_MS,
        scaling: Scaling { policy: Policy::LevelProgramme, max: u32::MAX, ..Scaling::default() },
        capacity_per_instance: 1.0,
        lead_ms: 5 * MINUTE_MS,
        stock,
        recent_load: vec![1.0; 15],
        outlook: Outlook::Forecast(fan),
        standby: Vec::new(),
        choice: None,
        limits: Limits::default(),
    }
}

fn loads(most: f64) -> impl Strategy<Value = Vec<[f64; 4]>> {
    prop::collection::vec(prop::array::uniform4(0.0..most), HORIZON)
}

fn stocks(most: u32) -> impl Strategy<Value = Stock> {
    (0..=most, 0..=most, 0..=most, 0..=most).prop_map(|(active, warm, booting, parked)| Stock {
        active,
        warm,
        booting,
        parked,
        ..Stock::default()
    })
}

fn standbys() -> impl Strategy<Value = Vec<Standby>> {
    let tier = |tier: Tier| {
        (0.01..0.99, 0.05..8.0, 0_usize..9).prop_map(move |(hold, latency_steps, build_steps)| Standby {
            tier,
            hold,
            latency_steps,
            build_steps,
        })
    };
    prop_oneof![
        Just(vec![]),
        tier(Tier::Parked).prop_map(|one| vec![one]),
        (tier(Tier::Parked), tier(Tier::Shell)).prop_map(|(parked, shell)| vec![parked, shell]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// A load that is likelier to be high at every step, by any amounts, never makes a plan want fewer.
    #[test]
    fn more_demand_probability_never_lowers_a_plan(
        loads in loads(9.0), more in loads(5.0), stock in stocks(5), standby in standbys(),
    ) {
        let wanted = |loads: &[[f64; 4]]| decide(&Snapshot { standby: standby.clone(), ..snapshot(loads, stock) }).wanted;
        let raised: Vec<[f64; 4]> = loads.iter().zip(&more).map(|(low, more)| {
            let (mut low, mut more) = (*low, *more);
            low.sort_by(f64::total_cmp);
            more.sort_by(f64::total_cmp);
            std::array::from_fn(|level| low[level] + more[level])
        }).collect();
        prop_assert!(wanted(&raised) >= wanted(&loads));
    }

    /// Where a missing instance weighs more against an idle one, a plan never wants fewer.
    #[test]
    fn a_dearer_shortage_never_lowers_a_plan(
        loads in loads(9.0), stock in stocks(5), standby in standbys(), (low, high) in (0.5..0.9999_f64, 0.5..0.9999_f64),
    ) {
        let wanted = |ratio: f64| {
            let mut snapshot = Snapshot { standby: standby.clone(), ..snapshot(&loads, stock) };
            snapshot.scaling.critical_ratio = ratio;
            decide(&snapshot).wanted
        };
        prop_assert!(wanted(low.max(high)) >= wanted(low.min(high)));
    }

    /// A rise that is certain is launched for no later where a launch takes longer.
    #[test]
    fn a_longer_boot_never_starts_later(rise in 1_usize..25, to in 2_u32..9, boot in 1_i64..10, longer in 1_i64..10) {
        // The plan is made anew at every minute, with what is left of the forecast.
        let starts = |boot: i64| (0..rise).find(|now| {
            let left: Vec<[f64; 4]> = (*now..rise + HORIZON).map(|step| [if step < rise { 1.0 } else { f64::from(to) }; 4]).collect();
            decide(&Snapshot { lead_ms: boot * MINUTE_MS, ..snapshot(&left, Stock { warm: 1, ..Stock::default() }) }).to_create() > 0
        }).unwrap_or(rise);
        prop_assert!(starts(boot + longer) <= starts(boot));
    }

    /// What is parked keeps to the maximum, and to a limit of launches, together with what is launched to be ready.
    #[test]
    fn standby_keeps_to_the_clamps(
        loads in loads(20.0), stock in stocks(8), standby in standbys(), max in 0_u32..30, launches in 1_u32..6, ratio in 0.5..0.999_f64,
    ) {
        let mut snapshot = Snapshot { standby, ..snapshot(&loads, stock) };
        snapshot.scaling = Scaling { max, max_launches_per_step: Some(launches), critical_ratio: ratio, ..snapshot.scaling };
        let plan = decide(&snapshot);
        let Plan { wanted, standby, .. } = &plan;
        prop_assert!(standby.parked == 0 || wanted + standby.parked <= max, "{wanted} and {standby:?} under {max}");
        let stay_parked = stock.parked.saturating_sub(plan.to_create());
        let from_launches = standby.parked.saturating_sub(stay_parked + plan.to_release());
        prop_assert!(plan.to_create() + from_launches <= launches, "{plan:?}");
        let may_park = snapshot.standby.iter().any(|one| one.tier == Tier::Parked);
        prop_assert!(may_park || standby.parked == 0, "a tier that is not on offer is not used");
    }

    /// The same snapshot gives the same plan, byte by byte.
    #[test]
    fn the_same_input_gives_the_same_bytes(loads in loads(9.0), stock in stocks(5), standby in standbys()) {
        let bytes = || {
            let snapshot = Snapshot { standby: standby.clone(), ..snapshot(&loads, stock) };
            serde_json::to_vec(&decide(&snapshot)).expect("a plan is JSON")
        };
        prop_assert_eq!(bytes(), bytes());
    }

    /// Ten million instances, in every tier: counts do not overflow, and every figure of the plan is a number.
    #[test]
    fn ten_million_instances_are_planned_without_overflow(
        loads in loads(1e7), stock in stocks(10_000_000), standby in standbys(), mode in prop_oneof![Just(Mode::Apply), Just(Mode::Recommend)],
    ) {
        let mut snapshot = Snapshot { standby, ..snapshot(&loads, stock) };
        snapshot.scaling.mode = mode;
        let plan = decide(&snapshot);
        prop_assert!(plan.wanted <= 40_000_000);
        for level in &plan.levels {
            let figures = [level.probability_next, level.probability_at_lead, level.probability_peak, level.cost_with, level.cost_without];
            prop_assert!(figures.iter().all(|figure| figure.is_finite()), "{level:?}");
        }
        let economy: Economy = snapshot.economy();
        prop_assert!(economy.unserved.is_finite());
    }
}

/// Loads at the ends of what a number can be are planned within the bounds, with figures that are numbers.
#[test]
fn loads_at_the_ends_of_what_a_number_can_be_are_planned() {
    for (load, expected) in [(0.0, 0), (1e-300, 1), (1e300, 1_000)] {
        let mut snapshot = snapshot(&[[load; 4]; HORIZON], Stock { warm: 3, ..Stock::default() });
        snapshot.scaling.max = 1_000;
        let plan = decide(&snapshot);
        assert_eq!(plan.wanted, expected, "{load}");
        assert!(
            plan.levels.iter().all(|level| level.cost_with.is_finite() && level.cost_without.is_finite()),
            "{plan:?}"
        );
    }
}

/// Ten million instances under every rule that competes: what each would have cost is a number.
#[test]
fn ten_million_instances_compete_without_overflow() {
    let snapshot = snapshot(&[[9e6, 9.5e6, 1e7, 1.1e7]; HORIZON], Stock::default());
    let Outlook::Forecast(fan) = &snapshot.outlook else { panic!("there is a forecast") };
    let mut contest = Contest::new(&entrants(Policy::Compete), 10_000_000);
    let economy = Economy::of_ratio(0.9999, 5);
    for step in 1..200_i64 {
        let (at, bounds) = (TimestampMs(step * MINUTE_MS), (0, u32::MAX));
        let moment = Moment { at, step_ms: MINUTE_MS, capacity: 1.0, economy: &economy, bounds, fan: Some(fan) };
        contest.step(&moment, Some(if step % 7 == 0 { 0.0 } else { 1e7 }));
    }
    for standing in contest.standings() {
        assert!(standing.cost.is_finite() && standing.wanted <= 20_000_000, "{standing:?}");
    }
}
