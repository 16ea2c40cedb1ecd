//! What the plugin answers to histories that are easy, and to odd ones.

#![expect(clippy::expect_used, reason = "helpers of tests fail like tests")]

use forecaster_naive::Naive;
use forewarm_sdk::testing::forecaster::{judge_odd_histories, load, noise};
use forewarm_sdk::testing::set_config;
use forewarm_sdk::{Error, Forecaster, Series};

fn fit(values: Vec<f64>) -> Naive {
    Naive::fit(Series { start_ms: 0, step_ms: 3_600_000, values }).expect("enough data")
}

fn median(model: &Naive, horizon: u32) -> Vec<f64> {
    model.forecast(horizon, &[0.5]).expect("a forecast").remove(0)
}

#[test]
fn odd_histories_are_answered_or_refused() {
    assert_eq!(judge_odd_histories::<Naive>(), Ok(()));
}

#[test]
fn the_week_before_is_repeated() {
    let law = |step: usize| load(step) - 10.0 * noise(step);
    let mut model = fit((0..700).map(law).collect());
    model.observe(&(700..707).map(law).collect::<Vec<_>>()).expect("values");
    for (ahead, value) in median(&model, 400).into_iter().enumerate() {
        assert!((value - law(707 + ahead)).abs() < 1e-6, "{ahead}: {value}");
    }
}

#[test]
fn without_a_season_the_last_value_stays_and_the_interval_grows() {
    set_config(r#"{"season_lengths": []}"#);
    let mut walk = vec![1_000.0];
    (1..600).for_each(|step| walk.push(walk[step - 1] + noise(step) - 0.5));
    let paths = fit(walk.clone()).forecast(100, &[0.05, 0.5, 0.95]).expect("a forecast");
    let width = |ahead: usize| paths[2][ahead - 1] - paths[0][ahead - 1];
    assert!((paths[1][0] - walk[599]).abs() < 0.5);
    assert!(width(100) > 3.0 * width(1), "{} and {}", width(1), width(100));
}

#[test]
fn the_operator_names_the_season() {
    set_config(r#"{"season_lengths": [5]}"#);
    let model = fit((0..60).map(|step| f64::from(step % 5)).collect());
    for (ahead, value) in median(&model, 7).into_iter().enumerate() {
        assert!((value - (ahead % 5) as f64).abs() < 0.01, "{ahead}: {value}");
    }
    set_config(r#"{"season_lengths": [5, 3]}"#);
    let refused = Naive::fit(Series { start_ms: 0, step_ms: 60_000, values: vec![1.0; 60] }).err();
    assert!(matches!(refused, Some(Error::InvalidInput(text)) if text.contains("must rise")));
}
