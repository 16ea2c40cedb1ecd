//! The measured host: a runtime as the server sets it up, and the components that are loaded into it.

use anyhow::{Context, bail};
use forewarm_domain::series::Series;
use forewarm_domain::time::{MINUTE_MS, ManualClock, TimestampMs};
use forewarm_runtime::{ComputeThread, Forecaster, Grant, MemoryState, Plugin, Runtime, RuntimeConfig};
use std::path::Path;
use std::sync::Arc;

/// When the histories begin.
pub(crate) const START: TimestampMs = TimestampMs(1_700_000_040_000);

/// The components that are measured, as they are built.
pub(crate) struct Components {
    /// The compared work behind the contract.
    pub(crate) work: Vec<u8>,
    /// The compared work as a plugin of Extism.
    pub(crate) extism: Vec<u8>,
    /// Never answers.
    pub(crate) spinner: Vec<u8>,
    /// The step clock's own forecaster.
    pub(crate) seasonal: Vec<u8>,
}

impl Components {
    pub(crate) fn read(guests: &Path, plugins: &Path) -> anyhow::Result<Self> {
        let read = |folder: &Path, name: &str| {
            let file = folder.join(format!("{name}.wasm"));
            std::fs::read(&file).with_context(|| format!("reading {}", file.display()))
        };
        Ok(Self {
            work: read(guests, "bench_forecaster")?,
            extism: read(guests, "bench_extism")?,
            spinner: read(guests, "bench_spinner")?,
            seasonal: read(plugins, "forecaster-seasonal")?,
        })
    }
}

/// A runtime and the threads that wait for it.
pub(crate) struct Sandbox {
    pub(crate) runtime: Runtime,
    pub(crate) tokio: tokio::runtime::Runtime,
}

impl Sandbox {
    pub(crate) fn start(config: RuntimeConfig) -> anyhow::Result<Self> {
        let tokio = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let runtime = Runtime::new(config, Arc::new(ManualClock::at(START)), Arc::new(MemoryState::new()))?;
        Ok(Self { runtime, tokio })
    }

    pub(crate) fn load(&self, component: &[u8]) -> anyhow::Result<Forecaster> {
        match self.tokio.block_on(self.runtime.load(component.to_vec(), Grant::default()))? {
            Plugin::Forecaster(forecaster) => Ok(forecaster),
            other => bail!("{other:?} is no forecaster"),
        }
    }

    /// Runs `work` where guests run.
    pub(crate) fn on_compute<T: Send + 'static>(
        &self,
        work: impl FnOnce(&ComputeThread) -> anyhow::Result<T> + Send + 'static,
    ) -> anyhow::Result<T> {
        self.tokio.block_on(self.runtime.on_compute(work))?
    }
}

/// A load by the minute with a day's rhythm, a trend and some noise, the same at each call.
pub(crate) fn history(minutes: usize) -> Series {
    Series { start: START, step_ms: MINUTE_MS, values: (0..minutes).map(value).collect() }
}

/// Its value at a minute.
pub(crate) fn value(minute: usize) -> f64 {
    let noise = (minute.wrapping_mul(2_654_435_761) % 1_000) as f64 / 50.0;
    200.0 + 100.0 * (minute as f64 / 1_440.0 * std::f64::consts::TAU).sin() + noise
}
