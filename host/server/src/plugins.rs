//! The plugins of this host: loaded from a folder with what their operator grants them, and offered on the bus.

mod driver;
mod models;
mod outgoing;
mod profiler;

use crate::config::{PluginLimits, PluginsConfig};
use forewarm_bus::message::{Calls, serve_calls};
use forewarm_bus::{Bus, BusError, Service};
use forewarm_domain::id::PluginName;
use forewarm_domain::plugin::PluginKind;
use forewarm_runtime::{Capability, Grant, Limits, LoadError, Manifest, Plugin, PluginMetrics, Runtime};
use models::Models;
pub use outgoing::{DestinationInfo, OutgoingInfo};
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tracing::{error, info};
use utoipa::ToSchema;

/// Calls of one driver that are under way at a time; its guest takes them one by one.
const DRIVER_CALLS: usize = 64;

/// Why the plugins could not be loaded at all.
#[derive(Debug, thiserror::Error)]
pub enum PluginsError {
    /// The folder can't be read.
    #[error("the plugin folder {dir} can't be read: {cause}; set plugins.dir, or FOREWARM_PLUGINS")]
    Dir {
        /// Which folder.
        dir: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The bus did not take them.
    #[error(transparent)]
    Bus(#[from] BusError),
}

/// One file of the plugin folder, and what became of it.
pub struct LoadedPlugin {
    /// The file.
    pub file: PathBuf,
    /// The plugin, or why it was not loaded.
    pub outcome: Result<Plugin, String>,
}

/// One plugin, as the API shows it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PluginInfo {
    /// The name of its file.
    pub file: String,
    /// Its name; absent where it could not be loaded.
    #[schema(value_type = Option<String>)]
    pub name: Option<PluginName>,
    /// Its version.
    pub version: Option<String>,
    /// Its kind.
    pub kind: Option<PluginKind>,
    /// What it is for, in a sentence.
    pub summary: Option<String>,
    /// The BLAKE3 digest of the component, in hexadecimal.
    pub digest: Option<String>,
    /// The memory it is granted, in bytes.
    pub memory_limit_bytes: Option<u64>,
    /// How long a call may take, in milliseconds.
    pub call_limit_ms: Option<u64>,
    /// Calls that it answered or failed.
    pub calls: u64,
    /// Calls that trapped.
    pub traps: u64,
    /// Calls that were ended at their deadline.
    pub deadlines: u64,
    /// The most memory that one instance has used, in bytes.
    pub peak_memory_bytes: u64,
    /// Its requests, where it has the capability `http`.
    pub http: Option<OutgoingInfo>,
    /// Why it was not loaded.
    pub error: Option<String>,
}

/// See the module's description.
pub struct PluginHost {
    plugins: Vec<LoadedPlugin>,
    services: Mutex<Vec<Service>>,
}

impl PluginHost {
    /// Loads every `.wasm` file of the folder and serves it on the bus. A plugin that can't be loaded is reported and
    /// left out: what depends on it falls back.
    ///
    /// # Errors
    /// [`PluginsError`] when the folder can't be read or the bus takes no services.
    pub async fn start(config: &PluginsConfig, runtime: &Runtime, bus: &dyn Bus) -> Result<Self, PluginsError> {
        let files = components(&config.dir).map_err(|cause| PluginsError::Dir { dir: config.dir.clone(), cause })?;
        let mut host = Self { plugins: Vec::new(), services: Mutex::default() };
        let mut names = BTreeSet::new();
        for file in files {
            let outcome = match load(&file, config, runtime).await {
                Ok(None) => continue,
                Ok(Some(plugin)) if !names.insert(plugin.manifest().name.clone()) => {
                    Err(format!("another file holds a plugin named {}: remove one of them", plugin.manifest().name))
                }
                Ok(Some(plugin)) => Ok(plugin),
                Err(why) => Err(why),
            };
            match &outcome {
                Ok(plugin) => host.serve(plugin, config, bus).await?,
                Err(why) => error!(file = %file.display(), why, "plugin not loaded"),
            }
            host.plugins.push(LoadedPlugin { file, outcome });
        }
        Ok(host)
    }

