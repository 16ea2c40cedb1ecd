//! How the market works: its rounds, windows, terms and limits. Every value is checked when the market is opened.

use forewarm_auction::{FirmPremium, PartsPerMillion};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The market's settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MarketConfig {
    /// `sqlite:///path/file.db`, `sqlite::memory:` or `postgres://user:password@host/database`.
    #[serde(skip)]
    pub url: String,
    /// Connections that read at a time, at least 1. One more writes.
    pub max_connections: u32,
    /// Seconds between the seals of near-term rounds.
    pub near_term_interval_s: u32,
    /// Seconds between the seals of day-ahead rounds.
    pub day_ahead_interval_s: u32,
    /// Windows that begin within so many seconds of a seal are cleared by near-term rounds, later ones day-ahead.
    pub near_term_horizon_s: u32,
    /// Windows that begin later than in so many seconds are refused.
    pub horizon_s: u32,
    /// Windows begin and end at multiples of so many seconds.
    pub window_grid_s: u32,
    /// Seconds that the windows last for which hosts list what they can spare.
    pub listed_window_s: u32,
    /// How many of those windows are listed, from the next one on.
    pub listed_windows: u32,
    /// What a firm lease costs over a reclaimable one where no offer of the book says more.
    pub firm_premium: FirmPremium,
    /// What of a trade the market keeps.
    pub fee: PartsPerMillion,
    /// What a tenant gets on top of the price of the unused time when its lease is called back.
    pub compensation: PartsPerMillion,
    /// Seconds of notice before a lease is taken away, at reclaim and at expiry.
    pub notice_s: u32,
    /// Seconds that a lease runs at least before it can be called back.
    pub min_run_s: u32,
    /// Seconds before its window at which a lease's instances are asked for.
    pub handover_lead_s: u32,
    /// Seconds after the begin of its window at which a lease without instances is given up and refunded.
    pub handover_limit_s: u32,
    /// Seconds until a host that did not answer is asked again.
    pub retry_s: u32,
    /// Open orders that a cost centre may have.
    pub open_orders_max: u32,
    /// Hours for which idempotency keys are remembered.
    pub key_memory_h: u32,
}

impl Default for MarketConfig {
    fn default() -> Self {
        Self {
            url: "sqlite::memory:".into(),
            max_connections: 4,
            near_term_interval_s: 60,
            day_ahead_interval_s: 15 * 60,
            near_term_horizon_s: 4 * 3_600,
            horizon_s: 14 * 24 * 3_600,
            window_grid_s: 300,
            listed_window_s: 3_600,
            listed_windows: 24,
            firm_premium: FirmPremium::default(),
            fee: parts(10_000),
            compensation: parts(250_000),
            notice_s: 120,
            min_run_s: 300,
            handover_lead_s: 30,
            handover_limit_s: 300,
            retry_s: 5,
            open_orders_max: 20_000,
            key_memory_h: 24,
        }
    }
}

/// A share that is written in this file.
fn parts(parts: i64) -> PartsPerMillion {
    parts.try_into().unwrap_or_default()
}

/// A setting that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("market.rules.{key} is {value}, out of range: use {least} to {most}")]
pub struct InvalidSetting {
    /// The key.
    pub key: &'static str,
    /// Its value.
    pub value: u32,
    /// The least that can be used.
    pub least: u32,
    /// The most that can be used.
    pub most: u32,
}

/// Seconds of 31 days.
const MONTH_S: u32 = 31 * 24 * 3_600;

impl MarketConfig {
    /// The settings that can't be used; empty when all can.
    #[must_use]
    pub fn faults(&self) -> Vec<InvalidSetting> {
        let mut faults = Vec::new();
        let mut range = |key, value, least, most| {
            if !(least..=most).contains(&value) {
                faults.push(InvalidSetting { key, value, least, most });
            }
        };
        range("max_connections", self.max_connections, 1, 1_000);
        range("near_term_interval_s", self.near_term_interval_s, 1, 3_600);
        range("day_ahead_interval_s", self.day_ahead_interval_s, 1, 24 * 3_600);
        range("near_term_horizon_s", self.near_term_horizon_s, 1, MONTH_S);
        range("horizon_s", self.horizon_s, self.near_term_horizon_s, 12 * MONTH_S);
        range("window_grid_s", self.window_grid_s, 1, 24 * 3_600);
        range("listed_window_s", self.listed_window_s, self.window_grid_s, MONTH_S);
        range("listed_windows", self.listed_windows, 0, 1_000);
        range("notice_s", self.notice_s, 1, 24 * 3_600);
        range("min_run_s", self.min_run_s, 0, MONTH_S);
        range("handover_lead_s", self.handover_lead_s, 0, 3_600);
        range("handover_limit_s", self.handover_limit_s, 1, 24 * 3_600);
        range("retry_s", self.retry_s, 1, 3_600);
        range("open_orders_max", self.open_orders_max, 1, 1_000_000);
        range("key_memory_h", self.key_memory_h, 1, 31 * 24);
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_can_be_used_and_zeros_are_told() {
        assert_eq!(MarketConfig::default().faults(), []);
        let faults = MarketConfig { near_term_interval_s: 0, notice_s: 0, ..MarketConfig::default() }.faults();
        let told: Vec<_> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "market.rules.near_term_interval_s is 0, out of range: use 1 to 3600",
                "market.rules.notice_s is 0, out of range: use 1 to 86400"
            ]
        );
    }
}
