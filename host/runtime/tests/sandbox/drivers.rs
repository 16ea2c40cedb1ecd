//! Drivers that misbehave: they hold up themselves at most.

use crate::support::{driver, grant, runtime, small, tight};
use async_trait::async_trait;
use forewarm_domain::id::{IdempotencyToken, InstanceId, PluginName};
use forewarm_domain::instance::Tier;
use forewarm_domain::persona::{Allocation, ExpectedPerformance, SystemSettings};
use forewarm_domain::plugin::{PersonaView, PluginErrorKind as Kind};
use forewarm_domain::time::ManualClock;
use forewarm_runtime::{Driver, Limits, Plugin, Runtime, StateError, StateStore};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

pub(crate) const ID: InstanceId = InstanceId(Uuid::from_u128(7));
pub(crate) const TOKEN: IdempotencyToken = IdempotencyToken(Uuid::from_u128(8));

pub(crate) fn persona() -> PersonaView {
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

async fn load(runtime: &Runtime, name: &str, limits: Limits) -> (Plugin, Driver) {
    let plugin = runtime.load(driver(name), grant(limits)).await.expect("loads");
    let Plugin::Driver(driver) = plugin.clone() else { panic!("a driver") };
    (plugin, driver)
}

#[tokio::test]
async fn one_instance_is_kept_and_replaced_after_a_trap() {
    let (plugin, driver) = load(&runtime(small()), "driver-a", tight()).await;
    assert_eq!(driver.describe().await.expect("describes").max_instances, None);
    assert_eq!(driver.list().await, Ok(vec![]));
    assert_eq!(driver.destroy(ID, TOKEN).await, Ok(()));
    assert_eq!(driver.get(ID).await.expect_err("none").kind, Kind::NotFound);
    assert_eq!(plugin.metrics().live_instances, 1);

    let error = driver.reset(ID, TOKEN).await.expect_err("it traps");
    assert_eq!((error.kind, plugin.metrics().live_instances), (Kind::Trap, 0), "{error}");
    assert_eq!(driver.list().await, Ok(vec![]));
    assert_eq!((plugin.metrics().live_instances, plugin.metrics().traps), (1, 1));
}

#[tokio::test]
async fn a_spinning_driver_meets_its_deadline() {
    let (plugin, driver) = load(&runtime(small()), "driver-a", tight()).await;
    let error = driver.create(ID, TOKEN, persona(), Tier::Warm).await.expect_err("it spins");
    assert_eq!((error.kind, plugin.metrics().deadlines), (Kind::Deadline, 1), "{error}");
    assert_eq!(driver.list().await, Ok(vec![]));
    assert_eq!(driver.create(ID, TOKEN, persona(), Tier::Active).await.expect_err("no tier").kind, Kind::InvalidInput);
}

#[tokio::test]
async fn a_spinning_driver_does_not_hold_up_another() {
    let runtime = runtime(small());
    let patient = Limits { call: Duration::from_secs(3_600), ..tight() };
    let (_, spinning) = load(&runtime, "driver-a", patient).await;
    let (_, other) = load(&runtime, "driver-b", patient).await;
    let spin = tokio::spawn({
        let spinning = spinning.clone();
        async move { spinning.create(ID, TOKEN, persona(), Tier::Warm).await }
    });
    for _ in 0..20 {
        assert_eq!(other.list().await, Ok(vec![]));
    }
    assert!(!spin.is_finished());
    // The caller gives up: the call ends, and the driver is of use again.
    spin.abort();
    assert!(spin.await.is_err_and(|error| error.is_cancelled()));
    assert_eq!(spinning.list().await, Ok(vec![]));
}

#[tokio::test]
async fn state_is_kept() {
    let (_, driver) = load(&runtime(small()), "driver-a", tight()).await;
    assert_eq!(driver.start(ID, TOKEN).await.expect_err("kept").kind, Kind::Unsupported);
    assert_eq!(driver.park(ID, TOKEN).await.expect_err("read").kind, Kind::Unavailable);
}

/// A state store that never answers a read, and refuses to write.
struct Stuck;

#[async_trait]
impl StateStore for Stuck {
    async fn get(&self, _: &PluginName, _: &str) -> Result<Option<Vec<u8>>, StateError> {
        std::future::pending().await
    }

    async fn set(&self, _: &PluginName, _: &str, _: Vec<u8>) -> Result<(), StateError> {
        Err(StateError::Unavailable("stuck".into()))
    }

    async fn delete(&self, _: &PluginName, _: &str) -> Result<(), StateError> {
        Ok(())
    }

    async fn keys(&self, _: &PluginName, _: &str) -> Result<Vec<String>, StateError> {
        Ok(vec![])
    }
}

#[tokio::test]
async fn a_driver_that_waits_for_the_host_meets_its_deadline() {
    let clock = Arc::new(ManualClock::at(crate::support::NOW));
    let runtime = Runtime::new(small(), clock, Arc::new(Stuck)).expect("a runtime");
    let (_, driver) = load(&runtime, "driver-a", tight()).await;
    assert_eq!(driver.park(ID, TOKEN).await.expect_err("it waits").kind, Kind::Deadline);
    assert_eq!(driver.start(ID, TOKEN).await.expect_err("the write fails").kind, Kind::Unavailable);
}
