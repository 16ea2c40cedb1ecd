//! Analysing: keeps a fitted model per persona on whichever host carries the forecaster, feeds it what was measured,
//! and gives the outlook that a plan rests on. For a forecaster that fails, the next one that the persona names stands in.

use super::{Core, Settings};
use forewarm_bus::message::{DescribeForecaster, EventTopic, FitCall, ForecastAnswer, ForecastCall};
use forewarm_domain::forecast::{Fan, PLANNING_LEVELS};
use forewarm_domain::id::{PersonaName, PluginName};
use forewarm_domain::outcome::{COVERAGE_LEVELS, ScoredQuantiles};
use forewarm_domain::persona::{Demand, Persona, PersonaPlugins};
use forewarm_domain::plan::Outlook;
use forewarm_domain::plugin::{PluginError, PluginErrorKind};
use forewarm_domain::series::Series;
use forewarm_domain::time::TimestampMs;
use serde_json::{Map, Value};
use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tracing::warn;

/// What is known of the models of all personas.
#[derive(Default)]
pub(super) struct Analyst {
    fits: Mutex<HashMap<PersonaName, Fits>>,
}

/// One persona's models: one per forecaster that was needed, so that none is fitted again when it takes over again.
#[derive(Default)]
struct Fits {
    models: HashMap<PluginName, Fit>,
    /// Whose forecast was used last.
    serving: Option<PluginName>,
    /// What was forecast of coming steps, a lead ahead, to be scored when their load is known.
    predicted: VecDeque<(TimestampMs, ScoredQuantiles)>,
}

/// A model, which a forecaster holds.
#[derive(Clone)]
struct Fit {
    /// Bumped with every fit, so that a host that holds an older model says so.
    revision: u64,
    /// What was fitted, with which parameters: when it changes, so must the model.
    demand: Demand,
    parameters: Value,
    /// The end of the last step that the model has seen.
    seen_through: TimestampMs,
    refit_at: TimestampMs,
    fan: Arc<Fan>,
}

/// One of the forecasters that a persona names.
struct Forecaster<'a> {
    plugin: &'a PluginName,
    parameters: Value,
}

/// Why there is no forecast.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoForecast {
    #[error("no load of {0} has been measured yet")]
    NeverMeasured(String),
    #[error("the last load of {series} is from {last}, more than {steps} steps ago")]
    Stale { series: String, last: TimestampMs, steps: i64 },
    #[error("the forecast ends before the present")]
    Outrun,
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Plugins(Vec<PluginError>),
    #[error(transparent)]
    Plugin(#[from] PluginError),
    #[error("the history of {0} could not be read: {1}")]
    History(String, String),
}

impl Analyst {
    fn fits(&self) -> MutexGuard<'_, HashMap<PersonaName, Fits>> {
        self.fits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fit_of(&self, persona: &PersonaName, plugin: &PluginName) -> Option<Fit> {
        self.fits().get(persona)?.models.get(plugin).cloned()
    }

    /// The newest forecast of a persona's load.
    pub(super) fn forecast(&self, persona: &PersonaName) -> Option<Arc<Fan>> {
        let fits = self.fits();
        let fits = fits.get(persona)?;
        Some(Arc::clone(&fits.models.get(fits.serving.as_ref()?)?.fan))
    }

    /// What had been forecast of the step at `at`; forgets what is older.
    pub(super) fn predicted(&self, persona: &PersonaName, at: TimestampMs) -> Option<ScoredQuantiles> {
        let mut fits = self.fits();
        let predicted = &mut fits.get_mut(persona)?.predicted;
        while predicted.front().is_some_and(|(step, _)| *step < at) {
            predicted.pop_front();
        }
        predicted.front().filter(|(step, _)| *step == at).map(|(_, quantiles)| *quantiles)
    }

    /// Notes whose forecast is used now, and forgets models of forecasters that the persona names no longer. Gives who
    /// served before where that is another one.
    fn serve_from(&self, persona: &Persona, plugin: &PluginName) -> Option<PluginName> {
        let plugins = &persona.spec.plugins;
        let mut fits = self.fits();
        let fits = fits.entry(persona.spec.name.clone()).or_default();
        fits.models.retain(|name, _| *name == plugins.forecaster || plugins.fallback_forecasters.contains(name));
        let before = fits.serving.replace(plugin.clone());
        before.or_else(|| Some(plugins.forecaster.clone())).filter(|before| before != plugin)
    }
}

