//! Attribute macros of the forewarm plugin SDK: each turns an `impl` of its kind's trait into a component's exports and
//! writes the plugin's manifest. Use them through `forewarm_sdk`.

mod arguments;
mod expand;
mod kind;
mod manifest;

use kind::Kind;
use proc_macro::TokenStream;

/// Exports an `impl Forecaster for T` as a forecaster plugin.
///
/// Arguments, all but the first optional: `summary = "..."`, a sentence on which series it suits; `parameters =
/// "parameters.schema.json"`, a JSON Schema beside `Cargo.toml` (without one the plugin takes no parameters);
/// `capabilities = ["state"]`; `assets = ["weights"]`, the files that a plugin with the capability `assets` reads; and the limits to ask for: `memory_mib`, `call_ms`, `log_kib`, `host_calls`.
#[proc_macro_attribute]
pub fn forecaster(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand(Kind::Forecaster, arguments.into(), &item.into()).into()
}

/// Exports an `impl AnomalyDetector for T` as an anomaly-detector plugin. Arguments as for [`macro@forecaster`].
#[proc_macro_attribute]
pub fn anomaly_detector(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand(Kind::AnomalyDetector, arguments.into(), &item.into()).into()
}

/// Exports an `impl Profiler for T` as a profiler plugin. Arguments as for [`macro@forecaster`].
#[proc_macro_attribute]
pub fn profiler(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand(Kind::Profiler, arguments.into(), &item.into()).into()
}

/// Exports an `impl Driver for T` as a driver plugin. Arguments as for [`macro@forecaster`].
#[proc_macro_attribute]
pub fn driver(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand(Kind::Driver, arguments.into(), &item.into()).into()
}
