//! Builds components from the texts in `tests/guests`, and a runtime to load them into.

use forewarm_domain::series::Series;
use forewarm_domain::time::{ManualClock, TimestampMs};
use forewarm_runtime::{Capability, Grant, Limits, MemoryState, Plugin, Runtime, RuntimeConfig};
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use forewarm_tests::guests::{component, leb, with_manifest};

pub(crate) const STEP_MS: i64 = 60_000;
pub(crate) const NOW: TimestampMs = TimestampMs(1_700_000_000_000);
const FORECASTER: &str = include_str!("../guests/forecaster.wat");
const DRIVER: &str = include_str!("../guests/driver.wat");
const BODIES: [&str; 5] = ["DESCRIBE", "FIT", "OBSERVE", "FORECAST", "SAVE"];

/// The forecaster of `forecaster.wat` with `body` put into the function `place`.
pub(crate) fn forecaster(place: &str, body: &str) -> Vec<u8> {
    let mut text = FORECASTER.to_owned();
    for name in BODIES {
        text = text.replace(&format!("    {name}\n"), if name == place { body } else { "" });
    }
    with_manifest(&component(&text, "forecaster-plugin"), &manifest("forecaster"))
}

/// A component of `tests/guests`.
pub(crate) fn guest(name: &str) -> Vec<u8> {
    let folder = std::env::var_os("FOREWARM_GUESTS").expect("FOREWARM_GUESTS names no folder: run `cargo xtask test`");
    std::fs::read(Path::new(&folder).join(format!("{name}.wasm"))).expect("a built guest")
}

/// The driver of `driver.wat`.
pub(crate) fn driver(name: &str) -> Vec<u8> {
    let manifest = json!({ "name": name, "version": "1", "kind": "driver", "capabilities": ["state"] });
    with_manifest(&component(DRIVER, "driver-plugin"), &manifest)
}

pub(crate) fn manifest(kind: &str) -> serde_json::Value {
    let properties = json!({ "level": { "type": "number" } });
    let parameters = json!({ "type": "object", "additionalProperties": false, "properties": properties });
    json!({ "name": format!("test-{kind}"), "version": "1", "kind": kind, "parameters": parameters })
}

pub(crate) fn runtime(config: RuntimeConfig) -> Runtime {
    let clock = Arc::new(ManualClock::at(NOW));
    Runtime::new(config, clock, Arc::new(MemoryState::new())).expect("a runtime")
}

pub(crate) fn small() -> RuntimeConfig {
    RuntimeConfig { max_instances: 8, ..RuntimeConfig::default() }
}

/// Limits that a hostile guest meets soon.
pub(crate) fn tight() -> Limits {
    Limits { memory_bytes: 8 << 20, call: Duration::from_millis(100), log_bytes: 1_000, host_calls: 100 }
}

pub(crate) fn grant(limits: Limits) -> Grant {
    Grant { capabilities: Capability::ALL.into(), limits: Some(limits), ..Grant::default() }
}

/// The forecaster with `body` in the function `place`, loaded under tight limits.
pub(crate) async fn load_forecaster(place: &str, body: &str) -> (Plugin, forewarm_runtime::Forecaster) {
    load_into(&runtime(small()), forecaster(place, body), tight()).await
}

/// A forecaster, loaded under `limits`.
pub(crate) async fn load_into(
    runtime: &Runtime,
    component: Vec<u8>,
    limits: Limits,
) -> (Plugin, forewarm_runtime::Forecaster) {
    let plugin = runtime.load(component, grant(limits)).await.expect("loads");
    let Plugin::Forecaster(forecaster) = plugin.clone() else { panic!("a forecaster") };
    (plugin, forecaster)
}

pub(crate) fn history(values: &[f64]) -> Series {
    Series { start: TimestampMs(0), step_ms: STEP_MS, values: values.to_vec() }
}
