//! A fitted model: one instance that is held between calls.

use super::forecaster::MAX_SAVED_BYTES;
use crate::bindings::forecaster::ForecasterPlugin;
use crate::bindings::forecaster::exports::forewarm::plugin::forecaster as wit;
use crate::bindings::types::QuantilePath;
use crate::compute::{ComputeThread, Held};
use crate::convert::check_values;
use crate::failure::Failure;
use crate::guest::Guest;
use crate::shared::Shared;
use forewarm_domain::forecast::{Fan, MAX_HORIZON, check_levels};
use forewarm_domain::plugin::{ForecasterDescription, PluginError};
use forewarm_domain::time::TimestampMs;
use std::sync::Arc;
use wasmtime::Store;
use wasmtime::component::ResourceAny;

pub(crate) const MAX_OBSERVED: usize = 100_000;

/// A fitted model. It has one place in the runtime's pool until it is dropped.
///
/// A call that traps or goes over a limit, or whose future is dropped before it is ready, loses the model: every later
/// call answers [`PluginErrorKind::Trap`], and the series has to be fitted again.
pub struct Model {
    shared: Arc<Shared>,
    description: Arc<ForecasterDescription>,
    held: Option<Held<ForecasterPlugin>>,
    model: ResourceAny,
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Model").field("of", &self.shared).field("lost", &self.held.is_none()).finish()
    }
}

impl Model {
    pub(crate) fn new(
        shared: Arc<Shared>,
        description: Arc<ForecasterDescription>,
        held: Held<ForecasterPlugin>,
        model: ResourceAny,
    ) -> Self {
        Self { shared, description, held: Some(held), model }
    }

    /// Takes in what was `observed` since the last call, if anything, and predicts the `horizon` steps that follow, of
    /// which the first begins at `start`: one trip to the sandbox for both.
    ///
    /// # Errors
    /// [`PluginErrorKind::InvalidInput`] when horizon, levels or values break the contract,
    /// [`PluginErrorKind::InvalidAnswer`] when the forecast does, the plugin's own, or the sandbox's.
    pub async fn step(
        &mut self,
        observed: Vec<f64>,
        start: TimestampMs,
        step_ms: i64,
        horizon: u32,
        levels: Vec<f64>,
    ) -> Result<Fan, PluginError> {
        self.away(move |model, thread| model.step_on(thread, &observed, start, step_ms, horizon, &levels)).await
    }

    /// [`Self::step`] where the caller is on a compute thread.
    ///
    /// # Errors
    /// As [`Self::step`].
    pub fn step_on(
        &mut self,
        thread: &ComputeThread,
        observed: &[f64],
        start: TimestampMs,
        step_ms: i64,
        horizon: u32,
        levels: &[f64],
    ) -> Result<Fan, PluginError> {
        self.check(observed, horizon, levels).map_err(|failure| failure.into_error(&self.shared.manifest.name, ""))?;
        let values = observed.len() + horizon as usize * levels.len();
        self.run(thread, values, |guest, store, model| {
            if !observed.is_empty() {
                guest.call_observe(&mut *store, model, observed)??;
            }
            let paths = guest.call_forecast(store, model, horizon, levels)??;
            fan(start, step_ms, horizon, levels, paths)
        })
    }

    /// Takes in the values that follow what the model has seen, oldest first; NaN where missing. At most 100,000.
    ///
    /// # Errors
    /// As [`Self::step`].
    pub async fn observe(&mut self, values: Vec<f64>) -> Result<(), PluginError> {
        self.away(move |model, thread| model.observe_on(thread, &values)).await
    }

    /// [`Self::observe`] where the caller is on a compute thread.
    ///
    /// # Errors
    /// As [`Self::step`].
    pub fn observe_on(&mut self, thread: &ComputeThread, values: &[f64]) -> Result<(), PluginError> {
        check_observed(values).map_err(|failure| failure.into_error(&self.shared.manifest.name, ""))?;
        self.run(thread, values.len(), |guest, store, model| Ok(guest.call_observe(store, model, values)??))
    }

