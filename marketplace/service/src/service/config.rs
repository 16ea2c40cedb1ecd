//! What an operator sets of a market: one section per concept, each with its defaults beside its documentation.

use crate::auth::LimitsConfig;
use crate::config::MarketConfig;
use crate::webhooks::WebhookConfig;
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// The rules and limits of a market.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ServiceConfig {
    /// Rounds, windows, fees, notice.
    pub rules: MarketConfig,
    /// What one tenant may take up of the server.
    pub limits: LimitsConfig,
    /// Webhooks.
    pub webhooks: WebhookConfig,
}

/// A setting that can't be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingFault {
    /// The key below the market's section, such as `rules.notice_s`.
    pub key: String,
    /// What is wrong with its value.
    pub problem: String,
    /// What would be right.
    pub help: String,
}

impl fmt::Display for SettingFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "market.{} {}: {}", self.key, self.problem, self.help)
    }
}

impl ServiceConfig {
    /// The settings that can't be used; empty when all can.
    #[must_use]
    pub fn faults(&self) -> Vec<SettingFault> {
        let rules = self
            .rules
            .faults()
            .into_iter()
            .map(|fault| out_of_range(format!("rules.{}", fault.key), fault.value, fault.least, fault.most));
        let mut faults: Vec<SettingFault> = rules.collect();
        let LimitsConfig { requests_per_second, burst, in_flight } = self.limits;
        let WebhookConfig { timeout_s, first_retry_s, give_up_after_h, max_per_tenant, max_in_flight, .. } =
            self.webhooks;
        for (key, value, least, most) in [
            ("limits.requests_per_second", requests_per_second, 1, 1_000_000),
            ("limits.burst", burst, 1, 1_000_000),
            ("limits.in_flight", in_flight, 1, 100_000),
            ("webhooks.timeout_s", timeout_s, 1, 60),
            ("webhooks.first_retry_s", first_retry_s, 1, 3_600),
            ("webhooks.give_up_after_h", give_up_after_h, 1, 24 * 31),
            ("webhooks.max_per_tenant", max_per_tenant, 0, 1_000),
            ("webhooks.max_in_flight", max_in_flight, 1, 10_000),
        ] {
            if !(least..=most).contains(&value) {
                faults.push(out_of_range(key.to_owned(), value, least, most));
            }
        }
        if let Err(error) = self.webhooks.ranges() {
            let help = "write ranges in CIDR notation, or single addresses".to_owned();
            faults.push(SettingFault {
                key: "webhooks.allow_addresses".into(),
                problem: format!("is wrong: {error}"),
                help,
            });
        }
        faults
    }
}

fn out_of_range(key: String, value: u32, least: u32, most: u32) -> SettingFault {
    SettingFault { key, problem: format!("is {value}, out of range"), help: format!("use {least} to {most}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_can_be_used_and_faults_name_their_key() {
        assert_eq!(ServiceConfig::default().faults(), []);
        let mut config = ServiceConfig::default();
        config.webhooks.allow_addresses = vec!["10.0.0.0/33".into()];
        config.limits.burst = 0;
        config.rules.notice_s = 0;
        let told: Vec<_> = config.faults().iter().map(ToString::to_string).collect();
        assert_eq!(told[0], "market.rules.notice_s is 0, out of range: use 1 to 86400");
        assert_eq!(told[1], "market.limits.burst is 0, out of range: use 1 to 1000000");
        assert!(told[2].starts_with("market.webhooks.allow_addresses is wrong: `10.0.0.0/33`"), "{told:?}");
    }
}
