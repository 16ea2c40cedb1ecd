//! Loading a component: everything that can be wrong with it is found and named here, before it is used.

use crate::assets;
use crate::bindings::anomaly_detector::AnomalyDetectorPluginPre;
use crate::bindings::driver::DriverPluginPre;
use crate::bindings::forecaster::ForecasterPluginPre;
use crate::bindings::profiler::ProfilerPluginPre;
use crate::config::{Capability, Grant};
use crate::contract;
use crate::engine::{self, EngineKind};
use crate::error::LoadError;
use crate::guest::Guest;
use crate::host::StateAccess;
use crate::http;
use crate::inspect::{ComponentInfo, Inspection};
use crate::manifest::Manifest;
use crate::metrics::Counters;
use crate::parameters::Schema;
use crate::plugin::Plugin;
use crate::plugin::anomaly_detector::AnomalyDetector;
use crate::plugin::driver::Driver;
use crate::plugin::forecaster::Forecaster;
use crate::plugin::profiler::Profiler;
use crate::runtime::{Inner, Runtime};
use crate::shared::Shared;
use crate::trusted;
use crate::wasi;
use bytes::Bytes;
use forewarm_domain::plugin::{PluginError, PluginKind};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;
use wasmtime::Engine;
use wasmtime::component::{Component, InstancePre};

const CONTRACT: &str = "forewarm:plugin/";

/// What a component says about itself and asks for, checked against the contract and not compiled.
#[derive(Debug, Clone, PartialEq)]
pub struct Description {
    /// Its manifest.
    pub manifest: Manifest,
    /// The names of its own imports, such as `forewarm:plugin/host@0.1.0`.
    pub imports: Vec<String>,
    /// The names of its own exports.
    pub exports: Vec<String>,
}

impl Description {
    /// Reads a component, as far as that goes without compiling it.
    ///
    /// # Errors
    /// [`LoadError`] says which part does not fit and what would.
    pub fn read(component: &[u8]) -> Result<Self, LoadError> {
        check_bytes(component, usize::MAX)?;
        let inspection = Inspection::read(component)?;
        let manifest = Manifest::of(&inspection)?;
        check_exports(&manifest, &inspection.exports)?;
        let grant = Grant { capabilities: manifest.capabilities.clone(), ..Grant::default() };
        check_imports(&manifest, &inspection.imports, &grant)?;
        Ok(Self { manifest, imports: inspection.imports, exports: inspection.exports })
    }
}

impl Runtime {
    /// Loads a component under a grant: reads its manifest, checks imports, exports and parameters, compiles it on a
    /// blocking thread or takes it from the folder, and makes a first instance that describes itself.
    ///
    /// # Errors
    /// [`LoadError`] says which part does not fit and what would.
    pub async fn load(&self, component: Vec<u8>, grant: Grant) -> Result<Plugin, LoadError> {
        let inner = &self.0;
        let component = Bytes::from(component);
        let (max, bytes) = (inner.config.max_component_bytes, component.clone());
        // Reading takes a while for a large component, and may take long for a hostile one.
        let checked = blocking(move || Checked::read(&bytes, max, grant)).await??;
        let shared = Arc::new(shared(inner, checked)?);
        let pre = inner.compile(component, &shared).await?;
        plugin(shared, pre).await
    }
}

/// Checks a component as [`Runtime::load`] does before it compiles: its size, form, manifest, imports, exports and
/// parameters. Nothing of it is compiled or run.
///
/// # Errors
/// [`LoadError`] says which part does not fit and what would.
pub fn check_component(component: &[u8], max_bytes: usize, grant: Grant) -> Result<ComponentInfo, LoadError> {
    Checked::read(component, max_bytes, grant)?;
    ComponentInfo::read(component)
}

/// A component that may be compiled: everything that is known without that was found right.
struct Checked {
    manifest: Manifest,
    schema: Schema,
    digest: String,
    grant: Grant,
}