    /// All that the model has learned, for [`Forecaster::restore`](crate::Forecaster::restore); at most 1 MiB.
    ///
    /// # Errors
    /// As [`Self::step`].
    pub async fn save(&mut self) -> Result<Vec<u8>, PluginError> {
        self.away(Self::save_on).await
    }

    /// [`Self::save`] where the caller is on a compute thread.
    ///
    /// # Errors
    /// As [`Self::step`].
    pub fn save_on(&mut self, thread: &ComputeThread) -> Result<Vec<u8>, PluginError> {
        self.run(thread, 0, |guest, store, model| {
            let saved = guest.call_save(store, model)??;
            if saved.len() > MAX_SAVED_BYTES {
                return Err(Failure::Invalid(format!("it saves {} bytes, over {MAX_SAVED_BYTES}", saved.len())));
            }
            Ok(saved)
        })
    }

    fn check(&self, observed: &[f64], horizon: u32, levels: &[f64]) -> Result<(), Failure> {
        let most = self.description.max_horizon.min(MAX_HORIZON as u32);
        if !(1..=most).contains(&horizon) {
            return Err(Failure::Input(format!("it predicts 1 to {most} steps, not {horizon}")));
        }
        check_levels(levels).map_err(|error| Failure::Input(error.to_string()))?;
        check_observed(observed)
    }

    /// Runs `job` in the held instance.
    pub(crate) fn run<T>(
        &mut self,
        thread: &ComputeThread,
        values: usize,
        job: impl FnOnce(wit::GuestModel<'_>, &mut Store<Guest>, ResourceAny) -> Result<T, Failure>,
    ) -> Result<T, PluginError> {
        let model = self.model;
        self.shared.resume(thread, &mut self.held, values, |held| {
            job(held.bindings.forewarm_plugin_forecaster().model(), &mut held.store, model)
        })
    }

    /// Makes a call on a compute thread. Meanwhile the instance is away, so that a dropped future loses it.
    pub(crate) async fn away<T: Send + 'static>(
        &mut self,
        call: impl FnOnce(&mut Self, &ComputeThread) -> Result<T, PluginError> + Send + 'static,
    ) -> Result<T, PluginError> {
        let mut away = Self {
            shared: Arc::clone(&self.shared),
            description: Arc::clone(&self.description),
            held: self.held.take(),
            model: self.model,
        };
        let called = self.shared.on_thread(move |thread| {
            let answer = call(&mut away, thread);
            Ok((away.held, answer))
        });
        let (held, answer) = called.await?;
        self.held = held;
        answer
    }
}

pub(crate) fn check_observed(values: &[f64]) -> Result<(), Failure> {
    if values.len() > MAX_OBSERVED {
        return Err(Failure::Input(format!("at most {MAX_OBSERVED} values are observed at a time")));
    }
    check_values(values)
}

/// The paths as a fan, if they are what was asked for.
fn fan(
    start: TimestampMs,
    step_ms: i64,
    horizon: u32,
    levels: &[f64],
    paths: Vec<QuantilePath>,
) -> Result<Fan, Failure> {
    let answered = paths.iter().map(|path| path.level);
    if !answered.clone().eq(levels.iter().copied()) {
        let answered: Vec<_> = answered.take(levels.len() + 1).collect();
        return Err(Failure::Invalid(format!("levels {levels:?} were asked for, {answered:?} were answered")));
    }
    if let Some(path) = paths.iter().find(|path| path.values.len() != horizon as usize) {
        let (level, got) = (path.level, path.values.len());
        return Err(Failure::Invalid(format!("level {level} has {got} values for {horizon} steps")));
    }
    let paths: Vec<_> = paths.into_iter().map(|path| path.values).collect();
    Fan::from_rising_paths(start, step_ms, levels, &paths).map_err(|error| Failure::Invalid(error.to_string()))
}
