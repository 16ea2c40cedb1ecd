//! What the plugin answers to histories that are easy, and to odd ones.

#![expect(clippy::expect_used, reason = "helpers of tests fail like tests")]

use forecaster_mstl::MstlForecaster;
use forewarm_sdk::testing::forecaster::{judge_odd_histories, load, noise};
use forewarm_sdk::testing::set_config;
use forewarm_sdk::{Forecaster, Series};

fn fit(values: Vec<f64>) -> MstlForecaster {
    MstlForecaster::fit(Series { start_ms: 0, step_ms: 3_600_000, values }).expect("enough data")
}

#[test]
fn odd_histories_are_answered_or_refused() {
    assert_eq!(judge_odd_histories::<MstlForecaster>(), Ok(()));
}

#[test]
fn day_and_week_go_on_and_outcomes_fall_inside() {
    let mut model = fit((0..700).map(load).collect());
    model.observe(&(700..707).map(load).collect::<Vec<_>>()).expect("values");
    let paths = model.forecast(168, &[0.05, 0.5, 0.95]).expect("a forecast");
    let error = (0..168).map(|at| (paths[1][at] - load(707 + at)).abs()).sum::<f64>() / 168.0;
    assert!(error < 5.0, "{error} with noise of 2.5");
    let inside = (0..168).filter(|at| (paths[0][*at]..=paths[2][*at]).contains(&load(707 + at))).count();
    assert!(inside >= 130, "{inside} of 168");
}

#[test]
fn a_new_level_is_followed_once_it_is_fitted_anew() {
    let mut model = fit((0..700).map(load).collect());
    model.observe(&(700..796).map(|step| load(step) + 500.0).collect::<Vec<_>>()).expect("values");
    let path = model.forecast(24, &[0.5]).expect("a forecast").remove(0);
    let error = (0..24).map(|at| path[at] - load(796 + at) - 500.0).sum::<f64>() / 24.0;
    assert!(error.abs() < 100.0, "{error}");
}

#[test]
fn without_seasons_a_walk_is_followed() {
    set_config(r#"{"season_lengths": []}"#);
    let mut walk = vec![1_000.0];
    (1..600).for_each(|step| walk.push(walk[step - 1] + noise(step) - 0.5));
    let paths = fit(walk.clone()).forecast(100, &[0.05, 0.5, 0.95]).expect("a forecast");
    assert!((paths[1][0] - walk[599]).abs() < 1.0);
    assert!(paths[2][99] - paths[0][99] > 3.0 * (paths[2][0] - paths[0][0]));
}
