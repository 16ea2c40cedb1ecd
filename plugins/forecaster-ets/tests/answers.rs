//! What the plugin answers to histories that are easy, and to odd ones.

use forecaster_ets::SmoothingForecaster;
use forewarm_sdk::testing::forecaster::{judge_days, judge_odd_histories};

#[test]
fn odd_histories_are_answered_or_refused() {
    assert_eq!(judge_odd_histories::<SmoothingForecaster>(), Ok(()));
}

#[test]
fn days_go_on_and_new_levels_and_walks_are_followed() {
    assert_eq!(judge_days::<SmoothingForecaster>(), Ok(()));
}
