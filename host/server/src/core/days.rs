//! The day clock: once a day, each persona at its own time, the load of the next two days is forecast in hours by
//! several forecasters, which are weighed and corrected by what their backtests say.
//!
//! A persona that is new is served at once, by the record of the others. What was forecast outlives the host; the scores
//! of the backtests do not, and come back with the next forecasts.

mod record;

use super::Core;
use super::catalog::Catalog;
use crate::ingest::HISTORY_STEPS_MAX;
use crate::store::{Store, StoreError, Write};
use forewarm_bus::message::BacktestCall;
use forewarm_domain::forecast::Fan;
use forewarm_domain::id::{PersonaName, PluginName};
use forewarm_domain::persona::Persona;
use forewarm_domain::plugin::PluginErrorKind;
use forewarm_domain::series::Series;
use forewarm_domain::time::{DAY_MS, HOUR_MS, MINUTE_MS, TimestampMs};
use forewarm_forecasting::REPORT_LEVELS;
use forewarm_forecasting::backtest::{Judged, Plan, judged, places};
use forewarm_forecasting::combine::CombineError;
use forewarm_forecasting::ensemble::{Pool, Standing, Window, combined, weights};
use forewarm_forecasting::online::AdaptiveLevels;
use forewarm_forecasting::schedule::due_ms;
use forewarm_forecasting::seasons::{self, Cycle, FoundSeason};
use futures::{StreamExt, stream};
use record::{Answers, Kept, records};
pub use record::{DayForecast, LoadSeason, ModelRecord};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tracing::{debug, warn};

/// How far ahead, in hours.
const HORIZON: usize = 48;
/// How much of the past is looked at: six weeks.
const HISTORY_MS: i64 = 42 * DAY_MS;
/// The season that windows need twice before them, in hours.
const SEASON: usize = 24;
/// The fewest hours that anything is said of.
const HOURS_MIN: usize = 2;
/// Personas whose records make the pool.
const POOLED: usize = 256;
/// A pool stands for so long.
const POOL_MS: i64 = HOUR_MS;
/// What failed is tried again after this long.
const BETWEEN_TRIES_MS: i64 = 5 * MINUTE_MS;
/// Of a load that ended so long ago nothing is said.
const STALE_MS: i64 = DAY_MS;

/// What is known of the days of all personas.
pub(super) struct DayClock {
    known: Mutex<HashMap<PersonaName, Known>>,
    pooled: Mutex<Pooled>,
}

/// The pool, and when and from how many records it was made: to make it costs more than one persona's forecast.
struct Pooled {
    pool: Arc<Pool>,
    records: usize,
    at: TimestampMs,
}

/// One persona's days.
#[derive(Default)]
struct Known {
    kept: Option<Arc<Kept>>,
    /// What its backtests said, since the host began.
    standing: Option<Arc<Standing>>,
    /// Why the last try failed, and when the next one is.
    failed: Option<(String, TimestampMs)>,
}

/// Why there is no forecast of a persona's days.
#[derive(Debug, thiserror::Error)]
enum NoDays {
    #[error("two whole hours of load are needed")]
    TooShort,
    #[error("the last load is from {0}, more than a day ago")]
    Stale(TimestampMs),
    #[error("the history could not be read: {0}")]
    History(String),
    #[error("no forecaster answered: {0}")]
    NobodyAnswered(String),
    #[error(transparent)]
    Combine(#[from] CombineError),
}

impl DayClock {
    /// Takes up what was kept.
    pub(super) async fn open(store: &Store, catalog: &Catalog) -> Result<Self, StoreError> {
        let mut known = HashMap::new();
        for persona in catalog.list() {
            let name = persona.spec.name.clone();
            let kept = store.setting(&key(&name)).await?.and_then(|text| serde_json::from_str(&text).ok());
            known.insert(name, Known { kept: kept.map(Arc::new), ..Known::default() });
        }
        let pooled = Pooled { pool: Arc::default(), records: 0, at: TimestampMs::MIN };
        Ok(Self { known: Mutex::new(known), pooled: Mutex::new(pooled) })
    }

