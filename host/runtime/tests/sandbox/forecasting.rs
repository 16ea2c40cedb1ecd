//! A well-behaved forecaster: fitted, stepped, saved and restored, with parameters that are checked.

use crate::support::{STEP_MS, history, load_forecaster};
use forewarm_domain::plugin::PluginErrorKind as Kind;
use forewarm_domain::time::TimestampMs;
use forewarm_runtime::PluginMetrics;
use serde_json::{Value, json};

const START: TimestampMs = TimestampMs(180_000);
const LEVELS: [f64; 2] = [0.1, 0.9];

#[tokio::test]
async fn a_model_observes_forecasts_and_survives_in_its_saved_state() {
    let (plugin, forecaster) = load_forecaster("", "").await;
    let mut model = forecaster.fit(history(&[1.0, 2.0, 3.0]), Value::Null).await.expect("fits");
    let fan = model.step(vec![], START, STEP_MS, 3, LEVELS.to_vec()).await.expect("steps");
    assert_eq!((fan.start(), fan.step_ms(), fan.horizon(), fan.at(2)), (START, STEP_MS, 3, &[3.0, 3.0][..]));
    let fan = model.step(vec![7.0, 8.0], START + STEP_MS, STEP_MS, 1, LEVELS.to_vec()).await.expect("steps");
    assert_eq!(fan.at(0), [8.0, 8.0]);

    let saved = model.save().await.expect("saves");
    let mut restored = forecaster.restore(saved, Value::Null).await.expect("restores");
    let fan = restored.step(vec![], START, STEP_MS, 1, LEVELS.to_vec()).await.expect("steps");
    assert_eq!(fan.at(0), [8.0, 8.0]);

    let PluginMetrics { calls, traps, live_instances, peak_memory_bytes, .. } = plugin.metrics();
    assert_eq!((calls, traps, live_instances, peak_memory_bytes), (7, 0, 2, 65_536));
}

#[tokio::test]
async fn only_the_recent_history_is_sent() {
    // It traps when it is handed more than the 10,000 values that it says make a difference, or an unaligned start.
    let body = "(if (i32.gt_u (local.get $count) (i32.const 10000)) (then unreachable))
        (if (i64.ne (local.get $start) (i64.const 120000)) (then unreachable))";
    let (_, forecaster) = load_forecaster("FIT", body).await;
    forecaster.fit(history(&[1.0; 10_002]), Value::Null).await.expect("fits");
}

#[tokio::test]
async fn input_that_breaks_the_contract_does_not_reach_the_guest() {
    let (plugin, forecaster) = load_forecaster("", "").await;
    let mut model = forecaster.fit(history(&[1.0]), Value::Null).await.expect("fits");
    let before = plugin.metrics().calls;
    for (observed, horizon, levels) in [
        (vec![f64::INFINITY], 1, LEVELS.to_vec()),
        (vec![], 0, LEVELS.to_vec()),
        (vec![], 1_441, LEVELS.to_vec()),
        (vec![], 1, vec![0.9, 0.1]),
        (vec![0.0; 100_001], 1, LEVELS.to_vec()),
    ] {
        let error = model.step(observed, START, STEP_MS, horizon, levels).await.expect_err("invalid");
        assert_eq!(error.kind, Kind::InvalidInput, "{error}");
    }
    assert_eq!(plugin.metrics().calls, before);
}

#[tokio::test]
async fn a_model_has_parameters_of_its_own() {
    // It keeps the length of its parameters' text as its value.
    let body = "(call $config (i32.const 96))
        (global.set $last (f64.convert_i32_u (i32.load (i32.const 100))))
        (return (call $ok (call $model_new (i32.const 1)) (i32.const 0)))";
    let (_, forecaster) = load_forecaster("FIT", body).await;
    for (parameters, text) in [(Value::Null, "{}"), (json!({}), "{}"), (json!({ "level": 12.5 }), r#"{"level":12.5}"#)]
    {
        let mut model = forecaster.fit(history(&[1.0]), parameters).await.expect("fits");
        let fan = model.step(vec![], START, STEP_MS, 1, vec![0.5]).await.expect("steps");
        assert_eq!(fan.at(0), [text.len() as f64], "{text}");
    }
    let error = forecaster.fit(history(&[1.0]), json!({ "lever": 1 })).await.expect_err("unknown");
    assert_eq!(error.kind, Kind::InvalidInput);
    let faults = forecaster.check_parameters(&json!({ "level": "high" })).expect_err("no number").errors;
    assert_eq!((faults.len(), faults[0].path.as_str(), &faults[0].value), (1, "/level", &json!("high")));
}

#[tokio::test]
async fn the_guest_sees_the_hosts_clock() {
    let body = "(global.set $last (f64.convert_i64_s (call $now)))";
    let (_, forecaster) = load_forecaster("FORECAST", body).await;
    let mut model = forecaster.fit(history(&[1.0]), Value::Null).await.expect("fits");
    let fan = model.step(vec![], START, STEP_MS, 1, vec![0.5]).await.expect("steps");
    assert_eq!(fan.at(0), [crate::support::NOW.0 as f64]);
}
