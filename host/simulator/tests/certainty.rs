//! With nothing uncertain, the production planner pays what perfect foresight pays, as long as nothing would have had to be
//! launched before it was first asked.
#![expect(clippy::expect_used, reason = "helpers of tests fail like tests")]

use forewarm_domain::forecast::Fan;
use forewarm_domain::persona::{Policy, Scaling};
use forewarm_domain::plan::{Limits, Outlook, Snapshot, Stock, decide};
use forewarm_domain::policy::Fleet;
use forewarm_domain::time::{MINUTE_MS, TimestampMs};
use forewarm_simulator::clairvoyant::{Costs, least_cost};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const CASES: u64 = 40;
const STEPS: usize = 50;

/// A forecast that is sure of the demand from `now` on.
fn sure(demand: &[u32], now: usize) -> Fan {
    // A demand of k is a load of just under k.
    let path = |below: f64| demand[now..].iter().map(|count| f64::from(*count) - below).collect::<Vec<f64>>();
    let at = TimestampMs(now as i64 * MINUTE_MS);
    Fan::from_paths(at, MINUTE_MS, &[0.1, 0.9], &[path(1e-6), path(1e-7)]).expect("valid")
}

/// What following the planner costs, asked anew at every step.
fn planned_cost(demand: &[u32], costs: Costs) -> f64 {
    let mut fleet = Fleet::new(demand[0]);
    let mut cost = 0.0;
    for (now, needed) in demand.iter().enumerate() {
        fleet.advance();
        let fan = sure(demand, now);
        let plan = decide(&Snapshot {
            persona: "web".parse().expect("valid"),
            persona_version: 1,
            at: fan.start(),
            step_ms: MINUTE_MS,
            scaling: Scaling { policy: Policy::LevelProgramme, ..Scaling::default() },
            capacity_per_instance: 1.0,
            lead_ms: i64::from(costs.boot_steps) * MINUTE_MS,
            stock: Stock { warm: fleet.ready(), booting: fleet.booting(), ..Stock::default() },
            recent_load: vec![f64::from(*needed)],
            outlook: Outlook::Forecast(fan),
            standby: Vec::new(),
            choice: None,
            limits: Limits::default(),
        });
        let launches = fleet.follow_surely(plan.wanted, costs.boot_steps as usize);
        cost += fleet.tally(*needed, launches).cost(costs.unserved);
    }
    cost
}

#[test]
fn zero_uncertainty_costs_what_the_clairvoyant_pays() {
    for seed in 0..CASES {
        let mut random = StdRng::seed_from_u64(seed);
        let costs = Costs { idle: 1.0, unserved: 19.0, boot_steps: random.random_range(1..7) };
        // The first steps are level: what comes within a launch's length of the first plan can't be met in time.
        let mut demand = vec![random.random_range(1..6); costs.boot_steps as usize + 1];
        while demand.len() < STEPS {
            let (count, steps) = (random.random_range(0..9), random.random_range(1..9));
            demand.extend(std::iter::repeat_n(count, steps));
        }
        let (planned, least) = (planned_cost(&demand, costs), least_cost(&demand, demand[0], costs));
        assert!((planned - least).abs() < 1e-6, "seed {seed}: {planned} against {least} for {demand:?} at {costs:?}");
    }
}
