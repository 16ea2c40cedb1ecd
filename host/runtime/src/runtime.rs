//! The runtime: both engines, the threads that guests run on, and the places for their instances.

use crate::cache::Cache;
use crate::config::RuntimeConfig;
use crate::engine;
use crate::error::RuntimeError;
use crate::guest::Guest;
use crate::priority;
use crate::state::StateStore;
use crate::ticker::Ticker;
use forewarm_domain::time::Clock;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use wasmtime::Engine;
use wasmtime::component::Linker;

/// Drivers that may be live at a time.
const MAX_DRIVERS: usize = 100;

/// Loads plugins. A clone is another handle to the same runtime; it ends with the last handle and the last plugin.
#[derive(Clone)]
pub struct Runtime(pub(crate) Arc<Inner>);

impl std::fmt::Debug for Runtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Runtime").field(&self.0.config).finish()
    }
}

pub(crate) struct Inner {
    pub(crate) config: RuntimeConfig,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) state: Arc<dyn StateStore>,
    pub(crate) compute: Engine,
    pub(crate) driver: Engine,
    pub(crate) link_compute: Linker<Guest>,
    pub(crate) cache: Option<Cache>,
    /// One permit per compute call that may run.
    pub(crate) threads: Arc<Semaphore>,
    /// One permit per instance of a compute plugin; none free is an error, not a queue.
    pub(crate) places: Arc<Semaphore>,
    pub(crate) driver_places: Arc<Semaphore>,
    /// Compilation takes all cores by itself: one at a time.
    pub(crate) compilations: Semaphore,
    pub(crate) ticker: Ticker,
    pub(crate) guests: GuestThreads,
}

impl Runtime {
    /// Sets the runtime up: reserves the pool's address space, opens the folder for compiled components, starts the
    /// threads.
    ///
    /// # Errors
    /// [`RuntimeError`] names the part that failed.
    pub fn new(config: RuntimeConfig, clock: Arc<dyn Clock>, state: Arc<dyn StateStore>) -> Result<Self, RuntimeError> {
        if config.compute_threads == 0 {
            return Err(RuntimeError::Zero("compute_threads"));
        }
        if config.max_instances == 0 {
            return Err(RuntimeError::Zero("max_instances"));
        }
        let (compute, driver) = (engine::compute(config.max_instances)?, engine::driver()?);
        let ticker = Ticker::start(vec![compute.clone(), driver.clone()]).map_err(RuntimeError::Thread)?;
        Ok(Self(Arc::new(Inner {
            link_compute: engine::link_compute(&compute)?,
            cache: config.cache_dir.as_deref().map(Cache::open).transpose()?,
            threads: Arc::new(Semaphore::new(config.compute_threads)),
            places: Arc::new(Semaphore::new(config.max_instances as usize)),
            driver_places: Arc::new(Semaphore::new(MAX_DRIVERS)),
            compilations: Semaphore::new(1),
            guests: GuestThreads::start(config.compute_threads).map_err(RuntimeError::Thread)?,
            ticker,
            compute,
            driver,
            clock,
            state,
            config,
        })))
    }
}

/// The threads that guests run on: one for the drivers' asynchronous calls, so that a spinning one delays other drivers
/// at most (they take turns at every tick), and one per compute call that may run.
pub(crate) struct GuestThreads(Option<tokio::runtime::Runtime>, Handle);

impl GuestThreads {
    fn start(compute_threads: usize) -> std::io::Result<Self> {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(1).max_blocking_threads(compute_threads).thread_name("forewarm-guest");
        let runtime = builder.on_thread_start(priority::give_way).enable_time().build()?;
        let handle = runtime.handle().clone();
        Ok(Self(Some(runtime), handle))
    }

    pub(crate) fn handle(&self) -> &Handle {
        &self.1
    }
}

impl Drop for GuestThreads {
    /// In the background, since the last handle may be dropped where blocking is not allowed. By then no call is under
    /// way: each holds a handle.
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
