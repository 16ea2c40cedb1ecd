//! Whole hosts at work, as their operators and callers meet them: the real program with the real plugins, real databases
//! and a real NATS server; killed, starved and fed with nonsense.
#![expect(clippy::expect_used, clippy::panic, reason = "helpers of tests fail like tests")]

mod anomalies;
mod backtest;
mod bad_requests;
mod bad_setups;
mod bus;
mod crash;
mod days;
mod export;
mod intent;
mod lending;
mod main_job;
mod market;
mod packages;
mod placements;
mod plugins;
mod replay;
mod simulate;
mod tiers;
mod training;

use serde_json::{Value, json};

/// A persona of which one instance serves a load of 10.
fn persona(name: &str, min: u32, max: u32) -> Value {
    json!({
        "name": name,
        "allocation": {"cpu_millis": 500, "memory_mib": 512},
        "demand": {"series": {"resource": name, "metric": "requests"}, "capacity_per_instance": 10.0},
        "scaling": {"min": min, "max": max},
    })
}

/// A value that is a text.
fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

/// Waits until so many instances of a persona are warm.
fn warmed(api: &forewarm_tests::Api, persona: &str, least: u64) {
    forewarm_tests::eventually("warm instances", || {
        (api.standing(persona)["stock"]["warm"].as_u64()? >= least).then_some(())
    });
}