    fn known(&self) -> MutexGuard<'_, HashMap<PersonaName, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kept(&self, name: &PersonaName) -> Option<Arc<Kept>> {
        self.known().get(name)?.kept.clone()
    }

    fn rests(&self, name: &PersonaName, now: TimestampMs) -> bool {
        let known = self.known();
        known.get(name).and_then(|known| known.failed.as_ref()).is_some_and(|(_, until)| now < *until)
    }

    fn put(&self, name: &PersonaName, kept: Kept, standing: Standing) {
        let known = Known { kept: Some(Arc::new(kept)), standing: Some(Arc::new(standing)), failed: None };
        self.known().insert(name.clone(), known);
    }

    fn failed(&self, name: &PersonaName, why: &NoDays, until: TimestampMs) {
        self.known().entry(name.clone()).or_default().failed = Some((why.to_string(), until));
    }

    /// The pool; made anew once there are half as many records again, or after an hour.
    fn pool(&self, now: TimestampMs) -> Arc<Pool> {
        let known: Vec<Arc<Standing>> =
            self.known().values().filter_map(|known| known.standing.clone()).take(POOLED).collect();
        let mut pooled = self.pooled.lock().unwrap_or_else(PoisonError::into_inner);
        let grown = known.len() > pooled.records + pooled.records / 2;
        if grown || now.since(pooled.at) >= POOL_MS {
            let pool = Arc::new(Pool::of(known.iter().map(Arc::as_ref), &REPORT_LEVELS));
            *pooled = Pooled { pool, records: known.len(), at: now };
        }
        Arc::clone(&pooled.pool)
    }
}

impl Core {
    /// The newest forecast of a persona's days.
    ///
    /// # Errors
    /// Why there is none that still reaches beyond the present.
    pub fn day_forecast(&self, name: &PersonaName) -> Result<DayForecast, String> {
        let known = self.days.known();
        let known = known.get(name);
        let kept = known.and_then(|known| known.kept.as_ref());
        let ahead = kept.filter(|kept| kept.forecast.fan.end() > self.clock.now());
        ahead.map(|kept| kept.forecast.clone()).ok_or_else(|| {
            let none = || "`planning.day_forecasters` names no forecaster".to_owned();
            let failed = || known.and_then(|known| Some(known.failed.as_ref()?.0.clone()));
            let soon = || "its turn is within seconds of its first load".to_owned();
            if self.settings.day_forecasters.is_empty() { none() } else { failed().unwrap_or_else(soon) }
        })
    }

    /// Forecasts the days of every persona whose turn it is, one after the other; gives how many.
    pub async fn forecast_days(&self) -> usize {
        let members = &self.settings.day_forecasters;
        let now = self.clock.now();
        let due = |persona: &Arc<Persona>| {
            let (name, series) = (&persona.spec.name, &persona.spec.demand.series);
            let measured = self.series.measured(series);
            let kept = self.days.kept(name);
            let due = kept.is_none_or(|kept| kept.is_due(series, measured, members, now));
            due && measured > 0 && !self.days.rests(name, now)
        };
        let due: Vec<Arc<Persona>> = match members.is_empty() {
            true => Vec::new(),
            false => self.catalog.list().into_iter().filter(due).collect(),
        };
        for persona in &due {
            self.forecast_days_of(persona, now).await;
        }
        due.len()
    }

    async fn forecast_days_of(&self, persona: &Persona, now: TimestampMs) {
        let name = &persona.spec.name;
        let made = self.days_of(persona, now).await;
        self.metrics.day_forecast_made(made.is_ok());
        match made {
            Ok((kept, standing)) => {
                self.keep_days(name, &kept).await;
                self.days.put(name, kept, standing);
            }
            Err(why) => {
                debug!(persona = %name, %why, "the coming days are not forecast");
                self.days.failed(name, &why, now + BETWEEN_TRIES_MS);
            }
        }
    }

    /// One that can't be kept is made anew after the next start.
    async fn keep_days(&self, name: &PersonaName, kept: &Kept) {
        let value = serde_json::to_string(kept).ok();
        if let Err(error) = self.store.commit(vec![Write::Setting { key: key(name), value }]).await {
            warn!(persona = %name, %error, "the forecast of the coming days is not kept");
        }
    }

