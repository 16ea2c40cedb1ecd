//! The models that one forecaster holds for its callers, by key.
//!
//! A model that is lost with its instance is rebuilt from what it had saved and what it was shown since; one that gives
//! way to others leaves the same behind. Only where neither is there is the caller told to fit again.

mod checkpoint;
mod held;

use super::supervisor::Pass;
use super::watch::Watch;
use checkpoint::{Checkpoint, SAVE_EVERY};
use forewarm_bus::message::{BacktestCall, Backtested, FitCall, ForecastAnswer, ForecastCall, SeasonalityCall};
use forewarm_domain::forecast::Fan;
use forewarm_domain::id::PluginName;
use forewarm_domain::plugin::{ForecasterDescription, PluginError, PluginErrorKind, Season};
use forewarm_domain::series::Series;
use forewarm_domain::time::TimestampMs;
use forewarm_runtime::{Forecaster, Model};
use held::{Facts, Found, Held, Idle, Live};
use serde_json::Value;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tracing::{debug, info, warn};

/// Instances that are left to other plugins and to calls without a model.
const INSTANCES_LEFT: u32 = 64;
/// Places of one backtest.
const ORIGINS_MAX: usize = 64;

/// How much the models of one forecaster may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    /// Instances that live at a time.
    pub(super) max_instances: u32,
    /// What saved models may take together, in bytes.
    pub(super) saved_bytes: usize,
}

/// See the module's description.
pub(super) struct Models {
    forecaster: Forecaster,
    watch: Arc<Watch>,
    held: Mutex<Held>,
    /// False where nothing is kept, and once saving has failed: this version is not asked to save again.
    saves: AtomicBool,
    /// True while another version answers: models that come back from a call are dropped.
    retired: AtomicBool,
    rebuilt: AtomicU64,
}