impl Checked {
    fn read(component: &[u8], max_bytes: usize, grant: Grant) -> Result<Self, LoadError> {
        check_bytes(component, max_bytes)?;
        let inspection = Inspection::read(component)?;
        let manifest = Manifest::of(&inspection)?;
        check_exports(&manifest, &inspection.exports)?;
        check_imports(&manifest, &inspection.imports, &grant)?;
        let schema = Schema::new(&manifest.parameters)?;
        schema.check(&grant.parameters)?;
        check_assets(&manifest, &grant)?;
        Ok(Self { manifest, schema, digest: blake3::hash(component).to_hex().to_string(), grant })
    }
}

fn shared(inner: &Arc<Inner>, checked: Checked) -> Result<Shared, LoadError> {
    let Checked { manifest, schema, digest, grant } = checked;
    let granted = |wants| manifest.capabilities.contains(&wants) && grant.capabilities.contains(&wants);
    let http =
        granted(Capability::Http).then(|| http::Client::new(grant.http.clone(), Arc::clone(&inner.config.resolver)));
    let state = || StateAccess { store: Arc::clone(&inner.state), home: Handle::current() };
    let allowed = grant.limits.unwrap_or(inner.config.default_limits);
    Ok(Shared {
        digest,
        limits: allowed.granted(manifest.limits),
        allowed,
        parameters: grant.parameters.to_string().into(),
        state: granted(Capability::State).then(state),
        http: http.transpose()?.map(Arc::new),
        assets: if granted(Capability::Assets) { grant.assets } else { BTreeMap::new() },
        counters: Arc::new(Counters::default()),
        runtime: Arc::clone(inner),
        manifest,
        schema,
    })
}

pub(crate) fn check_bytes(component: &[u8], max: usize) -> Result<(), LoadError> {
    if component.len() > max {
        return Err(LoadError::TooLarge { bytes: component.len(), max });
    }
    if Engine::detect_precompiled(component).is_some() {
        return Err(LoadError::Precompiled);
    }
    Ok(())
}

/// The interface that a plugin of a kind exports, without its version.
fn exported(kind: PluginKind) -> String {
    format!("{CONTRACT}{kind}")
}

pub(crate) fn check_exports(manifest: &Manifest, exports: &[String]) -> Result<(), LoadError> {
    let wanted = exported(manifest.kind);
    let ours = |export: &&String| export.split('@').next() == Some(wanted.as_str());
    if let Some(export) = exports.iter().find(ours) {
        return contract::check(export);
    }
    let exports = if exports.is_empty() { "nothing".to_owned() } else { exports.join(", ") };
    let wanted = format!("{wanted}@{}", crate::CONTRACT_VERSION);
    Err(LoadError::WrongKind { kind: manifest.kind, wanted, exports })
}

fn check_imports(manifest: &Manifest, imports: &[String], grant: &Grant) -> Result<(), LoadError> {
    imports.iter().try_for_each(|import| check_import(manifest, import, grant))
}

pub(crate) fn check_import(manifest: &Manifest, import: &str, grant: &Grant) -> Result<(), LoadError> {
    let unknown = |reason| Err(LoadError::UnknownImport { import: import.to_owned(), reason });
    let Some(interface) = import.strip_prefix(CONTRACT) else {
        return match wasi::OFFERED.iter().any(|offered| import.starts_with(offered)) {
            true => Ok(()),
            false if import.starts_with(assets::OFFERED) => {
                check_capability(manifest, import, grant, Capability::Assets)
            }
            false if http::OFFERED.iter().any(|offered| import.starts_with(offered)) => {
                check_capability(manifest, import, grant, Capability::Http)
            }
            false if import.starts_with("wasi:") => {
                unknown("plugins have no sockets and no other access to the machine")
            }
            false => unknown("it is neither of forewarm:plugin or forewarm:assets nor of WASI"),
        };
    };
    contract::check(import)?;
    match interface.split('@').next() {
        Some("types" | "host") => Ok(()),
        Some("state") => check_capability(manifest, import, grant, Capability::State),
        _ => unknown("the contract has no such import"),
    }
}

fn check_capability(manifest: &Manifest, import: &str, grant: &Grant, wants: Capability) -> Result<(), LoadError> {
    if !manifest.capabilities.contains(&wants) {
        return Err(LoadError::NotDeclared { import: import.to_owned(), capability: wants });
    }
    if !grant.capabilities.contains(&wants) {
        return Err(LoadError::NotGranted { import: import.to_owned(), capability: wants });
    }
    Ok(())
}