/// The forecasters that a persona names, in the order in which they are asked.
fn forecasters(plugins: &PersonaPlugins) -> impl Iterator<Item = Forecaster<'_>> {
    let first = Forecaster { plugin: &plugins.forecaster, parameters: plugins.forecaster_parameters.clone() };
    let others = plugins.fallback_forecasters.iter();
    std::iter::once(first).chain(others.map(|plugin| Forecaster { plugin, parameters: Value::Object(Map::new()) }))
}

impl Core {
    /// The load to come of one persona, or why it is not known.
    pub(super) async fn outlook(&self, persona: &Persona, now: TimestampMs) -> Outlook {
        let started = Instant::now();
        let outlook = self.forecast_from_now(persona, now).await;
        self.metrics.forecast_made(outlook.is_ok(), started.elapsed());
        match outlook {
            Ok(fan) => Outlook::Forecast(fan),
            Err(why) => Outlook::Unknown(why.to_string()),
        }
    }

    async fn forecast_from_now(&self, persona: &Persona, now: TimestampMs) -> Result<Fan, NoForecast> {
        let through = self.measured_through(persona, now)?;
        let fan = self.fan_of_first_that_can(persona, through).await?;
        let ahead = fan.starting_at(now.floor(self.settings.step_ms)).ok_or(NoForecast::Outrun)?;
        self.remember(persona, &ahead);
        Ok(ahead)
    }

    /// The end of the last step that was measured, unless that is too long ago.
    pub(super) fn measured_through(&self, persona: &Persona, now: TimestampMs) -> Result<TimestampMs, NoForecast> {
        let Settings { step_ms, stale_after_steps, .. } = &self.settings;
        let key = &persona.spec.demand.series;
        let (last_at, _) = self.series.latest(key).ok_or_else(|| NoForecast::NeverMeasured(key.to_string()))?;
        let measured_through = last_at.floor(*step_ms) + *step_ms;
        if now.since(measured_through) > stale_after_steps * step_ms {
            return Err(NoForecast::Stale { series: key.to_string(), last: last_at, steps: *stale_after_steps });
        }
        Ok(measured_through)
    }

    /// The forecast of the first of the persona's forecasters that has one.
    async fn fan_of_first_that_can(&self, persona: &Persona, through: TimestampMs) -> Result<Arc<Fan>, NoForecast> {
        let mut failures = Vec::new();
        for forecaster in forecasters(&persona.spec.plugins) {
            match self.fan_from(persona, &forecaster, through).await {
                Ok(fan) => {
                    self.tell_who_serves(persona, forecaster.plugin, &failures).await;
                    return Ok(fan);
                }
                Err(NoForecast::Plugin(error)) => {
                    self.tell_failure(&error).await;
                    failures.push(error);
                }
                Err(other) => return Err(other),
            }
        }
        Err(NoForecast::Plugins(failures))
    }

    /// One that is held back was told of when that began.
    pub(super) async fn tell_failure(&self, error: &PluginError) {
        if error.kind != PluginErrorKind::Quarantined {
            let (plugin, reason) = (error.plugin.to_string(), error.to_string());
            self.tell(EventTopic::PluginFailed, plugin, reason, Value::Null).await;
        }
    }

    async fn tell_who_serves(&self, persona: &Persona, plugin: &PluginName, failures: &[PluginError]) {
        let Some(before) = self.analyst.serve_from(persona, plugin) else { return };
        let name = &persona.spec.name;
        let why = match failures.last() {
            Some(error) => error.to_string(),
            None => format!("{plugin} forecasts again, or was named anew"),
        };
        let reason = format!("{plugin} forecasts {name} in place of {before}: {why}");
        warn!(persona = %name, from = %before, to = %plugin, reason, "forecaster switched");
        self.metrics.forecaster_switched(name, plugin);
        let data = serde_json::json!({ "from": before, "to": plugin });
        self.tell(EventTopic::ForecasterSwitched, name.to_string(), reason, data).await;
    }

    /// The forecast of the steps from `through` on: by the held model, which is told what was measured since, or by a
    /// new one.
    async fn fan_from(
        &self,
        persona: &Persona,
        forecaster: &Forecaster<'_>,
        through: TimestampMs,
    ) -> Result<Arc<Fan>, NoForecast> {
        let spec = &persona.spec;
        let fit = self.analyst.fit_of(&spec.name, forecaster.plugin);
        let current = fit.filter(|fit| {
            fit.demand == spec.demand && fit.parameters == forecaster.parameters && through < fit.refit_at
        });
        let Some(fit) = current else { return self.fit(persona, forecaster, through).await };
        if fit.seen_through >= through {
            return Ok(fit.fan);
        }
        let Some(observed) = self.measured(persona, fit.seen_through, through) else {
            return self.fit(persona, forecaster, through).await;
        };
        let call_it = ForecastCall {
            plugin: forecaster.plugin.clone(),
            key: spec.name.to_string(),
            revision: fit.revision,
            observed_from: fit.seen_through,
            observed,
            horizon: self.horizon(),
            levels: PLANNING_LEVELS.to_vec(),
        };
        match self.ask(&call_it).await? {
            ForecastAnswer::Fan(fan) => Ok(self.keep(persona, forecaster, fit, through, fan)),
            ForecastAnswer::NeedsFit => self.fit(persona, forecaster, through).await,
        }
    }

