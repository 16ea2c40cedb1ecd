//! The table of threats that a driver is: what it does, and how the call ends.

use crate::drivers::{ID, TOKEN, persona};
use crate::support::{guest, runtime, small};
use crate::watch::Watch;
use forewarm_domain::instance::Tier;
use forewarm_domain::plugin::{PluginError, PluginErrorKind as Kind};
use forewarm_runtime::{Capability, Driver, Grant, Limits, Plugin, Runtime};
use serde_json::json;
use std::time::{Duration, Instant};

const LIMITS: Limits =
    Limits { memory_bytes: 64 << 20, call: Duration::from_millis(1_000), log_bytes: 10_000, host_calls: 1_000 };
const GRACE: Duration = Duration::from_secs(5);

/// Attack, how the call ends, and what the error says. Which call it is follows from the attack.
const THREATS: &[(&str, Kind, &str)] = &[
    ("negative price", Kind::InvalidAnswer, "a price is -1"),
    ("nan price", Kind::InvalidAnswer, "a price is NaN"),
    ("infinite price", Kind::InvalidAnswer, "a price is inf"),
    ("many prices", Kind::InvalidAnswer, "1000 prices"),
    ("foreign instance", Kind::InvalidAnswer, "00000000-0000-7000-8000-00000000dead was answered"),
    ("no id", Kind::InvalidAnswer, "an instance's id"),
    ("year 10000", Kind::InvalidAnswer, "not an instant"),
    ("before 1970", Kind::InvalidAnswer, "not an instant"),
    ("long reference", Kind::InvalidAnswer, "over 256 bytes"),
    ("endless pages", Kind::InvalidAnswer, "does not end after 1000 pages"),
    ("huge page", Kind::InvalidAnswer, "1001 instances"),
    ("spin", Kind::Deadline, "longer than 1000 ms"),
    ("sleep", Kind::Deadline, "longer than 1000 ms"),
    ("random flood", Kind::Deadline, "longer than 1000 ms"),
    ("panic", Kind::Trap, "the driver gives up"),
    ("state flood", Kind::HostBudget, "more than 1000 host calls"),
];

async fn load(runtime: &Runtime, attack: &str) -> (Plugin, Driver) {
    let parameters = json!({ "attack": attack });
    let grant = Grant { limits: Some(LIMITS), parameters, capabilities: Capability::ALL.into(), ..Grant::default() };
    let plugin = runtime.load(guest("hostile-driver"), grant).await.expect("loads");
    let Plugin::Driver(driver) = plugin.clone() else { panic!("a driver") };
    (plugin, driver)
}

/// Every call of a driver, until one fails in another way than by having no instance.
async fn live(driver: &Driver) -> Result<(), PluginError> {
    driver.prices(persona()).await?;
    driver.create(ID, TOKEN, persona(), Tier::Warm).await?;
    driver.list().await?;
    match driver.get(ID).await {
        Err(error) if error.kind == Kind::NotFound => Ok(()),
        other => other.map(drop),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_attack_ends_as_its_error_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let runtime = runtime(forewarm_runtime::RuntimeConfig { cache_dir: Some(folder.path().into()), ..small() });
    live(&load(&runtime, "none").await.1).await.expect("without an attack all is well");
    let watch = Watch::begin(&runtime).await;
    for (attack, kind, says) in THREATS {
        let (plugin, driver) = load(&runtime, attack).await;
        let began = Instant::now();
        let error = live(&driver).await.expect_err(attack);
        let pages = if *attack == "endless pages" { Duration::from_secs(20) } else { Duration::ZERO };
        assert!(began.elapsed() < LIMITS.call + GRACE + pages, "{attack}: {:?}", began.elapsed());
        assert_eq!(error.kind, *kind, "{attack}: {error}");
        assert!(error.message.contains(says), "{attack}: {error}");
        drop(driver);
        let lost = u64::from(matches!(kind, Kind::InvalidAnswer));
        assert_eq!(plugin.metrics().live_instances, lost, "{attack}: a poisoned instance is gone, a sound one stays");
    }
    watch.end().await;
}

#[tokio::test]
async fn a_refused_request_is_counted() {
    let runtime = runtime(small());
    let (plugin, driver) = load(&runtime, "long key").await;
    live(&driver).await.expect_err("a key of 200 bytes");
    assert_eq!(plugin.metrics().refused_requests, 1);
}
