//! The plugins of this host: loaded from a folder with what their operator grants them, and offered on the bus.
//!
//! Several versions of one plugin lie side by side; [`carried`] says which of them answers, [`supervisor`] whether it may
//! be called.

mod carried;
mod context;
mod detector;
mod driver;
mod info;
mod models;
mod outgoing;
mod probe;
mod supervisor;
mod usage;
mod version;
mod watch;

use crate::config::{CompileConfig, PluginLimits, PluginSupervision, PluginsConfig};
use crate::metrics::Metrics;
use crate::store::Store;
use carried::Carried;
use context::Context;
use forewarm_bus::message::{Calls, serve_calls};
use forewarm_bus::{Bus, BusError, Service};
use forewarm_domain::id::PluginName;
use forewarm_domain::plugin::PluginKind;
use forewarm_domain::time::{Clock, SECOND_MS};
use forewarm_packages::{Trust, TrustPolicy};
use forewarm_runtime::{Asset, Capability, CompileLimits, Grant, Limits, LoadError, Manifest, Plugin, Runtime};
use models::Room;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use supervisor::Rules;
use tracing::{error, info, warn};
use version::Version;

pub use carried::SwitchError;
pub use info::{AssetInfo, PluginInfo};
pub use outgoing::{DestinationInfo, OutgoingInfo};
pub use usage::{PluginLimitsShown, PluginUsage};
pub use watch::Supervision;

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
    /// What is installed can't be read.
    #[error(transparent)]
    Installed(#[from] forewarm_packages::StoreError),
    /// The bus did not take them.
    #[error(transparent)]
    Bus(#[from] BusError),
}

/// What the plugins are hosted with.
pub struct Parts {
    /// What the operator set.
    pub config: PluginsConfig,
    /// The sandbox.
    pub runtime: Runtime,
    /// Carries calls and events.
    pub bus: Arc<dyn Bus>,
    /// Keeps quarantines and choices of versions; without it they end with the host.
    pub store: Option<Store>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Counts what happens.
    pub metrics: Arc<Metrics>,
}

/// See the module's description.
pub struct PluginHost {
    config: PluginsConfig,
    runtime: Runtime,
    context: Arc<Context>,
    roster: Mutex<Roster>,
    services: Mutex<Vec<Service>>,
    /// Held while the folder is scanned: once at a time.
    scanning: tokio::sync::Mutex<()>,
}

/// What was found in the folder.
#[derive(Default)]
struct Roster {
    carried: BTreeMap<PluginName, Arc<Carried>>,
    /// Files that could not be loaded, and why.
    unloaded: Vec<(PathBuf, String)>,
}

impl PluginHost {
    /// Loads every `.wasm` file of the folder and serves it on the bus. A plugin that can't be loaded is reported and
    /// left out: what depends on it falls back.
    ///
    /// # Errors
    /// [`PluginsError`] when the folder can't be read or the bus takes no services.
    pub async fn start(parts: Parts) -> Result<Self, PluginsError> {
        let Parts { config, runtime, bus, store, clock, metrics } = parts;
        let PluginSupervision { probation_s, .. } = config.supervision;
        let (rules, probation_ms) = (rules(config.supervision), i64::from(probation_s) * SECOND_MS);
        let context = Arc::new(Context { bus, store, clock, metrics, rules, probation_ms });
        let host = Self {
            config,
            runtime,
            context,
            roster: Mutex::default(),
            services: Mutex::default(),
            scanning: tokio::sync::Mutex::default(),
        };
        host.rescan().await?;
        Ok(host)
    }

    /// Takes in what is new in the folder and forgets versions whose files are gone, except those that answer calls.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn rescan(&self) -> Result<(), PluginsError> {
        let _turn = self.scanning.lock().await;
        let files = files(&self.config)?;
        self.forget_missing(&files);
        let (mut found, mut unloaded) = (BTreeMap::<PluginName, Vec<Arc<Version>>>::new(), Vec::new());
        for file in files {
            if self.is_loaded(&file).await {
                continue;
            }
            match self.version(&file, &found).await {
                Ok(None) => {}
                Ok(Some(version)) => {
                    found.entry(version.plugin.manifest().name.clone()).or_default().push(Arc::new(version));
                }
                Err(why) => {
                    error!(file = %file.display(), why, "plugin not loaded");
                    unloaded.push((file, why));
                }
            }
        }
        self.roster().unloaded = unloaded;
        for (name, versions) in found {
            self.take_in(name, versions).await?;
        }
        Ok(())
    }

    /// A file's version; `None` where the operator disabled it.
    async fn version(
        &self,
        file: &Path,
        found: &BTreeMap<PluginName, Vec<Arc<Version>>>,
    ) -> Result<Option<Version>, String> {
        let Some(plugin) = load(file, &self.config, &self.runtime).await? else { return Ok(None) };
        let Manifest { name, version, kind, .. } = plugin.manifest();
        let mut known = self.carried(name).map_or_else(Vec::new, |carried| carried.versions());
        known.extend(found.get(name).into_iter().flatten().cloned());
        if let Some(other) = known.iter().find(|one| one.version() == version) {
            let other = other.file.display();
            return Err(format!("{other} holds version {version} of {name} already: remove one of them"));
        }
        if let Some(other) = known.first().filter(|one| one.plugin.kind() != *kind) {
            let (file, other) = (other.file.display(), other.plugin.kind());
            return Err(format!("it is a {kind}, while {file} holds a {other} of the name {name}: rename one of them"));
        }
        let room = Room {
            max_instances: self.config.max_instances,
            saved_bytes: (self.config.saved_models_mib as usize) << 20,
        };
        Ok(Some(Version::open(file.to_owned(), plugin, room, &self.context).await))
    }

    /// Whether a version was loaded from just this file with just this content.
    async fn is_loaded(&self, file: &Path) -> bool {
        let carried: Vec<_> = self.roster().carried.values().cloned().collect();
        let Some(version) = carried.iter().flat_map(|one| one.versions()).find(|version| version.file == file) else {
            return false;
        };
        let Ok(component) = tokio::fs::read(file).await else { return false };
        blake3::hash(&component).to_hex().as_str() == version.plugin.digest()
    }

    fn forget_missing(&self, files: &[PathBuf]) {
        for carried in self.roster().carried.values() {
            for version in carried.versions().iter().filter(|version| !files.contains(&version.file)) {
                let (plugin, file) = (carried.name(), version.file.display());
                match carried.forget(version) {
                    true => info!(%plugin, version = version.version(), %file, "the version's file is gone"),
                    false => {
                        warn!(%plugin, version = version.version(), %file, "the file of the version that answers is gone: it answers until the host ends");
                    }
                }
            }
        }
    }

    async fn take_in(&self, name: PluginName, mut versions: Vec<Arc<Version>>) -> Result<(), BusError> {
        if let Some(carried) = self.carried(&name) {
            for version in versions {
                carried.add(version).await;
            }
            return Ok(());
        }
        let Some(first) = versions.pop() else { return Ok(()) };
        let carried = Arc::new(Carried::open(first, versions, Arc::clone(&self.context)).await);
        self.serve(&carried).await?;
        self.roster().carried.insert(name, carried);
        Ok(())
    }

    async fn serve(&self, carried: &Arc<Carried>) -> Result<(), BusError> {
        let threads = compute_threads(&self.config);
        let carried = Arc::clone(carried);
        let (name, kind, version) = (carried.name().clone(), carried.kind(), carried.active());
        let (calls, concurrency) = match kind {
            PluginKind::Forecaster => (Calls::Forecaster(carried), threads * 2),
            PluginKind::Profiler => (Calls::Profiler(carried), threads),
            PluginKind::Driver => (Calls::Driver(carried), DRIVER_CALLS),
            PluginKind::AnomalyDetector => (Calls::AnomalyDetector(carried), threads),
        };
        let service = serve_calls(self.context.bus.as_ref(), &name, calls, concurrency).await?;
        self.services.lock().unwrap_or_else(PoisonError::into_inner).push(service);
        info!(%name, version = version.version(), %kind, "plugin ready");
        Ok(())
    }

    fn roster(&self) -> MutexGuard<'_, Roster> {
        self.roster.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn carried(&self, name: &PluginName) -> Option<Arc<Carried>> {
        self.roster().carried.get(name).cloned()
    }

    /// Every file of the folder, as the API shows it.
    #[must_use]
    pub fn infos(&self) -> Vec<PluginInfo> {
        let roster = self.roster();
        let loaded = roster.carried.values().flat_map(|carried| {
            let active = carried.active();
            carried.versions().into_iter().map(move |one| PluginInfo::of(&one, Arc::ptr_eq(&one, &active)))
        });
        let unloaded = roster.unloaded.iter().map(|(file, why)| PluginInfo::unloaded(file, why));
        loaded.chain(unloaded).collect()
    }

    /// Makes a version of a plugin the one that answers, once it has passed its probe. Returns when the calls of the one
    /// before have ended.
    ///
    /// # Errors
    /// [`SwitchError`]; the version that answered goes on then.
    pub async fn activate(&self, name: &PluginName, version: &str) -> Result<PluginInfo, SwitchError> {
        let carried = self.carried(name).ok_or_else(|| SwitchError::UnknownPlugin(name.clone()))?;
        let version = carried.activate(version).await?;
        Ok(PluginInfo::of(&version, true))
    }

    /// Lets the calls of a plugin through again, whatever its supervisor has decided; nothing happens where they are.
    ///
    /// # Errors
    /// [`SwitchError::UnknownPlugin`].
    pub async fn release(&self, name: &PluginName) -> Result<PluginInfo, SwitchError> {
        let carried = self.carried(name).ok_or_else(|| SwitchError::UnknownPlugin(name.clone()))?;
        let version = carried.active();
        version.watch.release().await;
        Ok(PluginInfo::of(&version, true))
    }

    /// Takes no more calls and waits for those under way.
    pub async fn stop(&self) {
        let services = std::mem::take(&mut *self.services.lock().unwrap_or_else(PoisonError::into_inner));
        for service in services {
            service.stop().await;
        }
    }
}