/// A file under a name that nothing asks for is a typing error of the operator's.
pub(crate) fn check_assets(manifest: &Manifest, grant: &Grant) -> Result<(), LoadError> {
    match grant.assets.keys().find(|name| !manifest.assets.contains(*name)) {
        None => Ok(()),
        Some(name) => Err(LoadError::UnknownAsset { name: name.clone(), wanted: manifest.assets.join(", ") }),
    }
}

impl Inner {
    /// The compiled component with its imports resolved: out of the cache, or compiled, one component at a time.
    async fn compile(self: &Arc<Self>, component: Bytes, shared: &Shared) -> Result<InstancePre<Guest>, LoadError> {
        let kind = EngineKind::of(shared.manifest.kind);
        let compiled = match self.cached(kind, &component).await? {
            Some(found) => found,
            None => {
                let _turn = self.compilations.acquire().await.map_err(|_| LoadError::Closed)?;
                let code = self.config.compiler.compile(kind, &component).await?;
                self.take_in(kind, component, code).await?
            }
        };
        let pre = match kind {
            EngineKind::Driver => {
                let linker = engine::link_driver(&self.driver, shared.state.is_some(), shared.http.is_some());
                linker.map_err(|error| LoadError::Interface(error.to_string()))?.instantiate_pre(&compiled)
            }
            EngineKind::Compute => self.link_compute.instantiate_pre(&compiled),
        };
        pre.map_err(interface)
    }

    async fn cached(self: &Arc<Self>, kind: EngineKind, component: &Bytes) -> Result<Option<Component>, LoadError> {
        let (inner, component) = (Arc::clone(self), component.clone());
        blocking(move || inner.cache.as_ref()?.find(inner.engine(kind), kind, &component)).await
    }

    /// Loads fresh machine code and keeps it.
    async fn take_in(
        self: &Arc<Self>,
        kind: EngineKind,
        component: Bytes,
        code: Vec<u8>,
    ) -> Result<Component, LoadError> {
        let inner = Arc::clone(self);
        let loaded = blocking(move || {
            let engine = inner.engine(kind);
            let compiled = trusted::deserialize(engine, &code)?;
            if let Some(cache) = &inner.cache {
                cache.keep(engine, kind, &component, &code);
            }
            Ok::<_, wasmtime::Error>(compiled)
        });
        loaded.await?.map_err(|error| LoadError::Compile(format!("{error:#}")))
    }

    fn engine(&self, kind: EngineKind) -> &Engine {
        match kind {
            EngineKind::Compute => &self.compute,
            EngineKind::Driver => &self.driver,
        }
    }
}

/// Runs what takes a while off the threads that serve requests.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, LoadError> {
    spawn_blocking(work).await.map_err(|_| LoadError::Closed)
}

/// Checks the exports' types and makes the first instance.
async fn plugin(shared: Arc<Shared>, pre: InstancePre<Guest>) -> Result<Plugin, LoadError> {
    let made = match shared.manifest.kind {
        PluginKind::Forecaster => {
            let pre = ForecasterPluginPre::new(pre).map_err(interface)?;
            Forecaster::probe(shared, pre).await.map(Plugin::Forecaster)
        }
        PluginKind::AnomalyDetector => {
            let pre = AnomalyDetectorPluginPre::new(pre).map_err(interface)?;
            AnomalyDetector::probe(shared, pre).await.map(Plugin::AnomalyDetector)
        }
        PluginKind::Profiler => {
            let pre = ProfilerPluginPre::new(pre).map_err(interface)?;
            Profiler::probe(shared, pre).await.map(Plugin::Profiler)
        }
        PluginKind::Driver => {
            let pre = DriverPluginPre::new(pre).map_err(interface)?;
            Driver::probe(shared, pre).await.map(Plugin::Driver)
        }
    };
    made.map_err(|error: PluginError| LoadError::Probe(error))
}

#[expect(clippy::needless_pass_by_value, reason = "for use with map_err")]
fn interface(error: wasmtime::Error) -> LoadError {
    LoadError::Interface(format!("{error:#}"))
}
