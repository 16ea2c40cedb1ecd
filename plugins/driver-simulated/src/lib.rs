//! A simulated cloud: instances that boot, park, fail and cost money, without any machine. The way through: [`cloud`]
//! holds the operations, [`record`] one instance, [`chance`] its latencies and failures, [`store`] where it is kept.

pub mod chance;
pub mod cloud;
pub mod parameters;
pub mod prices;
pub mod record;
pub mod store;

use cloud::{Cloud, CloudAt};
use forewarm_sdk::prelude::*;
use parameters::Parameters;
use std::cell::RefCell;
use store::HostState;

/// The plugin.
pub struct Simulated;

thread_local! {
    /// The cloud as this instance of the plugin read it from the state at its first call, and has written since.
    static CLOUD: RefCell<Option<Cloud<HostState>>> = const { RefCell::new(None) };
}

fn with<T>(action: impl FnOnce(CloudAt<'_, HostState>) -> Result<T, Error>) -> Result<T, Error> {
    let parameters: Parameters = host::config()?;
    CLOUD.with_borrow_mut(|loaded| {
        let cloud = match loaded {
            Some(cloud) => cloud,
            None => loaded.insert(Cloud::load(HostState)?),
        };
        action(cloud.at(host::now(), &parameters))
    })
}

#[driver(
    summary = "A simulated cloud that keeps its instances in the plugin's state",
    parameters = "parameters.schema.json",
    capabilities = ["state"],
    memory_mib = 64,
    host_calls = 10_000
)]
impl Driver for Simulated {
    fn describe() -> Result<DriverDescription, Error> {
        Ok(cloud::describe(&host::config()?))
    }

    fn prices(query: PriceQuery) -> Result<Vec<Price>, Error> {
        Ok(cloud::prices(&host::config()?, &query))
    }

    fn create(request: CreateRequest) -> Result<Instance, Error> {
        with(|mut cloud| cloud.create(request))
    }

    fn list(cursor: Option<String>) -> Result<Page, Error> {
        with(|cloud| cloud.list(cursor.as_deref()))
    }

    fn get(id: String) -> Result<Instance, Error> {
        with(|cloud| cloud.get(&id))
    }

    fn destroy(id: String, token: String) -> Result<(), Error> {
        with(|mut cloud| cloud.destroy(&id, &token))
    }

    fn park(id: String, token: String) -> Result<Instance, Error> {
        with(|mut cloud| cloud.park(&id, &token))
    }

    fn start(id: String, token: String) -> Result<Instance, Error> {
        with(|mut cloud| cloud.start(&id, &token))
    }

    fn specialise(id: String, token: String, persona: Persona) -> Result<Instance, Error> {
        with(|mut cloud| cloud.specialise(&id, &token, &persona))
    }

    fn reset(id: String, token: String) -> Result<Instance, Error> {
        with(|mut cloud| cloud.reset(&id, &token))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use forewarm_sdk::testing;

    #[test]
    fn time_parameters_and_state_come_from_the_host() {
        testing::set_config(r#"{"boot_seconds": 10, "sigma": 0}"#);
        testing::set_now(1_000);
        let allocation = Allocation { cpu_millis: 500, memory_mib: 512, storage_gib: 0, network_mbps: 0 };
        let persona = Persona {
            name: "web".to_owned(),
            version: 1,
            allocation,
            system: System { image: String::new(), settings: Vec::new(), software: Vec::new() },
            dedicated: false,
            ingress_cidrs: Vec::new(),
            expected: ExpectedPerformance { latency_p95_ms: None, throughput_per_s: None, utilisation: None },
            capacity_per_instance: 1.0,
        };
        let request = CreateRequest { id: "a".to_owned(), token: "t".to_owned(), persona, tier: Tier::Warm };
        Simulated::create(request).expect("created");
        testing::set_now(11_000);
        assert_eq!(Simulated::get("a".to_owned()).expect("there").state, InstanceState::Stable(Tier::Warm));
        assert_eq!(state::keys("i/"), Ok(vec!["i/a".to_owned()]));
        testing::set_config(r#"{"boot_seconds": "soon"}"#);
        assert!(matches!(Simulated::list(None), Err(Error::InvalidInput(_))));
    }
}