impl Models {
    pub(super) fn new(forecaster: Forecaster, room: Room, watch: Arc<Watch>) -> Self {
        let live = room.max_instances.saturating_sub(INSTANCES_LEFT).max(1) as usize;
        Self {
            forecaster,
            watch,
            held: Mutex::new(Held::new(live, room.saved_bytes)),
            saves: AtomicBool::new(room.saved_bytes > 0),
            retired: AtomicBool::new(false),
            rebuilt: AtomicU64::new(0),
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Models that live in an instance at present, those in use left out.
    pub(super) fn live(&self) -> usize {
        self.held().live()
    }

    /// Models that were rebuilt from what they had saved.
    pub(super) fn rebuilt(&self) -> u64 {
        self.rebuilt.load(Ordering::Relaxed)
    }

    /// Drops all models, and those in use as soon as they come back, until [`Self::take_up`].
    pub(super) fn retire(&self) {
        self.retired.store(true, Ordering::SeqCst);
        self.held().clear();
    }

    /// Holds models again.
    pub(super) fn take_up(&self) {
        self.retired.store(false, Ordering::SeqCst);
    }

    pub(super) async fn forecast(&self, call: ForecastCall, pass: Pass) -> Result<ForecastAnswer, PluginError> {
        // What is used is taken out meanwhile, so that nothing is locked.
        let found = self.held().take(&call);
        let (mut live, pass) = match found {
            None => return Ok(ForecastAnswer::NeedsFit),
            Some(Found::Live(live)) => (*live, pass),
            Some(Found::Idle(Idle { facts, checkpoint })) => {
                let Some(live) = self.rebuild(facts, checkpoint, pass).await else {
                    return Ok(ForecastAnswer::NeedsFit);
                };
                (live, pass)
            }
        };
        // What the model has seen already is not shown again.
        let seen = live.facts.seen_through.since(call.observed_from) / live.facts.step_ms;
        let news = call.observed.get(usize::try_from(seen).unwrap_or(usize::MAX)..).unwrap_or_default();
        let ask = Ask { news, horizon: call.horizon, levels: &call.levels };
        let error = match ask.of(&mut live).await {
            Ok(fan) => {
                self.keep(call.key, live, pass).await;
                return Ok(ForecastAnswer::Fan(fan));
            }
            Err(error) => error,
        };
        let Live { facts, checkpoint: Some(checkpoint), .. } = live else { return Err(error) };
        if !error.kind.loses_instance() {
            return Err(error);
        }
        self.watch.note(pass, Some(&error)).await;
        let pass = self.watch.admit().await?;
        let Some(mut live) = self.rebuild(facts, checkpoint, pass).await else { return Ok(ForecastAnswer::NeedsFit) };
        match ask.of(&mut live).await {
            Ok(fan) => {
                info!(plugin = %call.plugin, model = call.key, %error, "a model was lost and rebuilt from what it had saved");
                self.keep(call.key, live, pass).await;
                Ok(ForecastAnswer::Fan(fan))
            }
            Err(again) => {
                self.watch.note(pass, Some(&again)).await;
                Ok(ForecastAnswer::NeedsFit)
            }
        }
    }

    pub(super) async fn fit(&self, call: FitCall, pass: Pass) -> Result<Fan, PluginError> {
        self.check(&call.plugin, &call.parameters)?;
        let facts = Facts {
            revision: call.revision,
            step_ms: call.history.step_ms,
            seen_through: call.history.end(),
            parameters: call.parameters.clone(),
        };
        // The newest fit replaces what is held under the key; its instance is free for this one.
        self.held().remove(&call.key);
        let model = self.fitted(call.history, call.parameters, pass).await?;
        let mut live = Live { facts, model, checkpoint: None, save_after: 0 };
        let fan = Ask { news: &[], horizon: call.horizon, levels: &call.levels }.of(&mut live).await?;
        if self.save(&mut live, pass).await {
            self.move_out(&mut live).await;
            self.keep(call.key, live, pass).await;
        }
        Ok(fan)
    }

    /// Fits at each place and forecasts from there; nothing is kept. A forecaster that misbehaves is asked no further.
    pub(super) async fn backtest(&self, call: BacktestCall, pass: Pass) -> Result<Backtested, PluginError> {
        self.check(&call.plugin, &call.parameters)?;
        if call.origins.len() > ORIGINS_MAX {
            let message = format!("{} origins were asked for: {ORIGINS_MAX} are the most", call.origins.len());
            return Err(PluginError { plugin: call.plugin, kind: PluginErrorKind::InvalidInput, message });
        }
        let mut answers = Vec::with_capacity(call.origins.len());
        for origin in &call.origins {
            match self.ahead(&call, *origin, pass).await {
                Err(error) if error.kind.is_misbehaviour() => return Err(error),
                answer => answers.push(answer),
            }
        }
        Ok(answers)
    }

    async fn ahead(&self, call: &BacktestCall, origin: usize, pass: Pass) -> Result<Fan, PluginError> {
        let Series { start, step_ms, values } = &call.history;
        let end = origin.min(values.len());
        let first = end.saturating_sub(self.forecaster.description().max_history as usize);
        let known =
            Series { start: *start + step_ms * first as i64, step_ms: *step_ms, values: values[first..end].to_vec() };
        let (end, step_ms) = (known.end(), known.step_ms);
        let mut model = self.fitted(known, call.parameters.clone(), pass).await?;
        model.step(Vec::new(), end, step_ms, call.horizon, call.levels.clone()).await
    }

    fn check(&self, plugin: &PluginName, parameters: &Value) -> Result<(), PluginError> {
        self.forecaster.check_parameters(parameters).map_err(|error| PluginError {
            plugin: plugin.clone(),
            kind: PluginErrorKind::InvalidInput,
            message: error.to_string(),
        })
    }

    /// A new model; one that is held makes room for it where there is none.
    async fn fitted(&self, history: Series, parameters: Value, pass: Pass) -> Result<Model, PluginError> {
        match self.forecaster.fit(history.clone(), parameters.clone()).await {
            Err(error) if error.kind == PluginErrorKind::Saturated && self.make_room(pass).await => {
                self.forecaster.fit(history, parameters).await
            }
            fitted => fitted,
        }
    }

    pub(super) async fn seasonality(&self, call: SeasonalityCall) -> Result<Vec<Season>, PluginError> {
        self.forecaster.seasonality(call.history).await
    }

    pub(super) fn describe(&self) -> ForecasterDescription {
        self.forecaster.description().clone()
    }

    /// A model as it was when its instance was lost or dropped; `None` where it can't be had, which is logged.
    async fn rebuild(&self, facts: Facts, checkpoint: Checkpoint, pass: Pass) -> Option<Live> {
        let built = match self.restore(&checkpoint, &facts.parameters).await {
            Err(error) if error.kind == PluginErrorKind::Saturated && self.make_room(pass).await => {
                self.restore(&checkpoint, &facts.parameters).await
            }
            built => built,
        };
        match built {
            Ok(model) => {
                self.rebuilt.fetch_add(1, Ordering::Relaxed);
                let save_after = SAVE_EVERY.saturating_sub(checkpoint.since().len());
                Some(Live { facts, model, checkpoint: Some(checkpoint), save_after })
            }
            Err(error) => {
                warn!(%error, "a model could not be rebuilt from what it had saved: it is fitted again");
                self.watch.note(pass, Some(&error)).await;
                None
            }
        }
    }

    async fn restore(&self, checkpoint: &Checkpoint, parameters: &Value) -> Result<Model, PluginError> {
        let mut model = self.forecaster.restore(checkpoint.saved().to_vec(), parameters.clone()).await?;
        if !checkpoint.since().is_empty() {
            model.observe(checkpoint.since().to_vec()).await?;
        }
        Ok(model)
    }

    /// Moves a model that was just fitted and saved to an instance of its own: what fitting took stays with the old one,
    /// since a sandbox's memory never shrinks, and is most of it. Where that fails the model stays where it is.
    async fn move_out(&self, live: &mut Live) {
        let Some(checkpoint) = &live.checkpoint else { return };
        match self.restore(checkpoint, &live.facts.parameters).await {
            Ok(model) => live.model = model,
            Err(error) => debug!(%error, "a fitted model keeps the memory that fitting took"),
        }
    }

    /// Puts a model back, saved anew where that is due, and lets the one used longest ago give way.
    async fn keep(&self, key: String, mut live: Live, pass: Pass) {
        if live.save_after == 0 && !self.save(&mut live, pass).await {
            return;
        }
        if self.retired.load(Ordering::SeqCst) {
            return;
        }
        let surplus = self.held().put(key, live);
        if let Some((key, live)) = surplus {
            self.lay_down(key, live, pass).await;
        }
    }

    /// False where the model was lost over it.
    async fn save(&self, live: &mut Live, pass: Pass) -> bool {
        if !self.saves.load(Ordering::Relaxed) {
            return true;
        }
        live.save_after = SAVE_EVERY;
        match live.model.save().await {
            Ok(saved) => {
                live.checkpoint = Some(Checkpoint::new(saved));
                true
            }
            Err(error) => {
                warn!(%error, "the forecaster's models can't be saved: one that is lost has to be fitted again");
                self.saves.store(false, Ordering::Relaxed);
                live.checkpoint = None;
                self.watch.note(pass, Some(&error)).await;
                !error.kind.loses_instance()
            }
        }
    }

    /// Drops an idle model's instance and keeps what rebuilds it.
    async fn lay_down(&self, key: String, mut live: Live, pass: Pass) {
        if live.checkpoint.is_none() {
            self.save(&mut live, pass).await;
        }
        let Live { facts, checkpoint, .. } = live;
        if let Some(checkpoint) = checkpoint {
            self.held().put_idle(key, Idle { facts, checkpoint });
        }
    }

    /// Frees the instance of the model used longest ago; false where there is none.
    async fn make_room(&self, pass: Pass) -> bool {
        let oldest = self.held().pop_oldest();
        let Some((key, live)) = oldest else { return false };
        self.lay_down(key, live, pass).await;
        true
    }
}

/// What a model is asked for.
struct Ask<'a> {
    news: &'a [f64],
    horizon: u32,
    levels: &'a [f64],
}

impl Ask<'_> {
    /// Shows the news and forecasts; what was shown is noted in the model's checkpoint.
    async fn of(&self, live: &mut Live) -> Result<Fan, PluginError> {
        let Facts { step_ms, seen_through, .. } = live.facts;
        let through: TimestampMs = seen_through + step_ms * self.news.len() as i64;
        let fan = live.model.step(self.news.to_vec(), through, step_ms, self.horizon, self.levels.to_vec()).await?;
        live.facts.seen_through = through;
        live.save_after = live.save_after.saturating_sub(self.news.len());
        if let Some(checkpoint) = &mut live.checkpoint {
            checkpoint.shown(self.news);
        }
        Ok(fan)
    }
}
