//! The capacity market as part of this host.

use super::{Faults, ServiceUrl};
use forewarm_market::auth::LimitsConfig;
use forewarm_market::webhooks::WebhookConfig;
use forewarm_market::{MarketConfig, ServiceConfig};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The capacity market as part of this host. One host of an installation has it; the others reach it over the bus.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MarketSection {
    /// Whether this host holds the market.
    pub enabled: bool,
    /// The market's database: `sqlite://FILE?mode=rwc` or `postgres://USER:PASSWORD@HOST/NAME`. Default: the host's own
    /// database where that is PostgreSQL, else the SQLite file `market.db` in the data directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<ServiceUrl>,
    /// Rounds, windows, fees, notice.
    pub rules: MarketConfig,
    /// What one tenant may take up of the server.
    pub limits: LimitsConfig,
    /// Webhooks.
    pub webhooks: WebhookConfig,
}

impl MarketSection {
    /// The rules and limits alone.
    #[must_use]
    pub fn service(&self) -> ServiceConfig {
        ServiceConfig { rules: self.rules.clone(), limits: self.limits, webhooks: self.webhooks.clone() }
    }

    pub(super) fn check(&self, faults: &mut Faults) {
        if let Some(url) = &self.url {
            let known = url.expose().starts_with("sqlite:") || matches!(url.scheme(), "postgres" | "postgresql");
            if !known {
                faults.push("market.url", format!("is `{url}`"), "use a sqlite:// or a postgres:// address");
            }
        }
        for fault in self.service().faults() {
            faults.push(&format!("market.{}", fault.key), fault.problem, fault.help);
        }
    }
}
