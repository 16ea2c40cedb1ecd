//! The first-party plugins in the real sandbox.

use forewarm_domain::forecast::PLANNING_LEVELS;
use forewarm_domain::id::{IdempotencyToken, InstanceId};
use forewarm_domain::instance::Tier;
use forewarm_domain::persona::{Allocation, ExpectedPerformance, SystemSettings};
use forewarm_domain::plugin::{
    DriverState, PersonaView, PluginErrorKind as Kind, Usage, UsageOutcome, Workload, WorkloadClass,
};
use forewarm_domain::series::{Metric, Series};
use forewarm_domain::time::{DAY_MS, HOUR_MS, MINUTE_MS, ManualClock, TimestampMs};
use forewarm_runtime::{Capability, Grant, MemoryState, Plugin, Runtime, RuntimeConfig};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use uuid::Uuid;

const NOW: TimestampMs = TimestampMs(1_700_000_040_000);

struct Host {
    clock: Arc<ManualClock>,
    state: Arc<MemoryState>,
}

impl Host {
    fn new() -> Self {
        Self { clock: Arc::new(ManualClock::at(NOW)), state: Arc::default() }
    }

    /// Loads a plugin into a runtime of its own: to the plugin, a restart of the host.
    async fn load(&self, name: &str, parameters: Value) -> Plugin {
        let folder = std::env::var_os("FOREWARM_PLUGINS").map(PathBuf::from);
        let folder = folder.expect("FOREWARM_PLUGINS names no folder: run through `cargo xtask test`");
        let component = std::fs::read(folder.join(format!("{name}.wasm"))).expect("a built plugin");
        let config = RuntimeConfig { max_instances: 20, ..RuntimeConfig::default() };
        let runtime = Runtime::new(config, self.clock.clone(), self.state.clone()).expect("a runtime");
        let grant = Grant { parameters, capabilities: Capability::ALL.into(), ..Grant::default() };
        runtime.load(component, grant).await.expect("loads")
    }
}

/// Two days of minutes: 100 by night, 300 by day.
fn days() -> Series {
    let value = |minute: i64| if minute % 1_440 < 720 { 100.0 } else { 300.0 };
    let start = NOW.floor(MINUTE_MS) - 2 * DAY_MS;
    Series { start, step_ms: MINUTE_MS, values: (0..2_880).map(value).collect() }
}

#[tokio::test]
async fn the_forecaster_predicts_and_repeats_itself() {
    let Plugin::Forecaster(forecaster) = Host::new().load("forecaster-seasonal", json!({})).await else {
        panic!("a forecaster")
    };
    let history = days();
    let start = history.end();
    let mut fans = Vec::new();
    for _ in 0..2 {
        let mut model = forecaster.fit(history.clone(), Value::Null).await.expect("fits");
        let fan = model.step(vec![], start, MINUTE_MS, 60, PLANNING_LEVELS.to_vec()).await.expect("steps");
        let mut restored = forecaster.restore(model.save().await.expect("saves"), Value::Null).await.expect("restores");
        let again = restored.step(vec![], start, MINUTE_MS, 60, PLANNING_LEVELS.to_vec()).await.expect("steps");
        assert_eq!(fan, again, "the saved model is the same model");
        fans.push(fan);
    }
    assert_eq!(fans[0], fans[1], "the same input gives the same answer");
    assert_eq!((fans[0].horizon(), fans[0].at(0).len()), (60, PLANNING_LEVELS.len()));
    let error = forecaster.fit(Series { values: vec![], ..history }, Value::Null).await.expect_err("empty");
    assert_eq!(error.kind, Kind::NotEnoughData, "{error}");
}

#[tokio::test]
async fn the_profiler_drafts_and_refines() {
    let Plugin::Profiler(profiler) = Host::new().load("profiler-rules", json!({})).await else { panic!("a profiler") };
    let usage = |metric, value: fn(f64) -> f64| {
        let mut history = days();
        history.values.iter_mut().for_each(|load| *load = value(*load));
        Usage { metric, history }
    };
    let usages = vec![
        usage(Metric::CpuCores, |load| load / 100.0),
        usage(Metric::MemoryBytes, |_| 5e8),
        usage(Metric::Requests, |load| load),
    ];
    let resource: forewarm_domain::id::ResourceName = "shop".parse().expect("a name");
    let allocation = Some(Allocation { cpu_millis: 4_000, memory_mib: 4_096, storage_gib: 0, network_mbps: 0 });
    let workload = Workload { resource: resource.clone(), allocation, usages };
    let drafts = profiler.profile(vec![workload]).await.expect("profiles");
    assert_eq!((drafts.len(), &drafts[0].resource, drafts[0].class), (1, &resource, WorkloadClass::CpuBound));

    let outcome = UsageOutcome { metric: Metric::MemoryBytes, history: days(), out_of_memory: 0 };
    profiler.refine(persona(), vec![outcome]).await.expect("refines");
}

fn persona() -> PersonaView {
    PersonaView {
        name: "web".parse().expect("a name"),
        version: 1,
        allocation: Allocation { cpu_millis: 500, memory_mib: 512, storage_gib: 0, network_mbps: 0 },
        system: SystemSettings::default(),
        dedicated: false,
        ingress_cidrs: vec![],
        expected: ExpectedPerformance::default(),
        capacity_per_instance: 10.0,
    }
}

#[tokio::test]
async fn the_driver_keeps_its_instances_over_a_restart() {
    let host = Host::new();
    let Plugin::Driver(driver) = host.load("driver-simulated", json!({})).await else { panic!("a driver") };
    let ids: Vec<_> = (1..=3).map(|id| InstanceId(Uuid::from_u128(id))).collect();
    let token = |n| IdempotencyToken(Uuid::from_u128(n));
    assert!(driver.prices(persona()).await.expect("prices").iter().any(|price| price.tier == Tier::Warm));
    for id in &ids {
        let made = driver.create(*id, token(100), persona(), Tier::Warm).await.expect("creates");
        assert!(matches!(made.state, DriverState::Changing { to: Tier::Warm, .. }), "{made:?}");
        assert_eq!(driver.create(*id, token(100), persona(), Tier::Warm).await, Ok(made), "a repeated token");
    }
    host.clock.advance_to(NOW + HOUR_MS);

    let Plugin::Driver(driver) = host.load("driver-simulated", json!({})).await else { panic!("a driver") };
    let listed = driver.list().await.expect("lists");
    assert_eq!(listed.iter().map(|instance| instance.id).collect::<Vec<_>>(), ids);
    assert!(listed.iter().all(|instance| instance.state == DriverState::Stable(Tier::Warm)), "{listed:?}");
    driver.destroy(ids[0], token(101)).await.expect("destroys");
    host.clock.advance_to(NOW + 2 * HOUR_MS);
    assert_eq!(driver.get(ids[0]).await.expect_err("gone").kind, Kind::NotFound);
    assert_eq!(driver.list().await.expect("lists").len(), 2);
}
