//! Handles to loaded plugins, one type per kind.

pub(crate) mod anomaly_detector;
pub(crate) mod driver;
pub(crate) mod forecaster;
pub(crate) mod model;
pub(crate) mod profiler;
pub(crate) mod stream;
pub(crate) mod unchecked;

use crate::assets::Asset;
use crate::config::Limits;
use crate::http::{Client, HttpGrant};
use crate::manifest::Manifest;
use crate::metrics::PluginMetrics;
use crate::shared::Shared;
use anomaly_detector::AnomalyDetector;
use driver::Driver;
use forecaster::Forecaster;
use forewarm_domain::plugin::PluginKind;
use profiler::Profiler;
use std::collections::BTreeMap;

/// A loaded plugin. A clone is another handle to the same one; the code is dropped with the last.
#[derive(Debug, Clone)]
pub enum Plugin {
    /// Predicts series.
    Forecaster(Forecaster),
    /// Finds values that do not belong.
    AnomalyDetector(AnomalyDetector),
    /// Reads personas off usage.
    Profiler(Profiler),
    /// Runs instances in some cloud.
    Driver(Driver),
}

impl Plugin {
    fn shared(&self) -> &Shared {
        match self {
            Self::Forecaster(plugin) => &plugin.shared,
            Self::AnomalyDetector(plugin) => &plugin.shared,
            Self::Profiler(plugin) => &plugin.shared,
            Self::Driver(plugin) => plugin.shared(),
        }
    }

    /// What the plugin says about itself.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.shared().manifest
    }

    /// What it is for.
    #[must_use]
    pub fn kind(&self) -> PluginKind {
        self.manifest().kind
    }

    /// BLAKE3 of the component, as 64 hexadecimal digits.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.shared().digest
    }

    /// What its instances and calls may use: the lesser of what it wants and what was granted.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.shared().limits
    }

    /// What the operator allows its instances and calls, whatever it wants.
    #[must_use]
    pub fn allowed(&self) -> Limits {
        self.shared().allowed
    }

    /// What its requests may reach; `None` without the capability `http`.
    #[must_use]
    pub fn http(&self) -> Option<&HttpGrant> {
        self.shared().http.as_deref().map(Client::grant)
    }

    /// The files that it may read, by name.
    #[must_use]
    pub fn assets(&self) -> &BTreeMap<String, Asset> {
        &self.shared().assets
    }

    /// What it has done since it was loaded.
    #[must_use]
    pub fn metrics(&self) -> PluginMetrics {
        self.shared().counters.snapshot()
    }
}
