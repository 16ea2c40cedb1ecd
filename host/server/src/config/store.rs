//! The database.

use super::{Faults, ServiceUrl};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use utoipa::ToSchema;

/// The database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StoreConfig {
    /// Where the database is: `sqlite://FILE?mode=rwc` or `postgres://USER:PASSWORD@HOST/NAME`. Default: the SQLite file
    /// `forewarm.db` in the data directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<ServiceUrl>,
    /// When SQLite waits for the disk: `full` at every commit, so that nothing acknowledged is ever lost; `normal` at
    /// checkpoints, so that a power cut may take the last moments with it.
    pub synchronous: Synchronous,
    /// Connections to the database that are open at a time.
    pub max_connections: u32,
    /// How long ended claims, plans, outcomes and measurements are kept, in days; 0 keeps them for ever.
    pub retention_days: u32,
}

/// When SQLite waits for the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Synchronous {
    /// At every commit.
    Full,
    /// At checkpoints.
    Normal,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self { url: None, synchronous: Synchronous::Full, max_connections: 8, retention_days: 400 }
    }
}

impl StoreConfig {
    /// How long what has ended is kept; `None` for ever.
    #[must_use]
    pub fn retention(&self) -> Option<Duration> {
        (self.retention_days > 0).then(|| Duration::from_secs(u64::from(self.retention_days) * 86_400))
    }

    pub(super) fn check(&self, faults: &mut Faults) {
        if let Some(url) = &self.url {
            let known = url.expose().starts_with("sqlite:") || matches!(url.scheme(), "postgres" | "postgresql");
            if !known {
                faults.push("store.url", format!("is `{url}`"), "use a sqlite:// or a postgres:// address");
            }
        }
        faults.range("store.max_connections", self.max_connections, 1..=1_000, "connections");
        faults.range("store.retention_days", self.retention_days, 0..=36_500, "days");
    }
}
