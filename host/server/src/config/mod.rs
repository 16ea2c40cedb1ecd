//! What the operator sets: one nested plain struct, one concept per file, every default beside its documentation.
//!
//! Invariants: a [`Config`] that [`load`] returned is complete and checked; an unknown key is an error that names the
//! place it came from and the nearest key that exists; secrets are never printed.

mod bus;
mod error;
mod faults;
mod http;
mod ingest;
mod load;
mod log;
mod market;
mod planning;
mod plugin_http;
mod plugins;
pub mod reference;
mod source;
mod store;
mod supervision;
mod url;

pub use bus::BusConfig;
pub use error::ConfigError;
pub use faults::{Fault, Faults};
pub use http::HttpConfig;
pub use ingest::{IngestConfig, RemoteWriteConfig};
pub use load::{Sources, load};
pub use log::{LogConfig, LogFormat};
pub use market::MarketSection;
pub use planning::PlanningConfig;
pub use plugin_http::{PluginDestination, PluginHttp, SecretSource};
pub use plugins::{CompileConfig, PluginLimits, PluginSettings, PluginsConfig, TrustedKey};
pub use store::{StoreConfig, Synchronous};
pub use supervision::PluginSupervision;
pub use url::ServiceUrl;

use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use utoipa::ToSchema;

/// Everything that the operator sets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the database, the compiled plugins and the first administrator's token are kept. Default:
    /// `$XDG_DATA_HOME/forewarm`, or `~/.local/share/forewarm`.
    #[schema(value_type = String)]
    pub data_dir: PathBuf,
    /// The HTTP API.
    pub http: HttpConfig,
    /// The database.
    pub store: StoreConfig,
    /// Measurements that come in.
    pub ingest: IngestConfig,
    /// The planning loop.
    pub planning: PlanningConfig,
    /// The plugins and what they may do.
    pub plugins: PluginsConfig,
    /// What connects several hosts.
    pub bus: BusConfig,
    /// The capacity market.
    pub market: MarketSection,
    /// What the host says of itself on standard error.
    pub log: LogConfig,
}

impl Config {
    /// The defaults, for a host that keeps its data in `data_dir` and finds its plugins in `plugins_dir`.
    #[must_use]
    pub fn new(data_dir: impl Into<PathBuf>, plugins_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            http: HttpConfig::default(),
            store: StoreConfig::default(),
            ingest: IngestConfig::default(),
            planning: PlanningConfig::default(),
            plugins: PluginsConfig::new(plugins_dir),
            bus: BusConfig::default(),
            market: MarketSection::default(),
            log: LogConfig::default(),
        }
    }

    /// The database's address: what is set, or a SQLite file in the data directory.
    #[must_use]
    pub fn database_url(&self) -> ServiceUrl {
        self.store.url.clone().unwrap_or_else(|| {
            ServiceUrl::trusted(format!("sqlite://{}?mode=rwc", self.data_dir.join("forewarm.db").display()))
        })
    }

    /// The market's database: what is set, or the host's own where that is a server, or a SQLite file in the data directory.
    #[must_use]
    pub fn market_url(&self) -> ServiceUrl {
        let shared = self.store.url.clone().filter(|url| matches!(url.scheme(), "postgres" | "postgresql"));
        self.market.url.clone().or(shared).unwrap_or_else(|| {
            ServiceUrl::trusted(format!("sqlite://{}?mode=rwc", self.data_dir.join("market.db").display()))
        })
    }

    /// Where the first administrator's token is written.
    #[must_use]
    pub fn admin_token_file(&self) -> PathBuf {
        self.data_dir.join("admin.token")
    }

    /// Every value that is out of range, with what would be right.
    #[must_use]
    pub fn faults(&self) -> Faults {
        let mut faults = Faults::default();
        if self.data_dir.as_os_str().is_empty() {
            faults.push("data_dir", "is empty", "name the directory that the host may write to");
        }
        self.http.check(&mut faults);
        self.store.check(&mut faults);
        self.ingest.check(&mut faults);
        self.planning.check(&mut faults);
        self.plugins.check(&mut faults);
        self.bus.check(&mut faults);
        self.market.check(&mut faults);
        self.log.check(&mut faults);
        faults
    }

    /// The configuration as a TOML document, secrets left out.
    ///
    /// # Errors
    /// [`toml::ser::Error`] when a path is not text.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        toml::to_string_pretty(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid() {
        assert_eq!(Config::new("/data", "/plugins").faults(), Faults::default());
    }

    #[test]
    fn what_is_shown_can_be_read_again() {
        let config = Config::new("/data", "/plugins");
        let shown = config.to_toml().expect("serialises");
        assert_eq!(toml::from_str::<Config>(&shown).expect("reads"), config);
    }

    #[test]
    fn the_database_is_a_file_in_the_data_directory_unless_set() {
        let mut config = Config::new("/data", "/plugins");
        assert_eq!(config.database_url().expose(), "sqlite:///data/forewarm.db?mode=rwc");
        config.store.url = Some("postgres://db/forewarm".parse().expect("valid"));
        assert_eq!(config.database_url().expose(), "postgres://db/forewarm");
    }
}
