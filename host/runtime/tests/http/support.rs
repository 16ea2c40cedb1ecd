//! A driver that sends what a test tells it to, and what it may.

use async_trait::async_trait;
use forewarm_domain::persona::{Allocation, ExpectedPerformance, SystemSettings};
use forewarm_domain::plugin::{PersonaView, PluginError, PluginErrorKind};
use forewarm_domain::time::{ManualClock, TimestampMs};
use forewarm_runtime::{
    Capability, Driver, Grant, HttpDestination, HttpGrant, HttpLimits, HttpMethod, HttpScheme, Limits, LoadError,
    MemoryState, Plugin, Resolver, Runtime, RuntimeConfig,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Answers the next of a list at each call, the last one for ever.
#[derive(Debug)]
pub(crate) struct Rebinding(Mutex<Vec<Vec<IpAddr>>>);

impl Rebinding {
    pub(crate) fn new(answers: &[&[&str]]) -> Arc<Self> {
        let parse = |answer: &&[&str]| answer.iter().map(|ip| ip.parse().expect("an address")).collect();
        Arc::new(Self(Mutex::new(answers.iter().map(parse).collect())))
    }
}

#[async_trait]
impl Resolver for Rebinding {
    async fn resolve(&self, _: &str) -> std::io::Result<Vec<IpAddr>> {
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let next = if answers.len() > 1 { Some(answers.remove(0)) } else { answers.first().cloned() };
        next.ok_or_else(|| std::io::Error::other("no such name"))
    }
}

/// A resolver to which every name is this machine.
pub(crate) fn local() -> Arc<Rebinding> {
    Rebinding::new(&[&["127.0.0.1"]])
}

/// In the clear to this machine, any method.
pub(crate) fn destination(host: &str, port: u16) -> HttpDestination {
    HttpDestination {
        scheme: HttpScheme::Http,
        port,
        methods: BTreeSet::from(HttpMethod::ALL),
        allow_addresses: vec!["127.0.0.1".parse().expect("an address")],
        ..HttpDestination::new(host.parse().expect("a host"))
    }
}

pub(crate) fn grant(destinations: Vec<HttpDestination>) -> HttpGrant {
    HttpGrant { destinations, limits: HttpLimits::default() }
}

/// The loaded driver.
pub(crate) struct Courier {
    pub(crate) plugin: Plugin,
    driver: Driver,
}

pub(crate) async fn try_load(
    http: HttpGrant,
    limits: Limits,
    resolver: Arc<dyn Resolver>,
) -> Result<Courier, LoadError> {
    let folder = std::env::var_os("FOREWARM_GUESTS").map(PathBuf::from);
    let folder = folder.expect("FOREWARM_GUESTS names no folder: run through `cargo xtask test`");
    let component = std::fs::read(folder.join("http-driver.wasm")).expect("a built guest");
    let config = RuntimeConfig { max_instances: 4, resolver, ..RuntimeConfig::default() };
    let clock = Arc::new(ManualClock::at(TimestampMs(1_700_000_000_000)));
    let runtime = Runtime::new(config, clock, Arc::new(MemoryState::new())).expect("a runtime");
    let grant = Grant { capabilities: Capability::ALL.into(), limits: Some(limits), http, ..Grant::default() };
    let plugin = runtime.load(component, grant).await?;
    let Plugin::Driver(driver) = plugin.clone() else { panic!("a driver") };
    Ok(Courier { plugin, driver })
}

pub(crate) async fn load(http: HttpGrant, resolver: Arc<dyn Resolver>) -> Courier {
    try_load(http, Limits::default(), resolver).await.expect("loads")
}

impl Courier {
    /// What became of each request of the script.
    pub(crate) async fn run(&self, script: Value) -> Vec<Value> {
        let error = self.try_run(script).await;
        assert_eq!(error.kind, PluginErrorKind::Other, "{error}");
        serde_json::from_str(&error.message).expect("outcomes")
    }

    pub(crate) async fn try_run(&self, script: Value) -> PluginError {
        let settings = [("script".to_owned(), script.to_string())].into();
        let system = SystemSettings { settings, ..SystemSettings::default() };
        self.driver.prices(persona(system)).await.expect_err("outcomes come as an error")
    }

    pub(crate) async fn get(&self, url: &str) -> Value {
        self.run(json!([{ "url": url }])).await.remove(0)
    }

    /// The error of each such request is `code`, as `wasi:http` names it, and counted under `reason`.
    pub(crate) async fn refuses(&self, step: Value, code: &str, reason: &str) {
        let before = self.failed(reason);
        let outcome = self.run(json!([step])).await.remove(0);
        let error = outcome["error"].as_str().unwrap_or_else(|| panic!("{step} was answered: {outcome}"));
        assert!(error.contains(code), "{step}: {error} instead of {code}");
        assert_eq!(self.failed(reason), before + 1, "{step}: {reason} in {:?}", self.plugin.metrics().http);
    }

    pub(crate) fn failed(&self, reason: &str) -> u64 {
        self.plugin.metrics().http.failed(reason)
    }
}

fn persona(system: SystemSettings) -> PersonaView {
    PersonaView {
        name: "web".parse().expect("a name"),
        version: 1,
        allocation: Allocation { cpu_millis: 500, memory_mib: 512, storage_gib: 0, network_mbps: 0 },
        system,
        dedicated: false,
        ingress_cidrs: vec![],
        expected: ExpectedPerformance::default(),
        capacity_per_instance: 10.0,
    }
}

/// Waits until `condition` holds, for two seconds at most.
pub(crate) async fn eventually(condition: impl Fn() -> bool) -> bool {
    for _ in 0..200 {
        if condition() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    condition()
}
