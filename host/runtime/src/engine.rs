//! The two engines and their linkers. Their settings were measured; each has its reason here.

use crate::bindings::{assets, host, state};
use crate::error::RuntimeError;
use crate::guest::Guest;
use crate::http;
use crate::limiter::{MAX_CORE_INSTANCES, MAX_MEMORIES, MAX_TABLES};
use crate::wasi;
use forewarm_domain::plugin::PluginKind;
use serde::{Deserialize, Serialize};
use wasmtime::component::{HasSelf, Linker};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

/// What the pool sets aside per component instance: a Rust component has three core instances and two tables.
const CORE_INSTANCES_PER_COMPONENT: u32 = 4;
const TABLES_PER_COMPONENT: u32 = 3;

/// Which engine a component is compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum EngineKind {
    Compute,
    Driver,
}

impl EngineKind {
    pub(crate) fn of(kind: PluginKind) -> Self {
        match kind {
            PluginKind::Driver => Self::Driver,
            PluginKind::Forecaster | PluginKind::AnomalyDetector | PluginKind::Profiler => Self::Compute,
        }
    }

    /// Its name, as in the names of cached entries.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Compute => "compute",
            Self::Driver => "driver",
        }
    }
}

/// The engine of forecasters, detectors and profilers: synchronous calls, instances from a pool.
///
/// # Errors
/// When the pool's address space can't be reserved.
pub(crate) fn compute(max_instances: u32) -> Result<Engine, RuntimeError> {
    let mut config = of(EngineKind::Compute);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(max_instances)));
    Engine::new(&config).map_err(failed)
}

/// The engine of drivers: asynchronous calls. Its few instances are long-lived, so that no pool is set aside for them.
///
/// # Errors
/// When the machine lacks what it needs.
pub(crate) fn driver() -> Result<Engine, RuntimeError> {
    Engine::new(&of(EngineKind::Driver)).map_err(failed)
}

/// An engine that only compiles: nothing is set aside for instances, and its code fits the engine of this kind.
///
/// # Errors
/// When the machine lacks what it needs.
pub(crate) fn compiling(kind: EngineKind) -> wasmtime::Result<Engine> {
    Engine::new(&of(kind))
}

#[expect(clippy::needless_pass_by_value, reason = "for use with map_err")]
fn failed(error: wasmtime::Error) -> RuntimeError {
    RuntimeError::Engine(format!("{error:#}"))
}

/// What decides about the machine code of a kind.
fn of(kind: EngineKind) -> Config {
    let mut config = Config::new();
    if kind == EngineKind::Compute {
        // Off, since it costs 0.4 to 1.3 us a call and calls here are never concurrent within an instance.
        config.concurrency_support(false);
    }
    config.epoch_interruption(true);
    // A 64-bit memory would bring bounds checks; relaxed SIMD would differ between machines.
    config.wasm_memory64(false).relaxed_simd_deterministic(true);
    // A trap's code is told; the addresses in a stripped guest would help nobody.
    config.wasm_backtrace_max_frames(None);
    config
}

/// Nothing is kept resident in an idle slot: the scan for dirty pages that makes it pay can miss pages that were
/// swapped out (wasmtime #14357), and would then show one plugin what another left behind.
fn pool(max_instances: u32) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(max_instances)
        .total_core_instances(max_instances.saturating_mul(CORE_INSTANCES_PER_COMPONENT))
        .total_memories(max_instances)
        .total_tables(max_instances.saturating_mul(TABLES_PER_COMPONENT))
        .max_core_instances_per_component(MAX_CORE_INSTANCES)
        .max_memories_per_component(MAX_MEMORIES)
        .max_tables_per_component(MAX_TABLES);
    pool
}

/// Links what compute plugins may import.
///
/// # Errors
/// When an interface is linked twice.
pub(crate) fn link_compute(engine: &Engine) -> Result<Linker<Guest>, RuntimeError> {
    let mut linker = Linker::new(engine);
    wasi::link_sync(&mut linker).map_err(failed)?;
    host::add_to_linker::<_, HasSelf<Guest>>(&mut linker, |guest| guest).map_err(failed)?;
    // Before a component is linked it was checked that its grant has what it imports.
    assets::add_to_linker::<_, HasSelf<Guest>>(&mut linker, |guest| guest).map_err(failed)?;
    #[cfg(feature = "next-contract")]
    crate::bindings::next::add_to_linker::<_, HasSelf<Guest>>(&mut linker, |guest| guest).map_err(failed)?;
    Ok(linker)
}

/// Links what drivers may import; each capability only where it is granted.
///
/// # Errors
/// When an interface is linked twice.
pub(crate) fn link_driver(engine: &Engine, with_state: bool, with_http: bool) -> Result<Linker<Guest>, RuntimeError> {
    let mut linker = Linker::new(engine);
    wasi::link_async(&mut linker).map_err(failed)?;
    host::add_to_linker::<_, HasSelf<Guest>>(&mut linker, |guest| guest).map_err(failed)?;
    assets::add_to_linker::<_, HasSelf<Guest>>(&mut linker, |guest| guest).map_err(failed)?;
    if with_state {
        state::add_to_linker::<_, HasSelf<Guest>>(&mut linker, |guest| guest).map_err(failed)?;
    }
    if with_http {
        http::link(&mut linker).map_err(failed)?;
    }
    Ok(linker)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hash::{DefaultHasher, Hash, Hasher};

    fn settings(engine: &Engine) -> u64 {
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        hasher.finish()
    }

    #[test]
    fn code_compiled_elsewhere_fits_the_engines() {
        for (kind, engine) in [(EngineKind::Compute, compute(4)), (EngineKind::Driver, driver())] {
            let (engine, compiling) = (engine.expect("an engine"), compiling(kind).expect("an engine"));
            assert_eq!(settings(&engine), settings(&compiling), "{kind:?}");
        }
    }
}
