//! What an operator can set; the same names, bounds and defaults as in `parameters.schema.json`.

use serde::Deserialize;
use std::collections::BTreeMap;

/// The parameters. Times are medians in seconds, prices are per hour in the driver's own currency.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Parameters {
    /// Decides every latency and every failure.
    pub seed: u64,
    /// From `create` to a booted instance.
    pub boot_seconds: f64,
    /// To park.
    pub park_seconds: f64,
    /// From parked to running.
    pub start_seconds: f64,
    /// From shell to warm.
    pub specialise_seconds: f64,
    /// To wipe.
    pub reset_seconds: f64,
    /// Standard deviation of the logarithm of all these times.
    pub sigma: f64,
    /// Share of boots that fail, 0 to 1.
    pub failure_rate: f64,
    /// Share of calls that are answered `unavailable`, 0 to 1.
    pub unavailable_rate: f64,
    /// The quota; a restarted host reads every instance in one call, which may make 10,000 host calls.
    pub max_instances: u32,
    /// Instances that the cloud has room for; unlike the quota, nobody is told.
    pub capacity: u32,
    /// One core for one hour.
    pub cpu_hour: f64,
    /// One GiB of memory for one hour.
    pub gib_hour: f64,
    /// One GiB of storage for one hour, in every tier.
    pub storage_gib_hour: f64,
    /// A shell's share of a warm instance's price.
    pub shell_share: f64,
    /// A parked instance's share of a warm one's price.
    pub parked_share: f64,
    /// Factors on all prices, by zone; 1 for one that is not named.
    pub zone_prices: BTreeMap<String, f64>,
    /// Instances that there is room for, by zone; as many as in the cloud in one that is not named.
    pub zone_capacity: BTreeMap<String, u32>,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            seed: 0,
            boot_seconds: 300.0,
            park_seconds: 15.0,
            start_seconds: 30.0,
            specialise_seconds: 60.0,
            reset_seconds: 5.0,
            sigma: 0.1,
            failure_rate: 0.0,
            unavailable_rate: 0.0,
            max_instances: 9_900,
            capacity: 9_900,
            cpu_hour: 0.04,
            gib_hour: 0.005,
            storage_gib_hour: 0.0001,
            shell_share: 0.6,
            parked_share: 0.1,
            zone_prices: BTreeMap::new(),
            zone_capacity: BTreeMap::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_gives_the_same_defaults() {
        let schema: serde_json::Value =
            serde_json::from_str(include_str!("../parameters.schema.json")).expect("the schema is JSON");
        let properties = schema["properties"].as_object().expect("properties");
        let defaults: serde_json::Map<String, serde_json::Value> =
            properties.iter().map(|(name, property)| (name.clone(), property["default"].clone())).collect();
        assert_eq!(defaults.len(), 18);
        let parsed: Parameters = serde_json::from_value(defaults.into()).expect("the defaults fit");
        assert_eq!(parsed, Parameters::default());
    }
}
