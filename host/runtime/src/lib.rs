//! The sandbox of forewarm: it loads WASM components, grants them what their operator allows, and calls them.
//!
//! Invariants: the only crate that knows wasmtime; guest code never runs on a thread that serves requests; a guest sees
//! nothing of the machine (no files, no environment, no network but what its grant names); whatever a guest does ends as a [`PluginError`] of
//! that one call. Compute plugins (forecasters, detectors, profilers) run synchronously on a bounded set of blocking
//! threads, drivers asynchronously on a thread of their own.
//!
//! [`PluginError`]: forewarm_domain::plugin::PluginError

mod assets;
mod bindings;
mod cache;
mod compile;
mod compute;
mod config;
mod contract;
mod convert;
mod engine;
mod error;
mod examine;
mod failure;
mod guest;
mod host;
mod http;
mod inspect;
mod limiter;
mod load;
mod manifest;
mod metrics;
mod parameters;
mod plugin;
mod priority;
mod runtime;
mod shared;
mod state;
mod stderr;
mod ticker;
mod trusted;
mod wasi;

pub use assets::{ASSET_BYTES_MAX, Asset, AssetError};
pub use compile::child::compile_component;
pub use compile::{ChildCompiler, CompileLimit, CompileLimits, Compiler};
pub use compute::{Closed, ComputeThread};
pub use config::{Capability, Grant, Limits, RuntimeConfig, WantedLimits};
pub use error::{LoadError, RuntimeError};
pub use examine::{Examination, Import, Need};
pub use http::{
    AddressRange, HostPattern, HttpDestination, HttpGrant, HttpGrantError, HttpLimits, HttpMethod, HttpMetrics,
    HttpScheme, PathPrefix, Resolver, Secret, SecretHeader, SystemResolver,
};
pub use inspect::ComponentInfo;
pub use load::{Description, check_component};
pub use manifest::Manifest;
pub use metrics::PluginMetrics;
pub use parameters::{ParameterError, ParameterFault};
pub use plugin::Plugin;
pub use plugin::anomaly_detector::AnomalyDetector;
pub use plugin::driver::Driver;
pub use plugin::forecaster::Forecaster;
pub use plugin::model::Model;
pub use plugin::profiler::Profiler;
pub use plugin::stream::Stream;
pub use plugin::unchecked::QuantilePath;
pub use runtime::Runtime;
pub use state::{MAX_KEYS, MemoryState, StateError, StateStore};

/// The version of the WIT package `forewarm:plugin` that this host serves.
pub const CONTRACT_VERSION: &str = "0.1.0";
