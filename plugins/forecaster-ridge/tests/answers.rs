//! What the plugin answers to odd histories and to parameters.

use forecaster_ridge::Ridge;
use forewarm_sdk::testing::forecaster::judge_odd_histories;
use forewarm_sdk::{Error, Forecaster, Series, testing};

fn fitted(config: &str) -> Result<Ridge, Error> {
    testing::set_config(config);
    let values = (0..200).map(|step| f64::from(10 + step % 8)).collect();
    Ridge::fit(Series { start_ms: 0, step_ms: 3_600_000, values })
}

#[test]
fn odd_histories_are_answered_or_refused() {
    assert_eq!(judge_odd_histories::<Ridge>(), Ok(()));
}

#[test]
fn seasons_that_are_set_are_used() {
    let model = fitted(r#"{"season_lengths": [8]}"#).expect("a season of eight steps");
    let path = model.forecast(16, &[0.5]).expect("a forecast").remove(0);
    for (index, value) in path.iter().enumerate() {
        let expected = 10.0 + ((200 + index) % 8) as f64;
        assert!((value - expected).abs() < 0.01, "{index}: {value} for {expected}");
    }
}

#[test]
fn seasons_out_of_bounds_are_refused() {
    for config in [
        r#"{"season_lengths": [1]}"#,
        r#"{"season_lengths": [24, 24]}"#,
        r#"{"season_lengths": [2, 3, 4, 5]}"#,
        r#"{"season": 24}"#,
    ] {
        assert!(fitted(config).is_err(), "{config}");
    }
}
