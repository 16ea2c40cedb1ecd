//! Loading a component: everything that can be wrong with it is found and named here, before it is used.

use crate::bindings::anomaly_detector::AnomalyDetectorPluginPre;
use crate::bindings::driver::DriverPluginPre;
use crate::bindings::forecaster::ForecasterPluginPre;
use crate::bindings::profiler::ProfilerPluginPre;
use crate::config::{Capability, Grant};
use crate::engine;
use crate::error::LoadError;
use crate::guest::Guest;
use crate::host::StateAccess;
use crate::http;
use crate::inspect::Inspection;
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
use crate::wasi;
use forewarm_domain::plugin::{PluginError, PluginKind};
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;
use wasmtime::Engine;
use wasmtime::component::{Component, InstancePre};

const CONTRACT: &str = "forewarm:plugin/";
/// A version only adds to its minor one, so that all of `0.1` is served.
const CONTRACT_MINOR: &str = "0.1.";

impl Runtime {
    /// Loads a component under a grant: reads its manifest, checks imports, exports and parameters, compiles it on a
    /// blocking thread or takes it from the folder, and makes a first instance that describes itself.
    ///
    /// # Errors
    /// [`LoadError`] says which part does not fit and what would.
    pub async fn load(&self, component: Vec<u8>, grant: Grant) -> Result<Plugin, LoadError> {
        let inner = &self.0;
        check_bytes(&component, inner.config.max_component_bytes)?;
        let inspection = Inspection::read(&component)?;
        let manifest = Manifest::of(&inspection)?;
        check_exports(&manifest, &inspection.exports)?;
        check_imports(&manifest, &inspection.imports, &grant)?;
        let schema = Schema::new(&manifest.parameters)?;
        schema.check(&grant.parameters)?;
        let shared = Arc::new(shared(inner, manifest, schema, &component, &grant)?);
        let pre = inner.compile(component, &shared).await?;
        plugin(shared, pre).await
    }
}

fn shared(
    inner: &Arc<Inner>,
    manifest: Manifest,
    schema: Schema,
    component: &[u8],
    grant: &Grant,
) -> Result<Shared, LoadError> {
    let granted = |wants| manifest.capabilities.contains(&wants) && grant.capabilities.contains(&wants);
    let http =
        granted(Capability::Http).then(|| http::Client::new(grant.http.clone(), Arc::clone(&inner.config.resolver)));
    let state = || StateAccess { store: Arc::clone(&inner.state), home: Handle::current() };
    Ok(Shared {
        digest: blake3::hash(component).to_hex().to_string(),
        limits: grant.limits.unwrap_or(inner.config.default_limits).granted(manifest.limits),
        parameters: grant.parameters.to_string().into(),
        state: granted(Capability::State).then(state),
        http: http.transpose()?.map(Arc::new),
        counters: Arc::new(Counters::default()),
        runtime: Arc::clone(inner),
        manifest,
        schema,
    })
}

fn check_bytes(component: &[u8], max: usize) -> Result<(), LoadError> {
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

fn check_exports(manifest: &Manifest, exports: &[String]) -> Result<(), LoadError> {
    let wanted = exported(manifest.kind);
    let ours = |export: &&String| export.split('@').next() == Some(wanted.as_str());
    if let Some(export) = exports.iter().find(ours) {
        return check_version(export);
    }
    let exports = if exports.is_empty() { "nothing".to_owned() } else { exports.join(", ") };
    let wanted = format!("{wanted}@{}", crate::CONTRACT_VERSION);
    Err(LoadError::WrongKind { kind: manifest.kind, wanted, exports })
}

fn check_version(interface: &str) -> Result<(), LoadError> {
    match interface.split_once('@') {
        Some((_, version)) if version.starts_with(CONTRACT_MINOR) => Ok(()),
        _ => Err(LoadError::ContractVersion { interface: interface.to_owned() }),
    }
}

fn check_imports(manifest: &Manifest, imports: &[String], grant: &Grant) -> Result<(), LoadError> {
    imports.iter().try_for_each(|import| check_import(manifest, import, grant))
}

fn check_import(manifest: &Manifest, import: &str, grant: &Grant) -> Result<(), LoadError> {
    let unknown = |reason| Err(LoadError::UnknownImport { import: import.to_owned(), reason });
    let Some(interface) = import.strip_prefix(CONTRACT) else {
        return match wasi::OFFERED.iter().any(|offered| import.starts_with(offered)) {
            true => Ok(()),
            false if http::OFFERED.iter().any(|offered| import.starts_with(offered)) => {
                check_capability(manifest, import, grant, Capability::Http)
            }
            false if import.starts_with("wasi:") => {
                unknown("plugins have no sockets and no other access to the machine")
            }
            false => unknown("it is neither of forewarm:plugin nor of WASI"),
        };
    };
    check_version(import)?;
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

impl Inner {
    /// Compiles off the async threads, one component at a time, and resolves the imports.
    async fn compile(self: &Arc<Self>, component: Vec<u8>, shared: &Shared) -> Result<InstancePre<Guest>, LoadError> {
        let _turn = self.compilations.acquire().await.map_err(|_| LoadError::Closed)?;
        let (inner, kind) = (Arc::clone(self), shared.manifest.kind);
        let compiled = spawn_blocking(move || inner.compile_here(kind, &component)).await;
        let compiled = compiled.map_err(|_| LoadError::Closed)??;
        let pre = match kind {
            PluginKind::Driver => {
                let linker = engine::link_driver(&self.driver, shared.state.is_some(), shared.http.is_some());
                linker.map_err(|error| LoadError::Interface(error.to_string()))?.instantiate_pre(&compiled)
            }
            _ => self.link_compute.instantiate_pre(&compiled),
        };
        pre.map_err(interface)
    }

    fn compile_here(&self, kind: PluginKind, component: &[u8]) -> Result<Component, LoadError> {
        let (engine, name) = match kind {
            PluginKind::Driver => (&self.driver, "driver"),
            _ => (&self.compute, "compute"),
        };
        let compiled = match &self.cache {
            Some(cache) => cache.load(engine, name, component),
            None => Component::from_binary(engine, component),
        };
        compiled.map_err(|error| LoadError::Compile(format!("{error:#}")))
    }
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
