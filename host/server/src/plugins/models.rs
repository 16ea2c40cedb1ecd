//! The models that one forecaster holds for its callers, by key; those used longest ago give way.

use async_trait::async_trait;
use forewarm_bus::message::{
    DescribeForecaster, FitCall, ForecastAnswer, ForecastCall, SeasonalityCall, ServeForecaster,
};
use forewarm_domain::forecast::Fan;
use forewarm_domain::plugin::{ForecasterDescription, PluginError, PluginErrorKind, Season};
use forewarm_domain::time::TimestampMs;
use forewarm_runtime::{Forecaster, Model};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Instances that are left to other plugins and to calls without a model.
const INSTANCES_LEFT: u32 = 64;

/// See the module's description.
pub(super) struct Models {
    forecaster: Forecaster,
    held: Mutex<Held>,
}

struct Held {
    slots: HashMap<String, Slot>,
    limit: usize,
    /// Counts uses: the slot with the least is the one used longest ago.
    clock: u64,
}

/// A model and how far it has seen.
struct Slot {
    model: Model,
    revision: u64,
    step_ms: i64,
    seen_through: TimestampMs,
    used: u64,
}

impl Models {
    pub(super) fn new(forecaster: Forecaster, max_instances: u32) -> Self {
        let limit = max_instances.saturating_sub(INSTANCES_LEFT).max(1) as usize;
        Self { forecaster, held: Mutex::new(Held { slots: HashMap::new(), limit, clock: 0 }) }
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the model out while it is used, so that nothing is locked meanwhile.
    fn take(&self, call: &ForecastCall) -> Option<Slot> {
        let mut held = self.held();
        let fits = held
            .slots
            .get(&call.key)
            .is_some_and(|slot| slot.revision == call.revision && call.observed_from <= slot.seen_through);
        if fits { held.slots.remove(&call.key) } else { None }
    }

    fn put(&self, key: String, mut slot: Slot) {
        let mut held = self.held();
        held.clock += 1;
        slot.used = held.clock;
        held.slots.insert(key, slot);
        if held.slots.len() > held.limit {
            let oldest = held.slots.iter().min_by_key(|(_, slot)| slot.used).map(|(key, _)| key.clone());
            oldest.and_then(|key| held.slots.remove(&key));
        }
    }
}

#[async_trait]
impl ServeForecaster for Models {
    async fn forecast(&self, call: ForecastCall) -> Result<ForecastAnswer, PluginError> {
        let Some(mut slot) = self.take(&call) else { return Ok(ForecastAnswer::NeedsFit) };
        // What the model has seen already is not shown again.
        let seen = slot.seen_through.since(call.observed_from) / slot.step_ms;
        let news: Vec<f64> = call.observed.into_iter().skip(usize::try_from(seen).unwrap_or(usize::MAX)).collect();
        let through = slot.seen_through + slot.step_ms * news.len() as i64;
        // A model that fails is not put back: the next call is told to fit again.
        let fan = slot.model.step(news, through, slot.step_ms, call.horizon, call.levels).await?;
        slot.seen_through = through;
        self.put(call.key, slot);
        Ok(ForecastAnswer::Fan(fan))
    }

    async fn fit(&self, call: FitCall) -> Result<Fan, PluginError> {
        self.forecaster.check_parameters(&call.parameters).map_err(|error| PluginError {
            plugin: call.plugin.clone(),
            kind: PluginErrorKind::InvalidInput,
            message: error.to_string(),
        })?;
        let (through, step_ms) = (call.history.end(), call.history.step_ms);
        let mut model = self.forecaster.fit(call.history, call.parameters).await?;
        let fan = model.step(vec![], through, step_ms, call.horizon, call.levels).await?;
        let slot = Slot { model, revision: call.revision, step_ms, seen_through: through, used: 0 };
        self.put(call.key, slot);
        Ok(fan)
    }

    async fn seasonality(&self, call: SeasonalityCall) -> Result<Vec<Season>, PluginError> {
        self.forecaster.seasonality(call.history).await
    }

    async fn describe(&self, _: DescribeForecaster) -> Result<ForecasterDescription, PluginError> {
        Ok(self.forecaster.description().clone())
    }
}
