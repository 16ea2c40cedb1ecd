//! What the plugin answers to rare demand, and to odd histories.

#![expect(clippy::expect_used, reason = "helpers of tests fail like tests")]

use forecaster_intermittent::Intermittent;
use forewarm_sdk::testing::forecaster::{judge_odd_histories, noise};
use forewarm_sdk::{Forecaster, Series};

fn fit(values: Vec<f64>) -> Intermittent {
    Intermittent::fit(Series { start_ms: 0, step_ms: 60_000, values }).expect("enough data")
}

#[test]
fn odd_histories_are_answered_or_refused() {
    assert_eq!(judge_odd_histories::<Intermittent>(), Ok(()));
}

#[test]
fn a_regular_job_is_seen_coming() {
    let law = |step: usize| if step.is_multiple_of(45) { 3.0 } else { 0.0 };
    let mut model = fit((0..9_000).map(law).collect());
    model.observe(&(9_000..9_020).map(law).collect::<Vec<_>>()).expect("values");
    let path = model.forecast(45, &[0.5]).expect("a forecast").remove(0);
    for (index, value) in path.iter().enumerate() {
        assert_eq!(*value, law(9_020 + index), "{index}");
    }
}

#[test]
fn levels_hold_their_share_of_demand_by_chance() {
    let law = |step: usize| if noise(step) < 0.2 { 1.0 + (noise(step + 50_000) * 10.0).floor() } else { 0.0 };
    let paths = fit((0..10_000).map(law).collect()).forecast(1_000, &[0.7, 0.9, 0.97]).expect("a forecast");
    for (path, level) in paths.iter().zip([0.7, 0.9, 0.97]) {
        let held = (0..1_000).filter(|at| law(10_000 + at) <= path[*at]).count() as f64 / 1_000.0;
        assert!(held > level - 0.03 && held < level + 0.13, "{level}: {held}");
    }
}
