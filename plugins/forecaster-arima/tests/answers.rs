//! What the plugin answers to histories that are easy, to odd ones, and to parameters.

use forecaster_arima::Forecasts;
use forewarm_sdk::testing::forecaster::{judge_odd_histories, load, noise};
use forewarm_sdk::testing::set_config;
use forewarm_sdk::{Error, Forecaster, Series};

fn fit(config: &str, values: Vec<f64>) -> Result<Forecasts, Error> {
    set_config(config);
    Forecasts::fit(Series { start_ms: 0, step_ms: 3_600_000, values })
}

#[test]
fn odd_histories_are_answered_or_refused() {
    assert_eq!(judge_odd_histories::<Forecasts>(), Ok(()));
}

#[test]
fn day_and_week_go_on_and_outcomes_fall_inside() {
    let configs = ["{}", r#"{"order": [1,0,1], "seasonal_order": [0,1,1]}"#, r#"{"seasonal_order": [0,0,0]}"#];
    for config in configs {
        let mut model = fit(config, (0..1_400).map(load).collect()).expect("enough data");
        model.observe(&(1_400..1_407).map(load).collect::<Vec<_>>()).expect("values");
        let paths = model.forecast(168, &[0.05, 0.5, 0.95]).expect("a forecast");
        let error = (0..168).map(|at| (paths[1][at] - load(1_407 + at)).abs()).sum::<f64>() / 168.0;
        assert!(error < 20.0, "{config}: {error} of a level of 100");
        let inside = (0..168).filter(|at| (paths[0][*at]..=paths[2][*at]).contains(&load(1_407 + at))).count();
        assert!(inside >= 120, "{config}: {inside} of 168");
    }
}

#[test]
fn a_walk_is_followed_with_a_widening_interval() {
    let mut level = 500.0;
    let walk: Vec<f64> = (0..600)
        .map(|step| {
            level += 10.0 * (noise(step) - 0.5);
            level
        })
        .collect();
    let model = fit(r#"{"season_lengths": []}"#, walk).expect("enough data");
    let paths = model.forecast(48, &[0.1, 0.5, 0.9]).expect("a forecast");
    assert!((paths[1][0] - level).abs() < 8.0, "{} after {level}", paths[1][0]);
    assert!(paths[2][47] - paths[0][47] > 2.0 * (paths[2][0] - paths[0][0]));
}

#[test]
fn parameters_out_of_bounds_are_refused() {
    for config in [
        r#"{"order": [6, 0, 0]}"#,
        r#"{"order": [1, 0]}"#,
        r#"{"seasonal_order": [0, 2, 0]}"#,
        r#"{"season_lengths": [1]}"#,
        r#"{"orders": [1, 0, 0]}"#,
    ] {
        assert!(fit(config, vec![1.0; 100]).is_err(), "{config}");
    }
}