fn rules(set: PluginSupervision) -> Rules {
    let PluginSupervision { window_s, budget, backoff_min_ms, backoff_max_ms, rest_s, .. } = set;
    Rules {
        window_ms: i64::from(window_s) * SECOND_MS,
        budget: budget as usize,
        backoff_min_ms: backoff_min_ms.into(),
        backoff_max_ms: backoff_max_ms.into(),
        rest_ms: (rest_s > 0).then(|| i64::from(rest_s) * SECOND_MS),
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

/// The limits of compilation in the runtime's units.
#[must_use]
pub fn compile_limits(limits: CompileConfig) -> CompileLimits {
    CompileLimits {
        cpu: Duration::from_secs(limits.cpu_s.into()),
        memory_bytes: u64::from(limits.memory_mib) << 20,
        elapsed: Duration::from_secs(limits.elapsed_s.into()),
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

/// The components of both folders: what is bundled, and what is installed.
///
/// # Errors
/// [`PluginsError`] when a folder can't be read.
pub(crate) fn files(config: &PluginsConfig) -> Result<Vec<PathBuf>, PluginsError> {
    let dir = &config.dir;
    let mut files = components(dir).map_err(|cause| PluginsError::Dir { dir: dir.clone(), cause })?;
    files.extend(installed(config)?);
    Ok(files)
}

fn components(dir: &Path) -> std::io::Result<Vec<PathBuf>> {
    let paths: Vec<PathBuf> = std::fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    let mut files: Vec<PathBuf> =
        paths.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "wasm")).collect();
    files.sort();
    Ok(files)
}

fn installed(config: &PluginsConfig) -> Result<Vec<PathBuf>, forewarm_packages::StoreError> {
    let Some(dir) = &config.installed_dir else { return Ok(Vec::new()) };
    Ok(forewarm_packages::Store::new(dir).list()?.into_iter().map(|installed| installed.file).collect())
}

/// Reads a component and makes sure that somebody whom the operator trusts vouches for it.
fn read_trusted(file: &Path, limit: u64, trust: &TrustPolicy) -> Result<Vec<u8>, String> {
    let size = std::fs::metadata(file).map_err(|error| error.to_string())?.len();
    if size > limit {
        return Err(format!("{size} bytes, more than plugins.max_component_mib allows ({limit})"));
    }
    let component = std::fs::read(file).map_err(|error| error.to_string())?;
    match trust.check_file(file, &component).map_err(|error| error.to_string())? {
        Trust::Unsigned => {
            warn!(file = %file.display(), "nobody vouches for this plugin; plugins.allow_unsigned is set");
        }
        Trust::Signed(_) | Trust::Listed | Trust::Accepted => {}
    }
    Ok(component)
}

/// Loads one component with what its operator grants it; `None` where the operator disabled it.
///
/// # Errors
/// What does not fit, for the log.
pub(crate) async fn load(file: &Path, config: &PluginsConfig, runtime: &Runtime) -> Result<Option<Plugin>, String> {
    let (path, limit, trust) = (file.to_owned(), u64::from(config.max_component_mib) << 20, config.trust());
    let read = tokio::task::spawn_blocking(move || read_trusted(&path, limit, &trust)).await;
    let component = read.map_err(|error| error.to_string())??;
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
        assets: assets(settings.assets).await?,
    };
    runtime.load(component, grant).await.map(Some).map_err(|error: LoadError| error.to_string())
}

/// Reads the granted files, once for all instances.
async fn assets(files: BTreeMap<String, PathBuf>) -> Result<BTreeMap<String, Asset>, String> {
    let read = move || {
        let one = |(name, path): (String, PathBuf)| match Asset::read(&path) {
            Ok(asset) => Ok((name, asset)),
            Err(error) => Err(format!("assets.{name}: {error}")),
        };
        files.into_iter().map(one).collect()
    };
    tokio::task::spawn_blocking(read).await.map_err(|error| error.to_string())?
}

#[cfg(test)]
mod tests;
