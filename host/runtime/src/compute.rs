//! Calls of compute plugins: on a bounded number of blocking threads, in a fresh instance or in a held one.
//!
//! The way in is [`Inner::on_compute`], whose answer to "may a guest run here?" is a [`ComputeThread`]: what calls a guest
//! takes one. Several calls may so share one trip to such a thread; each has its own deadline and budgets.

use crate::bindings::anomaly_detector::{AnomalyDetectorPlugin, AnomalyDetectorPluginPre};
use crate::bindings::forecaster::{ForecasterPlugin, ForecasterPluginPre};
use crate::bindings::profiler::{ProfilerPlugin, ProfilerPluginPre};
use crate::failure::Failure;
use crate::guest::{self, Guest};
use crate::priority::{self, Working};
use crate::runtime::{Inner, Runtime};
use crate::shared::Shared;
use crate::ticker::Ticking;
use forewarm_domain::plugin::{PluginError, PluginErrorKind};
use std::marker::PhantomData;
use std::panic::resume_unwind;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;
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

/// Proof of being on a thread that guests may run on: one of the bounded number, with the epochs ticking, so that a
/// deadline is kept. It can't leave its thread. See [`Runtime::on_compute`].
pub struct ComputeThread {
    runtime: Arc<Inner>,
    _permit: OwnedSemaphorePermit,
    _ticking: Ticking,
    _priority: Working,
    _stays_here: PhantomData<*const ()>,
}

impl std::fmt::Debug for ComputeThread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ComputeThread").finish_non_exhaustive()
    }
}

/// The runtime is shutting down, and begins nothing any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the runtime is shutting down")]
pub struct Closed;

impl Runtime {
    /// Runs `work` on a compute thread once one is free: for many short calls in a row, which then share one trip.
    ///
    /// The functions that take a [`ComputeThread`] call guests under the same limits as those that are awaited. `work`
    /// keeps one of [`RuntimeConfig::compute_threads`] from all other plugins for as long as it runs: let it be some
    /// milliseconds. A caller that gives up waiting for a thread leaves the queue; work that has begun ends by itself.
    ///
    /// # Errors
    /// [`Closed`] when the process is ending.
    ///
    /// [`RuntimeConfig::compute_threads`]: crate::RuntimeConfig::compute_threads
    pub async fn on_compute<T: Send + 'static>(
        &self,
        work: impl FnOnce(&ComputeThread) -> T + Send + 'static,
    ) -> Result<T, Closed> {
        self.0.on_compute(work).await
    }
}

impl Inner {
    async fn on_compute<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&ComputeThread) -> T + Send + 'static,
    ) -> Result<T, Closed> {
        let permit = Arc::clone(&self.threads).acquire_owned().await.map_err(|_| Closed)?;
        let (runtime, ticking) = (Arc::clone(self), self.ticker.ticking());
        let task = self.guests.handle().spawn_blocking(move || {
            work(&ComputeThread {
                runtime,
                _permit: permit,
                _ticking: ticking,
                _priority: Working,
                _stays_here: PhantomData,
            })
        });
        task.await.map_err(|error| match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            Err(_) => Closed,
        })
    }
}

impl Shared {
    /// Runs `job` in a fresh instance that is gone afterwards. `values` is the length of its input.
    pub(crate) async fn call<W: World, T: Send + 'static>(
        self: &Arc<Self>,
        world: &W,
        values: usize,
        job: impl FnOnce(&mut Held<W::Bindings>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, PluginError> {
        let (shared, world, config) = (Arc::clone(self), world.clone(), Arc::clone(&self.parameters));
        self.on_thread(move |thread| shared.open(thread, &world, config, values, job).map(|(_, answer)| answer)).await
    }

    /// Runs `job` in a fresh instance with its own `config` and keeps the instance.
    pub(crate) fn open<W: World, T>(
        self: &Arc<Self>,
        thread: &ComputeThread,
        world: &W,
        config: Arc<str>,
        values: usize,
        job: impl FnOnce(&mut Held<W::Bindings>) -> Result<T, Failure>,
    ) -> Result<(Held<W::Bindings>, T), PluginError> {
        self.check_thread(thread)?;
        let place = Arc::clone(&self.runtime.places).try_acquire_owned().map_err(|_| {
            let all = self.runtime.config.max_instances;
            self.counted(self.error(PluginErrorKind::Saturated, format!("all {all} instances are in use")))
        })?;
        let guest = Guest::new(self, config, place, Some(self.seed()));
        let mut store = guest::store(&self.runtime.compute, guest, || {
            priority::ticked();
            UpdateDeadline::Continue(1)
        });
        let began = guest::begin(&mut store, values);
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

    /// Runs `job` in a held instance, which is gone afterwards if the call has poisoned it.
    pub(crate) fn resume<B, T>(
        &self,
        thread: &ComputeThread,
        place: &mut Option<Held<B>>,
        values: usize,
        job: impl FnOnce(&mut Held<B>) -> Result<T, Failure>,
    ) -> Result<T, PluginError> {
        self.check_thread(thread)?;
        let lost = "the model was lost when an earlier call failed or was cancelled: fit the series again";
        let mut held = place.take().ok_or_else(|| self.error(PluginErrorKind::Trap, lost))?;
        let began = guest::begin(&mut held.store, values);
        let answer = job(&mut held);
        self.counters.called(began.elapsed());
        match answer {
            Ok(answer) => {
                *place = Some(held);
                Ok(answer)
            }
            Err(failure) => {
                let poisoned = failure.poisons();
                let error = self.failed(failure, &held.store);
                *place = Some(held).filter(|_| !poisoned);
                Err(error)
            }
        }
    }

    /// A thread of another runtime would not keep this one's deadlines.
    fn check_thread(&self, thread: &ComputeThread) -> Result<(), PluginError> {
        if Arc::ptr_eq(&thread.runtime, &self.runtime) {
            return Ok(());
        }
        let message = "the compute thread is another runtime's: take one of the runtime that loaded the plugin";
        Err(self.error(PluginErrorKind::InvalidInput, message))
    }

    pub(crate) fn failed(&self, failure: Failure, store: &Store<Guest>) -> PluginError {
        self.counted(failure.into_error(&self.manifest.name, &store.data().stderr()))
    }

    /// The same component always sees the same random numbers.
    fn seed(&self) -> u64 {
        u64::from_str_radix(&self.digest[..16], 16).unwrap_or_default()
    }

    /// Runs `work` on a compute thread.
    pub(crate) async fn on_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(&ComputeThread) -> Result<T, PluginError> + Send + 'static,
    ) -> Result<T, PluginError> {
        let closed = |error: Closed| self.error(PluginErrorKind::Unreachable, error.to_string());
        self.runtime.on_compute(work).await.map_err(closed)?
    }
}
