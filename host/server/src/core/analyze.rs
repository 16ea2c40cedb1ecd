//! Analysing: keeps a fitted model per persona on whichever host carries the forecaster, feeds it what was measured,
//! and gives the outlook that a plan rests on.

use super::{Core, Settings};
use forewarm_bus::message::{DescribeForecaster, EventTopic, FitCall, ForecastAnswer, ForecastCall};
use forewarm_domain::forecast::{Fan, PLANNING_LEVELS};
use forewarm_domain::id::{PersonaName, PluginName};
use forewarm_domain::outcome::{COVERAGE_LEVELS, ScoredQuantiles};
use forewarm_domain::persona::{Demand, Persona, PersonaPlugins};
use forewarm_domain::plan::Outlook;
use forewarm_domain::plugin::{ForecasterDescription, PluginError};
use forewarm_domain::series::Series;
use forewarm_domain::time::TimestampMs;
use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// What is known of the models of all personas.
#[derive(Default)]
pub(super) struct Analyst {
    fits: Mutex<HashMap<PersonaName, Fit>>,
    forecasters: Mutex<HashMap<PluginName, Arc<ForecasterDescription>>>,
}

/// One persona's model, which a forecaster holds.
#[derive(Clone)]
struct Fit {
    /// Bumped with every fit, so that a host that holds an older model says so.
    revision: u64,
    /// What was fitted, with which parameters: when it changes, so must the model.
    demand: Demand,
    plugins: PersonaPlugins,
    /// The end of the last step that the model has seen.
    seen_through: TimestampMs,
    refit_at: TimestampMs,
    fan: Arc<Fan>,
    /// What was forecast of coming steps, a lead ahead, to be scored when their load is known.
    predicted: VecDeque<(TimestampMs, ScoredQuantiles)>,
}

/// Why there is no forecast.
#[derive(Debug, thiserror::Error)]
enum NoForecast {
    #[error("no load of {0} has been measured yet")]
    NeverMeasured(String),
    #[error("the last load of {series} is from {last}, more than {steps} steps ago")]
    Stale { series: String, last: TimestampMs, steps: i64 },
    #[error("the forecast ends before the present")]
    Outrun,
    #[error(transparent)]
    Plugin(#[from] PluginError),
    #[error("the history of {0} could not be read: {1}")]
    History(String, String),
}

impl Analyst {
    fn fits(&self) -> MutexGuard<'_, HashMap<PersonaName, Fit>> {
        self.fits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest forecast of a persona's load.
    pub(super) fn forecast(&self, persona: &PersonaName) -> Option<Arc<Fan>> {
        self.fits().get(persona).map(|fit| Arc::clone(&fit.fan))
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
}

impl Core {
    /// The load to come of one persona, or why it is not known.
    pub(super) async fn outlook(&self, persona: &Persona, now: TimestampMs) -> Outlook {
        let started = Instant::now();
        let outlook = self.forecast_from_now(persona, now).await;
        self.metrics.forecast_made(outlook.is_ok(), started.elapsed());
        match outlook {
            Ok(fan) => Outlook::Forecast(fan),
            Err(why) => {
                if let NoForecast::Plugin(error) = &why {
                    self.tell(
                        EventTopic::PluginFailed,
                        error.plugin.to_string(),
                        why.to_string(),
                        serde_json::Value::Null,
                    )
                    .await;
                }
                Outlook::Unknown(why.to_string())
            }
        }
    }

    async fn forecast_from_now(&self, persona: &Persona, now: TimestampMs) -> Result<Fan, NoForecast> {
        let Settings { step_ms, stale_after_steps, .. } = self.settings.clone();
        let key = &persona.spec.demand.series;
        let (last_at, _) = self.series.latest(key).ok_or_else(|| NoForecast::NeverMeasured(key.to_string()))?;
        let measured_through = last_at.floor(step_ms) + step_ms;
        if now.since(measured_through) > stale_after_steps * step_ms {
            return Err(NoForecast::Stale { series: key.to_string(), last: last_at, steps: stale_after_steps });
        }
        let fan = self.fan_from(persona, measured_through).await?;
        let ahead = fan.starting_at(now.floor(step_ms)).ok_or(NoForecast::Outrun)?;
        self.remember(persona, &ahead);
        Ok(ahead)
    }