    /// The loads of the steps from `from` to `to`; `None` where the window in memory does not reach back so far.
    pub(super) fn measured(&self, persona: &Persona, from: TimestampMs, to: TimestampMs) -> Option<Vec<f64>> {
        let steps = usize::try_from(to.since(from) / self.settings.step_ms).ok()?;
        let Series { start, values, .. } = self.series.window(&persona.spec.demand.series, steps)?;
        (start == from && values.len() == steps).then_some(values)
    }

    async fn fit(
        &self,
        persona: &Persona,
        forecaster: &Forecaster<'_>,
        through: TimestampMs,
    ) -> Result<Arc<Fan>, NoForecast> {
        let spec = &persona.spec;
        let description = self.ask(&DescribeForecaster { plugin: forecaster.plugin.clone() }).await?;
        let span = i64::from(description.max_history).saturating_mul(self.settings.step_ms);
        let key = &spec.demand.series;
        let history = self.series.history(key, through - span, through).await;
        let mut history = history.map_err(|error| NoForecast::History(key.to_string(), error.to_string()))?;
        self.watchman.mask(&spec.name, &mut history);
        let revision = self.analyst.fit_of(&spec.name, forecaster.plugin).map_or(1, |fit| fit.revision + 1);
        let fit_it = FitCall {
            plugin: forecaster.plugin.clone(),
            key: spec.name.to_string(),
            revision,
            history,
            parameters: forecaster.parameters.clone(),
            horizon: self.horizon(),
            levels: PLANNING_LEVELS.to_vec(),
        };
        let fan = self.ask(&fit_it).await?;
        let fit = Fit {
            revision,
            demand: spec.demand.clone(),
            parameters: forecaster.parameters.clone(),
            seen_through: through,
            refit_at: self.refit_at(&spec.name, through),
            fan: Arc::new(fan.clone()),
        };
        Ok(self.keep(persona, forecaster, fit, through, fan))
    }

    fn keep(
        &self,
        persona: &Persona,
        forecaster: &Forecaster<'_>,
        mut fit: Fit,
        through: TimestampMs,
        fan: Fan,
    ) -> Arc<Fan> {
        fit.seen_through = through;
        fit.fan = Arc::new(fan);
        let fan = Arc::clone(&fit.fan);
        let mut fits = self.analyst.fits();
        let fits = fits.entry(persona.spec.name.clone()).or_default();
        fits.models.insert(forecaster.plugin.clone(), fit);
        fan
    }

    /// Spreads the refits of many personas evenly over the interval, each at an offset of its own.
    fn refit_at(&self, persona: &PersonaName, now: TimestampMs) -> TimestampMs {
        let every = self.settings.refit_after_steps.max(1) * self.settings.step_ms;
        let mut hasher = DefaultHasher::new();
        persona.hash(&mut hasher);
        let offset = (hasher.finish() % every.unsigned_abs()) as i64;
        (now - offset).floor(every) + offset + every
    }

    fn horizon(&self) -> u32 {
        // Steps that pass between the last measured one and now come on top.
        (self.settings.horizon_steps as i64 + self.settings.stale_after_steps).clamp(1, 10_080) as u32
    }

    /// Notes what is forecast of the step at which an instance launched now would serve.
    fn remember(&self, persona: &Persona, fan: &Fan) {
        let lead = (self.lead_ms(&persona.spec.name) / self.settings.step_ms).max(0) as usize;
        let step = lead.min(fan.horizon() - 1);
        let at = fan.start() + self.settings.step_ms * step as i64;
        let levels = [COVERAGE_LEVELS.0, 0.5, COVERAGE_LEVELS.1];
        let mut fits = self.analyst.fits();
        if let Some(fit) = fits.get_mut(&persona.spec.name)
            && fit.predicted.back().is_none_or(|(last, _)| *last < at)
        {
            fit.predicted.push_back((at, levels.map(|level| fan.quantile(step, level))));
        }
    }
}
