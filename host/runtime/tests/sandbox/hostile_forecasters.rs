//! The table of threats that a compute plugin is: what it does, and how the call ends.

use crate::support::{STEP_MS, guest, history, runtime, small};
use crate::watch::Watch;
use forewarm_domain::plugin::{PluginError, PluginErrorKind as Kind};
use forewarm_domain::time::TimestampMs;
use forewarm_runtime::{Forecaster, Grant, Limits, LoadError, Plugin, RuntimeConfig};
use serde_json::json;
use std::time::{Duration, Instant};

const LIMITS: Limits =
    Limits { memory_bytes: 128 << 20, call: Duration::from_millis(1_500), log_bytes: 10_000, host_calls: 10_000 };
/// From the deadline to the end of a call, on a machine that does much else.
const GRACE: Duration = Duration::from_secs(5);

/// Place, attack, how the call ends, and what the error says.
const THREATS: &[(&str, &str, Kind, &str)] = &[
    ("forecast", "spin", Kind::Deadline, "longer than 1500 ms"),
    ("fit", "spin", Kind::Deadline, "longer than 1500 ms"),
    ("observe", "spin", Kind::Deadline, "longer than 1500 ms"),
    ("forecast", "stderr flood", Kind::Deadline, "longer than 1500 ms"),
    ("forecast", "memory bomb", Kind::Memory, "134217728 granted"),
    ("fit", "memory bomb", Kind::Memory, "134217728 granted"),
    ("forecast", "stack overflow", Kind::Trap, "call stack exhausted"),
    ("forecast", "out of bounds", Kind::Trap, "out of bounds memory access"),
    ("forecast", "bad indirect call", Kind::Trap, "out of bounds table access"),
    ("forecast", "unreachable", Kind::Trap, "`unreachable`"),
    ("forecast", "panic", Kind::Trap, "the guest gives up"),
    ("fit", "panic", Kind::Trap, "the guest gives up"),
    ("forecast", "exit", Kind::Trap, "exit"),
    ("forecast", "sleep", Kind::Trap, "sleeping is not possible"),
    ("forecast", "endless log", Kind::HostBudget, "more than 10000 host calls"),
    ("forecast", "huge text", Kind::HostBudget, "more data"),
    ("forecast", "many texts", Kind::HostBudget, "more data"),
    ("forecast", "nan", Kind::InvalidAnswer, "is NaN"),
    ("forecast", "infinity", Kind::InvalidAnswer, "is inf"),
    ("forecast", "negative infinity", Kind::InvalidAnswer, "is -inf"),
    ("save", "large state", Kind::InvalidAnswer, "over 1048576"),
];

async fn load(attack: serde_json::Value) -> Result<(Plugin, Forecaster, forewarm_runtime::Runtime), LoadError> {
    let runtime = runtime(RuntimeConfig { compute_threads: 2, ..small() });
    let grant = Grant { limits: Some(LIMITS), parameters: attack, ..Grant::default() };
    let plugin = runtime.load(guest("hostile-forecaster"), grant).await?;
    let Plugin::Forecaster(forecaster) = plugin.clone() else { panic!("a forecaster") };
    Ok((plugin, forecaster, runtime))
}

/// The whole life of a model, until something fails.
async fn live(
    forecaster: &Forecaster,
    place: &str,
    attack: &str,
) -> Result<forewarm_domain::forecast::Fan, PluginError> {
    let parameters = json!({ "place": place, "attack": attack });
    let mut model = forecaster.fit(history(&[1.0, 2.0, 3.0]), parameters).await?;
    model.observe(vec![4.0]).await?;
    let fan = model.step(vec![], TimestampMs(180_000), STEP_MS, 3, vec![0.1, 0.9]).await?;
    model.save().await?;
    Ok(fan)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_attack_ends_as_its_error_and_leaves_nothing_behind() {
    let (plugin, forecaster, runtime) = load(json!({})).await.expect("loads");
    live(&forecaster, "", "").await.expect("without an attack all is well");
    let watch = Watch::begin(&runtime).await;
    for (place, attack, kind, says) in THREATS {
        let (began, before) = (Instant::now(), plugin.metrics());
        let error = live(&forecaster, place, attack).await.expect_err(attack);
        assert!(began.elapsed() < LIMITS.call * 2 + GRACE, "{place} {attack}: {:?}", began.elapsed());
        assert_eq!(error.kind, *kind, "{place} {attack}: {error}");
        assert!(error.message.contains(says), "{place} {attack}: {error}");
        let after = plugin.metrics();
        assert_eq!(after.live_instances, 0, "{place} {attack}");
        let counted =
            |metrics: &forewarm_runtime::PluginMetrics| metrics.failures.get(kind).copied().unwrap_or_default();
        assert_eq!(counted(&after), counted(&before) + 1, "{place} {attack}");
        if *kind == Kind::Deadline {
            assert!(after.guest_ticks > before.guest_ticks, "{place} {attack} computes");
        }
    }
    assert!(plugin.metrics().peak_memory_bytes <= LIMITS.memory_bytes);
    watch.end().await;
}

#[tokio::test]
async fn a_flood_of_log_is_cut_and_the_call_goes_on() {
    let (plugin, forecaster, _) = load(json!({})).await.expect("loads");
    live(&forecaster, "forecast", "log flood").await.expect("it answers");
    assert!(plugin.metrics().log_dropped > 4_900, "{:?}", plugin.metrics());
}

#[tokio::test]
async fn crossing_quantiles_are_refused() {
    let (_, forecaster, _) = load(json!({})).await.expect("loads");
    let error = live(&forecaster, "forecast", "crossing").await.expect_err("no quantiles");
    assert_eq!(error.kind, Kind::InvalidAnswer);
    assert!(error.message.starts_with("the quantiles cross at step 1: level"), "{error}");
}

#[tokio::test]
async fn an_attack_at_the_first_call_is_told_when_it_is_loaded() {
    for (attack, kind) in [("spin", Kind::Deadline), ("memory bomb", Kind::Memory), ("panic", Kind::Trap)] {
        let loaded = load(json!({ "place": "describe", "attack": attack })).await;
        let Err(LoadError::Probe(error)) = loaded else { panic!("{attack} was loaded") };
        assert_eq!(error.kind, kind, "{attack}: {error}");
    }
}
