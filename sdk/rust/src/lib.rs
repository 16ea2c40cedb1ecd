//! Write forewarm plugins in Rust: implement one trait, put one attribute on the `impl`, build for `wasm32-wasip2`.
//!
//! The attribute ([`forecaster`], [`anomaly_detector`], [`profiler`], [`driver`]) adds the component's exports and its
//! manifest. Everything also compiles natively, where a thread-local stand-in ([`testing`]) takes the host's place, so
//! that plain unit tests reach all of a plugin's logic.

mod anomaly_detector;
pub mod assets;
#[doc(hidden)]
pub mod bindings;
mod driver;
mod error;
mod forecaster;
pub mod host;
#[cfg(feature = "http")]
pub mod http;
pub mod kernels;
pub mod numerics;
mod plugin;
mod profiler;
mod series;
mod snapshot;
pub mod state;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;

pub use anomaly_detector::{AnomalyDetector, AnomalyDetectorPlugin};
pub use bindings::shared::forewarm::plugin::types::{
    Allocation, Error, ExpectedPerformance, Metric, Persona, QuantilePath, Series, Setting, System, Tier, TimestampMs,
};
pub use driver::{Driver, DriverPlugin};
pub use forecaster::{Forecaster, ForecasterPlugin};
pub use forewarm_sdk_macros::{anomaly_detector, driver, forecaster, profiler};
pub use plugin::Plugin;
pub use profiler::{Profiler, ProfilerPlugin};
pub use snapshot::Snapshot;

/// The words of one kind of plugin that the other kinds do not share.
pub mod words {
    pub use crate::bindings::anomaly_detector::exports::forewarm::plugin::anomaly_detector::Verdict;
    pub use crate::bindings::driver::exports::forewarm::plugin::driver::{
        Change as InstanceChange, CreateRequest, Description as DriverDescription, Instance, InstanceState, Operation,
        Page, Price, PriceQuery,
    };
    pub use crate::bindings::forecaster::exports::forewarm::plugin::forecaster::{
        Description as ForecasterDescription, Season,
    };
    pub use crate::bindings::profiler::exports::forewarm::plugin::profiler::{
        Change, Evidence, Outcome, PersonaDraft, Usage, Workload, WorkloadClass,
    };
}

/// All that a plugin's source usually needs.
pub mod prelude {
    pub use crate::words::*;
    pub use crate::{
        Allocation, AnomalyDetector, Driver, Error, ExpectedPerformance, Forecaster, Metric, Persona, Profiler, Series,
        Setting, Snapshot, System, Tier, TimestampMs, anomaly_detector, assets, driver, forecaster, host, kernels,
        profiler, state,
    };
    pub use serde::{Deserialize, Serialize};
}

/// For the expansion of the attributes only.
#[doc(hidden)]
pub mod export {
    pub use crate::bindings::anomaly_detector::export_anomaly_detector;
    pub use crate::bindings::driver::export_driver;
    pub use crate::bindings::forecaster::export_forecaster;
    pub use crate::bindings::profiler::export_profiler;
}