    async fn days_of(&self, persona: &Persona, now: TimestampMs) -> Result<(Kept, Standing), NoDays> {
        let members = &self.settings.day_forecasters;
        let series = &persona.spec.demand.series;
        let measured = self.series.measured(series);
        let hours = self.hours_of(persona, now).await?;
        let found = seasons::find(&hours.values, hours.step_ms);
        let plan = Plan::new(members.len(), HORIZON, REPORT_LEVELS.to_vec(), SEASON);
        let (judged, answers) = self.judge_days(&hours, &plan, &parameters(&found, hours.step_ms)).await?;
        let pool = self.days.pool(now);
        let levels = self.levels_after(persona, &hours);
        let read_at = levels.effective();
        let fan = combined(&judged.members, &judged.standing, &pool, &read_at, judged.floor)?;
        let (weights, weighted_by) =
            weights(&judged.members, &judged.standing, &pool).ok_or(CombineError::Empty(members.len()))?;
        let forecast = DayForecast {
            made_at: now,
            next_at: next_turn(&persona.spec.name, now),
            fan,
            models: records(members, &weights, &answers),
            weighted_by,
            windows: answers.windows.keys().map(|place| hours.start + hours.step_ms * *place as i64).collect(),
            seasons: found.iter().map(|season| LoadSeason::of(season, hours.step_ms)).collect(),
            read_at,
        };
        Ok((Kept { forecast, series: series.clone(), measured, levels }, judged.standing))
    }

    /// The load by whole hours, without what did not belong.
    async fn hours_of(&self, persona: &Persona, now: TimestampMs) -> Result<Series, NoDays> {
        let to = now.floor(HOUR_MS);
        let (last, _) = self.series.latest(&persona.spec.demand.series).ok_or(NoDays::TooShort)?;
        if to.since(last) > STALE_MS {
            return Err(NoDays::Stale(last));
        }
        let span = HISTORY_MS.min(self.settings.step_ms * i64::from(HISTORY_STEPS_MAX));
        let history = self.series.history(&persona.spec.demand.series, to - span, to).await;
        let mut history = history.map_err(|error| NoDays::History(error.to_string()))?;
        self.watchman.mask(&persona.spec.name, &mut history);
        let hours = history.extended(to).coarsened(HOUR_MS);
        let measured = hours.values.iter().filter(|value| value.is_finite()).count();
        if measured < HOURS_MIN { Err(NoDays::TooShort) } else { Ok(hours) }
    }

    /// Asks every member at the end of the history and at the windows before.
    async fn judge_days(&self, hours: &Series, plan: &Plan, parameters: &Value) -> Result<(Judged, Answers), NoDays> {
        let origin = hours.values.len();
        let places = places(&[origin], plan);
        let asked =
            self.settings.day_forecasters.iter().map(|plugin| self.backtest(plugin, hours, &places, parameters));
        let asked: Vec<_> = asked.collect();
        let at_a_time = self.settings.parallel_calls.max(1);
        let answers: Vec<Vec<Result<Fan, String>>> = stream::iter(asked).buffered(at_a_time).collect().await;
        let at = |index: usize| -> Vec<Option<Fan>> {
            answers.iter().map(|of| of.get(index).and_then(|answer| answer.as_ref().ok()).cloned()).collect()
        };
        let window =
            |(index, place): (usize, &usize)| (*place, Window { members: at(index), truth: plan.truth(hours, *place) });
        let mut windows: BTreeMap<usize, Window> = places.iter().enumerate().map(window).collect();
        let failure = |of: &Vec<Result<Fan, String>>| of.last().and_then(|answer| answer.as_ref().err()).cloned();
        let failures: Vec<Option<String>> = answers.iter().map(failure).collect();
        if failures.iter().all(Option::is_some) {
            return Err(NoDays::NobodyAnswered(failures.into_iter().flatten().collect::<Vec<_>>().join("; ")));
        }
        let judged = judged(hours, &[origin], plan, &windows).pop().ok_or(NoDays::TooShort)?;
        windows.remove(&origin);
        Ok((judged, Answers { failures, windows }))
    }