    /// The forecast of the steps from `through` on: by the held model, which is told what was measured since, or by a
    /// new one.
    async fn fan_from(&self, persona: &Persona, through: TimestampMs) -> Result<Arc<Fan>, NoForecast> {
        let spec = &persona.spec;
        let fit = self.analyst.fits().get(&spec.name).cloned();
        let current =
            fit.filter(|fit| fit.demand == spec.demand && fit.plugins == spec.plugins && through < fit.refit_at);
        let Some(fit) = current else { return self.fit(persona, through).await };
        if fit.seen_through >= through {
            return Ok(fit.fan);
        }
        let Some(observed) = self.measured(persona, fit.seen_through, through) else {
            return self.fit(persona, through).await;
        };
        let call_it = ForecastCall {
            plugin: spec.plugins.forecaster.clone(),
            key: spec.name.to_string(),
            revision: fit.revision,
            observed_from: fit.seen_through,
            observed,
            horizon: self.horizon(),
            levels: PLANNING_LEVELS.to_vec(),
        };
        match self.ask(&call_it).await? {
            ForecastAnswer::Fan(fan) => Ok(self.keep(persona, fit, through, fan)),
            ForecastAnswer::NeedsFit => self.fit(persona, through).await,
        }
    }

    /// The loads of the steps from `from` to `to`; `None` where the window in memory does not reach back so far.
    fn measured(&self, persona: &Persona, from: TimestampMs, to: TimestampMs) -> Option<Vec<f64>> {
        let steps = usize::try_from(to.since(from) / self.settings.step_ms).ok()?;
        let Series { start, values, .. } = self.series.window(&persona.spec.demand.series, steps)?;
        (start == from && values.len() == steps).then_some(values)
    }

    async fn fit(&self, persona: &Persona, through: TimestampMs) -> Result<Arc<Fan>, NoForecast> {
        let spec = &persona.spec;
        let description = self.forecaster(&spec.plugins.forecaster).await?;
        let span = i64::from(description.max_history).saturating_mul(self.settings.step_ms);
        let key = &spec.demand.series;
        let history = self.series.history(key, through - span, through).await;
        let history = history.map_err(|error| NoForecast::History(key.to_string(), error.to_string()))?;
        let revision = self.analyst.fits().get(&spec.name).map_or(1, |fit| fit.revision + 1);
        let fit_it = FitCall {
            plugin: spec.plugins.forecaster.clone(),
            key: spec.name.to_string(),
            revision,
            history,
            parameters: spec.plugins.forecaster_parameters.clone(),
            horizon: self.horizon(),
            levels: PLANNING_LEVELS.to_vec(),
        };
        let fan = self.ask(&fit_it).await?;
        let fit = Fit {
            revision,
            demand: spec.demand.clone(),
            plugins: spec.plugins.clone(),
            seen_through: through,
            refit_at: self.refit_at(&spec.name, through),
            fan: Arc::new(fan.clone()),
            predicted: self.analyst.fits().remove(&spec.name).map(|fit| fit.predicted).unwrap_or_default(),
        };
        Ok(self.keep(persona, fit, through, fan))
    }

    fn keep(&self, persona: &Persona, mut fit: Fit, through: TimestampMs, fan: Fan) -> Arc<Fan> {
        fit.seen_through = through;
        fit.fan = Arc::new(fan);
        let fan = Arc::clone(&fit.fan);
        self.analyst.fits().insert(persona.spec.name.clone(), fit);
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

    async fn forecaster(&self, plugin: &PluginName) -> Result<Arc<ForecasterDescription>, PluginError> {
        let known = self.analyst.forecasters.lock().unwrap_or_else(PoisonError::into_inner).get(plugin).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let ask = DescribeForecaster { plugin: plugin.clone() };
        let description = Arc::new(self.ask(&ask).await?);
        let mut forecasters = self.analyst.forecasters.lock().unwrap_or_else(PoisonError::into_inner);
        forecasters.insert(plugin.clone(), Arc::clone(&description));
        Ok(description)
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
