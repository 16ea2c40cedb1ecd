//! Calls of compute plugins: on a bounded number of blocking threads, in a fresh instance or in a held one.

use crate::bindings::anomaly_detector::{AnomalyDetectorPlugin, AnomalyDetectorPluginPre};
use crate::bindings::forecaster::{ForecasterPlugin, ForecasterPluginPre};
use crate::bindings::profiler::{ProfilerPlugin, ProfilerPluginPre};
use crate::failure::Failure;
use crate::guest::{self, Guest};
use crate::shared::Shared;
use forewarm_domain::plugin::{PluginError, PluginErrorKind};
use std::sync::Arc;
use std::time::Instant;
use wasmtime::{Store, UpdateDeadline};

/// One instance and its store.
pub(crate) struct Held<B> {
    pub(crate) store: Store<Guest>,
    pub(crate) bindings: B,
}

/// A world that instances can be made of, ready to instantiate.
pub(crate) trait World: Clone + Send + 'static {
    type Bindings: Send + 'static;
    fn instantiate(&self, store: &mut Store<Guest>) -> wasmtime::Result<Self::Bindings>;
}

macro_rules! world {
    ($pre:ty, $bindings:ty) => {
        impl World for $pre {
            type Bindings = $bindings;
            fn instantiate(&self, store: &mut Store<Guest>) -> wasmtime::Result<Self::Bindings> {
                <$pre>::instantiate(self, store)
            }
        }
    };
}
world!(ForecasterPluginPre<Guest>, ForecasterPlugin);
world!(AnomalyDetectorPluginPre<Guest>, AnomalyDetectorPlugin);
world!(ProfilerPluginPre<Guest>, ProfilerPlugin);

impl Shared {
    /// Runs `job` in a fresh instance that is gone afterwards. `values` is the length of its input.
    pub(crate) async fn call<W: World, T: Send + 'static>(
        self: &Arc<Self>,
        world: &W,
        values: usize,
        job: impl FnOnce(&mut Held<W::Bindings>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, PluginError> {
        let (shared, world, config) = (Arc::clone(self), world.clone(), Arc::clone(&self.parameters));
        self.on_thread(move || shared.open_here(&world, config, values, job).map(|(_, answer)| answer)).await
    }

    /// Runs `job` in a fresh instance with its own `config` and keeps the instance.
    pub(crate) async fn open<W: World, T: Send + 'static>(
        self: &Arc<Self>,
        world: &W,
        config: Arc<str>,
        values: usize,
        job: impl FnOnce(&mut Held<W::Bindings>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<(Held<W::Bindings>, T), PluginError> {
        let (shared, world) = (Arc::clone(self), world.clone());
        self.on_thread(move || shared.open_here(&world, config, values, job)).await
    }

    /// Runs `job` in a held instance, which is handed back unless the call has poisoned it.
    pub(crate) async fn resume<B: Send + 'static, T: Send + 'static>(
        self: &Arc<Self>,
        mut held: Held<B>,
        values: usize,
        job: impl FnOnce(&mut Held<B>) -> Result<T, Failure> + Send + 'static,
    ) -> (Option<Held<B>>, Result<T, PluginError>) {
        let shared = Arc::clone(self);
        let called = self.on_thread(move || {
            guest::begin(&mut held.store, values);
            let began = Instant::now();
            let answer = job(&mut held);
            shared.counters.called(began.elapsed());
            Ok(match answer {
                Ok(answer) => (Some(held), Ok(answer)),
                Err(failure) => {
                    let poisoned = failure.poisons();
                    let error = shared.failed(failure, &held.store);
                    (Some(held).filter(|_| !poisoned), Err(error))
                }
            })
        });
        called.await.unwrap_or_else(|error| (None, Err(error)))
    }

    fn open_here<W: World, T>(
        self: &Arc<Self>,
        world: &W,
        config: Arc<str>,
        values: usize,
        job: impl FnOnce(&mut Held<W::Bindings>) -> Result<T, Failure>,
    ) -> Result<(Held<W::Bindings>, T), PluginError> {
        let place = Arc::clone(&self.runtime.places).try_acquire_owned().map_err(|_| {
            let all = self.runtime.config.max_instances;
            self.counted(self.error(PluginErrorKind::Saturated, format!("all {all} instances are in use")))
        })?;
        let guest = Guest::new(self, config, place, Some(self.seed()));
        let mut store = guest::store(&self.runtime.compute, guest, || UpdateDeadline::Continue(1));
        guest::begin(&mut store, values);
        let began = Instant::now();
        let answer = match world.instantiate(&mut store) {
            Ok(bindings) => {
                let mut held = Held { store, bindings };
                match job(&mut held) {
                    Ok(answer) => Ok((held, answer)),
                    Err(failure) => Err(self.failed(failure, &held.store)),
                }
            }
            Err(error) => Err(self.failed(Failure::Died(error), &store)),
        };
        self.counters.called(began.elapsed());
        answer
    }

    pub(crate) fn failed(&self, failure: Failure, store: &Store<Guest>) -> PluginError {
        self.counted(failure.into_error(&self.manifest.name, &store.data().stderr()))
    }

    /// The same component always sees the same random numbers.
    fn seed(&self) -> u64 {
        u64::from_str_radix(&self.digest[..16], 16).unwrap_or_default()
    }

    /// Runs `work` on a blocking thread once one of the compute threads is free. A caller that gives up waiting leaves
    /// the queue; work that has begun ends by itself, at the latest at its deadline.
    async fn on_thread<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce() -> Result<T, PluginError> + Send + 'static,
    ) -> Result<T, PluginError> {
        let closed = || self.error(PluginErrorKind::Unreachable, "the runtime is shutting down");
        let thread = Arc::clone(&self.runtime.threads).acquire_owned().await.map_err(|_| closed())?;
        let ticking = self.runtime.ticker.ticking();
        let task = self.runtime.guests.handle().spawn_blocking(move || {
            let answer = work();
            drop((thread, ticking));
            answer
        });
        task.await.unwrap_or_else(|_| Err(closed()))
    }
}
