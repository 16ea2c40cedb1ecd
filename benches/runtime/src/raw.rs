//! The floor: wasmtime under a host written by hand for this one guest. It has our engine's settings and none of our
//! limits, grants, checks and counters.

use anyhow::{Context, anyhow};
use bench_work::{HORIZON, LEVELS};
use forewarm::plugin::types::{QuantilePath, Series};
use wasmtime::component::{Component, Linker, ResourceAny};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store};

wasmtime::component::bindgen!({ path: "../../wit/0.1.0", world: "forecaster-plugin" });

/// The compiled guest.
pub(crate) struct Raw {
    engine: Engine,
    pre: ForecasterPluginPre<()>,
}

/// One instance with a model.
pub(crate) struct RawModel {
    store: Store<()>,
    guest: ForecasterPlugin,
    model: ResourceAny,
}

impl Raw {
    pub(crate) fn compile(component: &[u8]) -> anyhow::Result<Self> {
        let engine = engine().map_err(shown)?;
        let component = Component::from_binary(&engine, component).map_err(shown)?;
        let mut linker = Linker::new(&engine);
        linker.define_unknown_imports_as_traps(&component).map_err(shown)?;
        let pre = linker.instantiate_pre(&component).and_then(ForecasterPluginPre::new).map_err(shown)?;
        Ok(Self { engine, pre })
    }

    /// A fresh store and instance with a model of `history`.
    pub(crate) fn fit(&self, history: &Series) -> anyhow::Result<RawModel> {
        let mut store = Store::new(&self.engine, ());
        store.set_epoch_deadline(u64::MAX / 2);
        let guest = self.pre.instantiate(&mut store).map_err(shown)?;
        let fitted = guest.forewarm_plugin_forecaster().model().call_fit(&mut store, history).map_err(shown)?;
        Ok(RawModel { store, guest, model: fitted.ok().context("the guest fits")? })
    }
}

impl RawModel {
    /// Takes in `observed`, if anything, and forecasts.
    pub(crate) fn step(&mut self, observed: &[f64]) -> anyhow::Result<Vec<QuantilePath>> {
        let model = self.guest.forewarm_plugin_forecaster().model();
        if !observed.is_empty() {
            let observing = model.call_observe(&mut self.store, self.model, observed).map_err(shown)?;
            observing.ok().context("the guest observes")?;
        }
        let paths = model.call_forecast(&mut self.store, self.model, HORIZON as u32, &LEVELS).map_err(shown)?;
        paths.ok().context("the guest forecasts")
    }
}

fn shown(error: wasmtime::Error) -> anyhow::Error {
    anyhow!("{error:#}")
}

/// As `host/runtime/src/engine.rs` sets it up.
fn engine() -> wasmtime::Result<Engine> {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(64).total_core_instances(256).total_memories(64).total_tables(192);
    let mut config = Config::new();
    config.epoch_interruption(true).concurrency_support(false);
    config.wasm_memory64(false).relaxed_simd_deterministic(true).wasm_backtrace_max_frames(None);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    Engine::new(&config)
}