    async fn serve(&mut self, plugin: &Plugin, config: &PluginsConfig, bus: &dyn Bus) -> Result<(), BusError> {
        let manifest = plugin.manifest();
        let threads = compute_threads(config);
        let (calls, concurrency) = match plugin {
            Plugin::Forecaster(forecaster) => {
                let models = Models::new(forecaster.clone(), config.max_instances);
                (Calls::Forecaster(Arc::new(models)), threads * 2)
            }
            Plugin::Profiler(profiler) => (Calls::Profiler(Arc::new(profiler::Served::new(profiler.clone()))), threads),
            Plugin::Driver(driver) => (Calls::Driver(Arc::new(driver::Served::new(driver.clone()))), DRIVER_CALLS),
            // Detectors have no callers yet; they are loaded, so that they can be looked at.
            Plugin::AnomalyDetector(_) => return Ok(()),
        };
        let service = serve_calls(bus, &manifest.name, calls, concurrency).await?;
        self.services.get_mut().unwrap_or_else(PoisonError::into_inner).push(service);
        info!(name = %manifest.name, version = manifest.version, kind = %manifest.kind, "plugin ready");
        Ok(())
    }

    /// Every file of the folder, and what became of it.
    #[must_use]
    pub fn plugins(&self) -> &[LoadedPlugin] {
        &self.plugins
    }

    /// Every file of the folder, as the API shows it.
    #[must_use]
    pub fn infos(&self) -> Vec<PluginInfo> {
        self.plugins.iter().map(LoadedPlugin::info).collect()
    }

    /// Takes no more calls and waits for those under way.
    pub async fn stop(&self) {
        let services = std::mem::take(&mut *self.services.lock().unwrap_or_else(PoisonError::into_inner));
        for service in services {
            service.stop().await;
        }
    }
}

impl LoadedPlugin {
    fn info(&self) -> PluginInfo {
        let loaded = self.outcome.as_ref().ok();
        let manifest = loaded.map(Plugin::manifest);
        let metrics = loaded.map_or_else(PluginMetrics::default, Plugin::metrics);
        let limits = loaded.map(Plugin::limits);
        let file = self.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        PluginInfo {
            file,
            name: manifest.map(|manifest| manifest.name.clone()),
            version: manifest.map(|manifest| manifest.version.clone()),
            kind: manifest.map(|manifest| manifest.kind),
            summary: manifest.map(|manifest| manifest.summary.clone()),
            digest: loaded.map(|plugin| plugin.digest().to_owned()),
            memory_limit_bytes: limits.map(|limits| limits.memory_bytes),
            call_limit_ms: limits.map(|limits| u64::try_from(limits.call.as_millis()).unwrap_or(u64::MAX)),
            calls: metrics.calls,
            traps: metrics.traps,
            deadlines: metrics.deadlines,
            peak_memory_bytes: metrics.peak_memory_bytes,
            http: loaded.and_then(OutgoingInfo::of),
            error: self.outcome.as_ref().err().cloned(),
        }
    }
}

/// Calls of compute plugins that run at a time.
#[must_use]
pub fn compute_threads(config: &PluginsConfig) -> usize {
    match config.compute_threads {
        0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        set => set as usize,
    }
}

/// The limits of the configuration in the runtime's units.
#[must_use]
pub fn limits(limits: PluginLimits) -> Limits {
    Limits {
        memory_bytes: u64::from(limits.memory_mib) << 20,
        call: Duration::from_millis(limits.call_ms.into()),
        log_bytes: limits.log_kib << 10,
        host_calls: limits.host_calls,
    }
}

fn components(dir: &Path) -> std::io::Result<Vec<PathBuf>> {
    let paths: Vec<PathBuf> = std::fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    let mut files: Vec<PathBuf> =
        paths.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "wasm")).collect();
    files.sort();
    Ok(files)
}

/// `None` where the operator disabled it.
async fn load(file: &Path, config: &PluginsConfig, runtime: &Runtime) -> Result<Option<Plugin>, String> {
    let limit = u64::from(config.max_component_mib) << 20;
    let size = tokio::fs::metadata(file).await.map_err(|error| error.to_string())?.len();
    if size > limit {
        return Err(format!("{size} bytes, more than plugins.max_component_mib allows ({limit})"));
    }
    let component = tokio::fs::read(file).await.map_err(|error| error.to_string())?;
    let manifest = Manifest::read(&component).map_err(|error| error.to_string())?;
    let settings = config.settings_of(&manifest.name);
    if !settings.enabled {
        return Ok(None);
    }
    let allowed = |capability: &Capability| {
        settings.capabilities.as_ref().is_none_or(|set| set.iter().any(|name| name == capability.as_str()))
    };
    let grant = Grant {
        parameters: serde_json::Value::Object(settings.parameters.clone()),
        capabilities: manifest.capabilities.iter().copied().filter(allowed).collect(),
        limits: settings.limits.map(limits),
        http: settings.http.grant()?,
    };
    runtime.load(component, grant).await.map(Some).map_err(|error: LoadError| error.to_string())
}
