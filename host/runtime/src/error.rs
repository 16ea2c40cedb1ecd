//! Why the runtime could not start, or a component could not be loaded.

use crate::compile::CompileLimit;
use crate::config::Capability;
use crate::http::HttpGrantError;
use crate::parameters::ParameterError;
use forewarm_domain::plugin::{PluginError, PluginKind};

/// Why the runtime could not start.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// A figure of the configuration is out of range.
    #[error("{0} must be at least 1")]
    Zero(&'static str),
    /// The engine could not be set up, most often for want of address space (`ulimit -v`) for `max_instances`.
    #[error("the WASM engine could not be set up (lower max_instances where address space is short): {0}")]
    Engine(String),
    /// The folder for compiled components can't be used.
    #[error("the folder for compiled components {path} can't be used: {reason}")]
    Cache {
        /// The folder or the file in it.
        path: String,
        /// What the system said.
        reason: String,
    },
    /// The machine refused a thread.
    #[error("a thread could not be started: {0}")]
    Thread(std::io::Error),
}

/// Why a component could not be loaded. Nothing of it has run, except where a probe failed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LoadError {
    /// It is larger than the operator allows.
    #[error("the component has {bytes} bytes, at most {max} are loaded")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// It is machine code, which is never loaded from outside.
    #[error("this is precompiled machine code, which is not loaded: hand over the .wasm component that it came from")]
    Precompiled,
    /// It is not WebAssembly.
    #[error("this is not a WebAssembly component: it does not begin with the WebAssembly magic number")]
    NotWasm,
    /// It is a core module.
    #[error("this is a core WebAssembly module, not a component: build it for the target wasm32-wasip2")]
    CoreModule,
    /// It is damaged or uses what this host does not support.
    #[error("the component is malformed: {0}")]
    Malformed(String),
    /// One of its functions is too large to be compiled in reasonable time.
    #[error("a function of the component has {bytes} bytes, at most {max} are compiled")]
    FunctionTooLarge {
        /// The function's size.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// It says nothing about itself.
    #[error("the component has no manifest: it lacks the custom section `forewarm:manifest`")]
    NoManifest,
    /// Its manifest can't be read.
    #[error("the manifest can't be read: {0}")]
    Manifest(String),
    /// Its manifest asks for something that this host does not know.
    #[error("the manifest asks for the capability `{0}`, which this host does not know; it knows: assets, http, state")]
    UnknownCapability(String),
    /// Its manifest asks for a capability that plugins of its kind can't have.
    #[error("the manifest asks for the capability `{capability}`, which a {kind} can't have")]
    WrongCapability {
        /// What it asks for.
        capability: Capability,
        /// Its kind.
        kind: PluginKind,
    },
    /// A file is granted under a name that its manifest does not have.
    #[error("the grant has the asset `{name}`, which the manifest does not ask for; it asks for: {wanted}")]
    UnknownAsset {
        /// The granted name.
        name: String,
        /// The manifest's names.
        wanted: String,
    },
    /// It does not export what its manifest promises.
    #[error("the manifest says {kind}, so that the component has to export {wanted}; it exports {exports}")]
    WrongKind {
        /// The manifest's kind.
        kind: PluginKind,
        /// The interface that this kind exports.
        wanted: String,
        /// What the component exports.
        exports: String,
    },
    /// It uses the contract without saying which version.
    #[error(
        "the component uses {interface} without a version; this host serves forewarm:plugin@{}",
        crate::CONTRACT_VERSION
    )]
    ContractVersion {
        /// The interface.
        interface: String,
    },
    /// It was built for a version of the contract that comes with a newer host.
    #[error("needs forewarm >= {version} (contract forewarm:plugin@{version}); this host serves {served}")]
    NeedsNewerHost {
        /// The contract's version, which is that of the first host that serves it.
        version: String,
        /// The minor versions that this host serves.
        served: String,
    },
    /// It was built for a version of the contract that is not served any more.
    #[error(
        "was built for contract forewarm:plugin@{version}, which this host does not serve any more; it serves {served}: \
         build it again with a newer SDK"
    )]
    OldContract {
        /// The contract's version.
        version: String,
        /// The minor versions that this host serves.
        served: String,
    },
    /// It imports something that no host of this version offers.
    #[error("the component imports {import}, which no grant of this host offers: {reason}")]
    UnknownImport {
        /// The import.
        import: String,
        /// Why not.
        reason: &'static str,
    },
    /// It imports something that its operator has not granted.
    #[error("the component imports {import}: grant it the capability `{capability}`")]
    NotGranted {
        /// The import.
        import: String,
        /// The grant that it needs.
        capability: Capability,
    },
    /// It imports something that its manifest does not ask for.
    #[error("the component imports {import}, but its manifest does not ask for the capability `{capability}`")]
    NotDeclared {
        /// The import.
        import: String,
        /// The capability that the manifest lacks.
        capability: Capability,
    },
    /// The manifest's schema is not a JSON Schema.
    #[error("the manifest's `parameters` are not a JSON Schema: {0}")]
    Schema(String),
    /// The granted parameters don't fit the manifest's schema.
    #[error(transparent)]
    Parameters(#[from] ParameterError),
    /// Its compilation met a limit.
    #[error("the component could not be compiled within {0}: make it smaller, or let the host's operator allow more")]
    CompileLimit(CompileLimit),
    /// The process that compiles could not be run, or ended strangely.
    #[error("the compiler could not be run: {0}")]
    Compiler(String),
    /// It could not be compiled.
    #[error("the component could not be compiled: {0}")]
    Compile(String),
    /// An import or export has another type than the contract's.
    #[error("the component does not fit the contract: {0}")]
    Interface(String),
    /// A first instance did not come up, or did not describe itself.
    #[error("a first instance of the component failed: {0}")]
    Probe(PluginError),
    /// What its grant says about its requests can't be used.
    #[error("the grant's destination can't be used: {0}")]
    Http(#[from] HttpGrantError),
    /// The runtime is shutting down.
    #[error("the runtime is shutting down")]
    Closed,
}