    /// One member's answers at all places; a call that failed is the answer to each.
    async fn backtest(
        &self,
        plugin: &PluginName,
        hours: &Series,
        places: &[usize],
        parameters: &Value,
    ) -> Vec<Result<Fan, String>> {
        let mut call = BacktestCall {
            plugin: plugin.clone(),
            history: hours.clone(),
            origins: places.to_vec(),
            parameters: parameters.clone(),
            horizon: HORIZON as u32,
            levels: REPORT_LEVELS.to_vec(),
        };
        let mut answered = self.ask(&call).await;
        // Not every forecaster takes seasons.
        let refused = answered.as_ref().is_err_and(|error| error.kind == PluginErrorKind::InvalidInput);
        let plain = json!({});
        if refused && call.parameters != plain {
            call.parameters = plain;
            answered = self.ask(&call).await;
        }
        match answered {
            Ok(answers) => answers.into_iter().map(|answer| answer.map_err(|error| error.to_string())).collect(),
            Err(error) => {
                if error.kind.is_misbehaviour() {
                    self.tell_failure(&error).await;
                }
                vec![Err(error.to_string()); places.len()]
            }
        }
    }

    /// The levels to read at, after what followed the forecast before.
    fn levels_after(&self, persona: &Persona, hours: &Series) -> AdaptiveLevels {
        // A version before may have asked for other levels.
        let fits =
            |kept: &Arc<Kept>| kept.series == persona.spec.demand.series && kept.forecast.fan.levels() == REPORT_LEVELS;
        let before = self.days.kept(&persona.spec.name).filter(fits);
        let Some(before) = before else { return AdaptiveLevels::new(&REPORT_LEVELS) };
        let mut levels = before.levels.clone();
        let fan = &before.forecast.fan;
        if fan.start() >= hours.start && fan.step_ms() == hours.step_ms {
            let known = (fan.start().since(hours.start) / hours.step_ms) as usize;
            let outcomes: Vec<f64> = hours.values.iter().skip(known).take(fan.horizon()).copied().collect();
            levels.observe_all(fan, &outcomes);
        }
        levels
    }
}

/// The seasons to name to forecasters, which look for a day and a week themselves: nothing unless there are others.
fn parameters(found: &[FoundSeason], step_ms: i64) -> Value {
    if found.iter().all(|season| matches!(season.cycle, Cycle::Day | Cycle::Week)) {
        return json!({});
    }
    let mut lengths: Vec<usize> = found.iter().map(|season| season.period).chain(seasons::usual(step_ms)).collect();
    lengths.sort_unstable();
    lengths.dedup();
    lengths.truncate(seasons::SEASONS_MAX);
    json!({ "season_lengths": lengths })
}

/// The persona's next turn after `now`.
fn next_turn(name: &PersonaName, now: TimestampMs) -> TimestampMs {
    let after = now.0.max(0).unsigned_abs() + 1;
    TimestampMs(due_ms(&name.to_string(), DAY_MS.unsigned_abs(), after) as i64)
}

fn key(name: &PersonaName) -> String {
    format!("days.{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn season(period: usize, cycle: Cycle) -> FoundSeason {
        FoundSeason { period, cycle, strength: 0.5, error_share: 0.5 }
    }

    #[test]
    fn only_unusual_seasons_are_named() {
        let usual = [season(24, Cycle::Day), season(168, Cycle::Week)];
        assert_eq!(parameters(&usual, HOUR_MS), json!({}));
        assert_eq!(parameters(&[], HOUR_MS), json!({}));
        let other = [season(10, Cycle::Other), season(24, Cycle::Day)];
        assert_eq!(parameters(&other, HOUR_MS), json!({ "season_lengths": [10, 24, 168] }));
    }

    #[test]
    fn each_persona_has_a_turn_a_day() {
        let name: PersonaName = "web".parse().expect("a name");
        let first = next_turn(&name, TimestampMs(0));
        assert!(first > TimestampMs(0) && first <= TimestampMs(DAY_MS));
        assert_eq!(next_turn(&name, first), first + DAY_MS);
    }
}
