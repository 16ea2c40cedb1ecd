//! The suite of forecasters.

use super::cases::{SeriesCase, close, odd, ordinary, random, series};
use super::suite::{Breach, Judged, Suite, broken, is_answer, refused};
use super::{Finding, Options, Property};
use crate::{Plugin, Testkit, TestkitError};
use forewarm_domain::plugin::{ForecasterDescription, PluginError, PluginErrorKind as Kind};
use forewarm_domain::series::Series;
use forewarm_domain::time::MINUTE_MS;
use forewarm_runtime::{Forecaster, Model, QuantilePath};
use serde_json::Value;

const fn property(name: &'static str, says: &'static str, source: &'static str) -> Property {
    Property { name, says, source, advisory: false }
}

const DESCRIBE_STABLE: Property = property(
    "describe-stable",
    "every instance describes itself in the same words",
    "forecaster.describe: Tells what this forecaster can do; always the same.",
);
const SURVIVES: Property = property(
    "survives-odd-series",
    "a series that the contract allows is answered, or refused with an error of the contract, and never traps",
    "types.series: A missing value is NaN; infinities do not occur.",
);
const SAME_ANSWER: Property = property(
    "same-answer",
    "the same history gives the same forecast, to the bit, in every instance",
    "forecaster: Same input and same parameters give the same answer.",
);
const SHAPE: Property = property(
    "right-shape",
    "there is one path per level, in the order of the levels, with one value per step",
    "forecaster.model.forecast: one path per level, in the order of `levels`.",
);
const FINITE: Property = property(
    "finite-values",
    "every predicted value is a finite number",
    "types.quantile-path: Holds one finite value per step ahead, the first step first.",
);
const CROSSING: Property = property(
    "quantiles-do-not-cross",
    "a higher level has no lower value at any step",
    "forecaster.model.forecast: At every step a higher level has no lower value.",
);
const HORIZONS: Property = property(
    "horizon-limits",
    "1 and max-horizon steps are predicted, 0 and more than max-horizon are invalid-input",
    "forecaster.description.max-horizon: The most steps that it predicts ahead, from 1.",
);
const LEVELS: Property = property(
    "bad-levels",
    "levels that are none, outside (0, 1) or not rising are invalid-input",
    "forecaster.model.forecast: `levels`, which rise strictly inside (0, 1).",
);
const SHORT: Property = property(
    "short-history",
    "fewer values than min-history are not-enough-data, and min-history of them are fitted",
    "forecaster.description.min-history: The fewest values that `fit` takes without `not-enough-data`, from 1.",
);
const MAX_HISTORY: Property = property(
    "max-history-suffices",
    "values older than the last max-history make no difference",
    "forecaster.description.max-history: The most recent values that make a difference to `fit`.",
);
const IN_PARTS: Property = property(
    "observe-in-parts",
    "values that are observed in two parts lead to the forecast of the whole",
    "forecaster.model.observe: Takes in the values that follow what the model has seen, oldest first.",
);
const RESTORED: Property = property(
    "save-restore",
    "a restored model predicts the same, to the bit, at once and after the next values",
    "forecaster.model.restore: Builds the model again from what `save` gave.",
);
const DAMAGED: Property = property(
    "damaged-state",
    "a state that is empty, cut, damaged or another's is invalid-state",
    "types.error.invalid-state: The saved state is not one of this plugin's, or is damaged.",
);
const SEASONS: Property = property(
    "seasons",
    "seasons have a period from 2, a strength of 0 to 1, and come strongest first; a forecaster may not offer them",
    "forecaster.seasonality: Finds the repeating patterns of a series, strongest first; empty where there is none.",
);
const LIMITS: Property = property(
    "within-own-limits",
    "max-history values are fitted and max-horizon steps predicted within the limits that the manifest asks for",
    "worlds: the manifest's wanted limits; what goes over them is stopped.",
);
const SCALE: Property = Property {
    advisory: true,
    ..property(
        "scale-equivariance",
        "a thousand times the load gives a thousand times the forecast",
        "no sentence of the contract: the unit of a load is arbitrary",
    )
};

/// Where two roads lead to the same model, the forecasts agree to this share.
const TOLERANCE: f64 = 1e-6;
/// The longest history of an ordinary case.
const LENGTH_MAX: usize = 600;

pub(super) async fn run(
    kit: &Testkit,
    plugin: &Plugin,
    forecaster: &Forecaster,
    options: &Options,
) -> Result<Vec<Finding>, TestkitError> {
    let Plugin::Forecaster(second) = kit.plugin().await? else {
        return Err(TestkitError::Kind { wanted: plugin.kind(), found: plugin.kind() });
    };
    let mut subject =
        Subject { forecaster, second, options, of: forecaster.description().clone(), suite: Suite::default() };
    subject.answers().await;
    subject.requests().await;
    subject.histories().await;
    subject.states().await;
    subject.costs().await;
    Ok(subject.suite.findings())
}

struct Subject<'a> {
    forecaster: &'a Forecaster,
    /// The same component in a sandbox of its own.
    second: Forecaster,
    options: &'a Options,
    of: ForecasterDescription,
    suite: Suite,
}

impl Subject<'_> {
    fn ordinary(&self, property: Property) -> Vec<SeriesCase> {
        let lengths = (self.min().max(40), LENGTH_MAX.max(self.min()).min(self.of.max_history as usize));
        ordinary(
            &mut random(self.options.seed, property.name),
            self.options.cases,
            lengths,
            self.of.max_horizon.min(120),
        )
    }

    /// Ordinary and odd ones together.
    fn all(&self, property: Property) -> Vec<SeriesCase> {
        let length = self.min().max(100).min(self.of.max_history as usize);
        let mut cases = self.ordinary(property);
        cases.extend(odd(&mut random(self.options.seed, property.name), length, self.of.max_horizon.min(60)));
        cases
    }

    fn min(&self) -> usize {
        self.of.min_history as usize
    }

    async fn answers(&mut self) {
        let (forecaster, second, of) = (self.forecaster, &self.second, self.of.clone());
        let one = vec![SeriesCase::new("describe", vec![], 0)];
        self.suite
            .property(DESCRIBE_STABLE, one, async |_| {
                for again in [forecaster.describe_anew().await?, second.describe_anew().await?] {
                    if again != of {
                        return broken(format!("first {of:?}, then {again:?}"));
                    }
                }
                Ok(())
            })
            .await;
        let cases = self.all(SURVIVES);
        let most = self.of.max_horizon;
        self.suite.property(SURVIVES, cases, async |case| survives(forecaster, case, most).await).await;
        let cases = self.all(SAME_ANSWER);
        let second = &self.second;
        self.suite
            .property(SAME_ANSWER, cases, async |case| {
                let first = paths(forecaster, case).await?;
                for again in [paths(forecaster, case).await?, paths(second, case).await?] {
                    same(&first, &again, 0.0)?;
                }
                Ok(())
            })
            .await;
        for (property, judge) in
            [(SHAPE, shape as fn(&SeriesCase, &[QuantilePath]) -> Judged), (FINITE, finite), (CROSSING, crossing)]
        {
            let cases = self.all(property);
            self.suite.property(property, cases, async |case| judge(case, &paths(forecaster, case).await?)).await;
        }
    }

    async fn requests(&mut self) {
        let (forecaster, most) = (self.forecaster, self.of.max_horizon);
        let cases = self.ordinary(HORIZONS);
        self.suite
            .property(HORIZONS, cases, async |case| {
                let mut model = forecaster.fit(case.series(), Value::Null).await?;
                for horizon in [1, most] {
                    let answer = model.forecast_unchecked(horizon, case.levels.clone()).await;
                    if let Err(error) = answer.as_ref().map_err(Clone::clone).map(drop)
                        && is_answer(&error)
                    {
                        return broken(format!("a horizon of {horizon} was refused: {error}"));
                    }
                    answer?;
                }
                refused("a horizon of 0", model.forecast_unchecked(0, case.levels.clone()).await, Kind::InvalidInput)?;
                let over = most.saturating_add(1);
                let answer = model.forecast_unchecked(over, case.levels.clone()).await;
                refused(&format!("a horizon of {over}"), answer, Kind::InvalidInput)
            })
            .await;
        let bad: [&[f64]; 7] = [&[], &[0.0], &[1.0], &[-0.5], &[0.5, 0.5], &[0.9, 0.1], &[f64::NAN]];
        let history = self.ordinary(LEVELS).first().map(|case| case.values.clone()).unwrap_or_default();
        let case = |levels: &&[f64]| SeriesCase {
            levels: levels.to_vec(),
            ..SeriesCase::new("bad levels", history.clone(), 3)
        };
        let cases = bad.iter().map(case).collect();
        self.suite
            .property(LEVELS, cases, async |case| {
                let mut model = forecaster.fit(case.series(), Value::Null).await?;
                let answer = model.forecast_unchecked(case.horizon, case.levels.clone()).await;
                refused(&format!("levels {:?}", case.levels), answer, Kind::InvalidInput)
            })
            .await;
    }

    async fn histories(&mut self) {
        let (forecaster, min, max) = (self.forecaster, self.min(), self.of.max_history as usize);
        let mut cases: Vec<_> = [0, min / 2, min - 1, min]
            .into_iter()
            .map(|length| {
                SeriesCase::new("a steady load", (0..length).map(|step| 10.0 + (step % 7) as f64).collect(), 1)
            })
            .collect();
        cases.dedup_by_key(|case| case.values.len());
        self.suite
            .property(SHORT, cases, async |case| {
                let answer = forecaster.fit(case.series(), Value::Null).await;
                if case.values.len() < min {
                    return refused(&format!("{} values", case.values.len()), answer, Kind::NotEnoughData);
                }
                match answer {
                    Err(error) if is_answer(&error) => broken(format!("min-history values were refused: {error}")),
                    answer => answer.map(drop).map_err(Into::into),
                }
            })
            .await;
        let mut random = random(self.options.seed, MAX_HISTORY.name);
        let long = |extra: usize, random: &mut _| {
            SeriesCase::new("a long load", super::cases::load(random, max + extra), 10.min(self.of.max_horizon))
        };
        let cases = if max > 200_000 { vec![] } else { vec![long(1, &mut random), long(500, &mut random)] };
        self.suite
            .property(MAX_HISTORY, cases, async |case| {
                let surplus = case.values.len().saturating_sub(max);
                let start = case.series().start + MINUTE_MS * surplus as i64;
                let recent = Series { start, ..series(case.values[surplus..].to_vec()) };
                let mut whole = forecaster.fit_whole(case.series()).await?;
                let mut part = forecaster.fit_whole(recent).await?;
                same(&ask(&mut whole, case).await?, &ask(&mut part, case).await?, TOLERANCE)
            })
            .await;
        let cases = self.ordinary(IN_PARTS);
        self.suite
            .property(IN_PARTS, cases, async |case| {
                let (history, next) = halves(case, min);
                let mut whole = forecaster.fit(series(history.clone()), Value::Null).await?;
                whole.observe(next.clone()).await?;
                let mut parts = forecaster.fit(series(history), Value::Null).await?;
                let (first, second) = next.split_at(next.len() / 3);
                parts.observe(first.to_vec()).await?;
                parts.observe(second.to_vec()).await?;
                same(&ask(&mut whole, case).await?, &ask(&mut parts, case).await?, TOLERANCE)
            })
            .await;
    }

    async fn states(&mut self) {
        let (forecaster, second, min) = (self.forecaster, &self.second, self.min());
        let cases = self.ordinary(RESTORED);
        self.suite
            .property(RESTORED, cases, async |case| {
                let (history, next) = halves(case, min);
                let mut model = forecaster.fit(series(history), Value::Null).await?;
                let mut restored = match second.restore(model.save().await?, Value::Null).await {
                    Err(error) if is_answer(&error) => return broken(format!("its own state was refused: {error}")),
                    restored => restored?,
                };
                same(&ask(&mut model, case).await?, &ask(&mut restored, case).await?, 0.0)?;
                model.observe(next.clone()).await?;
                restored.observe(next).await?;
                same(&ask(&mut model, case).await?, &ask(&mut restored, case).await?, 0.0)
            })
            .await;
        let cases: Vec<_> = self.ordinary(DAMAGED).into_iter().take(2).collect();
        self.suite
            .property(DAMAGED, cases, async |case| {
                let saved = forecaster.fit(case.series(), Value::Null).await?.save().await?;
                for (what, state) in damaged(&saved) {
                    let answer = forecaster.restore(state, Value::Null).await;
                    refused(what, answer, Kind::InvalidState)?;
                }
                Ok(())
            })
            .await;
    }

    async fn costs(&mut self) {
        let (forecaster, most, max) = (self.forecaster, self.of.max_horizon, self.of.max_history as usize);
        let cases = self.all(SEASONS);
        self.suite
            .property(SEASONS, cases, async |case| match forecaster.seasonality(case.series()).await {
                Err(error) if error.kind == Kind::InvalidAnswer => broken(error.message),
                Err(error) if is_answer(&error) => Ok(()),
                answer => match answer?.windows(2).find(|pair| pair[0].strength < pair[1].strength) {
                    Some(pair) => broken(format!("{:?} comes before the stronger {:?}", pair[0], pair[1])),
                    None => Ok(()),
                },
            })
            .await;
        let mut random = random(self.options.seed, LIMITS.name);
        let long = super::cases::load(&mut random, max.min(1_000_000));
        let cases = vec![SeriesCase::new("a load of max-history", long, most)];
        self.suite
            .property(LIMITS, cases, async |case| {
                let cost = async {
                    let mut model = forecaster.fit(case.series(), Value::Null).await?;
                    model.forecast_unchecked(most, super::cases::LEVELS.to_vec()).await?;
                    model.save().await
                };
                within_limits(cost.await)
            })
            .await;
        let cases = self.ordinary(SCALE);
        self.suite
            .property(SCALE, cases, async |case| {
                let scaled =
                    SeriesCase { values: case.values.iter().map(|value| value * 1e3).collect(), ..case.clone() };
                let mut plain = paths(forecaster, case).await?;
                plain.iter_mut().flat_map(|path| &mut path.values).for_each(|value| *value *= 1e3);
                same(&plain, &paths(forecaster, &scaled).await?, TOLERANCE)
            })
            .await;
    }
}

/// Goes over a limit: broken. Anything else is another property's.
pub(super) fn within_limits<T>(answer: Result<T, PluginError>) -> Judged {
    match answer {
        Err(error) if matches!(error.kind, Kind::Deadline | Kind::Memory | Kind::HostBudget) => {
            broken(error.to_string())
        }
        answer => answer.map(drop).map_err(Into::into),
    }
}

/// States that no plugin may take for its own, each with what it is.
pub(super) fn damaged(saved: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let flipped = |at: usize| {
        let mut state = saved.to_vec();
        if let Some(byte) = state.get_mut(at) {
            *byte ^= 0x55;
        }
        state
    };
    let mut longer = saved.to_vec();
    longer.extend_from_slice(b"more");
    let mut states = vec![
        ("an empty state", vec![]),
        ("garbage", b"this was never saved by anybody".to_vec()),
        ("a state that is all zeros", vec![0; saved.len().max(64)]),
        ("a state with four bytes too many", longer),
    ];
    if !saved.is_empty() {
        states.push(("a state that is cut in half", saved[..saved.len() / 2].to_vec()));
        states.push(("a state without its last byte", saved[..saved.len() - 1].to_vec()));
        states.push(("a state with another first byte", flipped(0)));
        states.push(("a state with another byte in the middle", flipped(saved.len() / 2)));
    }
    states
}

/// A history of at least `min` values, and what follows it.
fn halves(case: &SeriesCase, min: usize) -> (Vec<f64>, Vec<f64>) {
    let at = (case.values.len() * 2 / 3).max(min).min(case.values.len());
    (case.values[..at].to_vec(), case.values[at..].to_vec())
}

async fn ask(model: &mut Model, case: &SeriesCase) -> Result<Vec<QuantilePath>, PluginError> {
    model.forecast_unchecked(case.horizon, case.levels.clone()).await
}

async fn paths(forecaster: &Forecaster, case: &SeriesCase) -> Result<Vec<QuantilePath>, PluginError> {
    let mut model = forecaster.fit(case.series(), Value::Null).await?;
    ask(&mut model, case).await
}

async fn survives(forecaster: &Forecaster, case: &SeriesCase, most: u32) -> Judged {
    let alive = |what: &str, error: &PluginError| {
        if is_answer(error) || error.kind == Kind::InvalidAnswer {
            return Ok(());
        }
        broken(format!("{what}: {error}"))
    };
    if let Err(error) = forecaster.seasonality(case.series()).await {
        alive("seasonality", &error)?;
    }
    let mut model = match forecaster.fit(case.series(), Value::Null).await {
        Ok(model) => model,
        Err(error) => return alive("fit", &error),
    };
    for horizon in [1, most] {
        if let Err(error) = model.forecast_unchecked(horizon, case.levels.clone()).await {
            alive("forecast", &error)?;
        }
    }
    if let Err(error) = model.observe(case.values.clone()).await {
        alive("observe", &error)?;
    }
    if let Err(error) = ask(&mut model, case).await {
        alive("forecast after observe", &error)?;
    }
    model.save().await.map(drop).or_else(|error| alive("save", &error))
}

fn shape(case: &SeriesCase, paths: &[QuantilePath]) -> Judged {
    let levels: Vec<_> = paths.iter().map(|path| path.level).collect();
    if levels != case.levels {
        return broken(format!("the paths have the levels {levels:?}"));
    }
    match paths.iter().find(|path| path.values.len() != case.horizon as usize) {
        Some(path) => {
            broken(format!("level {} has {} values for {} steps", path.level, path.values.len(), case.horizon))
        }
        None => Ok(()),
    }
}

fn finite(_: &SeriesCase, paths: &[QuantilePath]) -> Judged {
    for path in paths {
        if let Some(step) = path.values.iter().position(|value| !value.is_finite()) {
            return broken(format!("level {} is {} at step {}", path.level, path.values[step], step + 1));
        }
    }
    Ok(())
}

fn crossing(_: &SeriesCase, paths: &[QuantilePath]) -> Judged {
    for pair in paths.windows(2) {
        let values = pair[0].values.iter().zip(&pair[1].values);
        if let Some((step, (low, high))) = values.enumerate().find(|(_, (low, high))| low > high) {
            let (below, above) = (pair[0].level, pair[1].level);
            return broken(format!("at step {} level {below} has {low} and level {above} has {high}", step + 1));
        }
    }
    Ok(())
}

/// Whether two forecasts agree; a tolerance of 0 means to the bit.
fn same(one: &[QuantilePath], other: &[QuantilePath], tolerance: f64) -> Judged {
    if one.len() != other.len() {
        return broken(format!("{} paths, and then {}", one.len(), other.len()));
    }
    for (a, b) in one.iter().zip(other) {
        if a.values.len() != b.values.len() {
            return broken(format!("level {} has {} values, and then {}", a.level, a.values.len(), b.values.len()));
        }
        let agree = |x: f64, y: f64| x.to_bits() == y.to_bits() || tolerance > 0.0 && close(x, y, tolerance);
        if let Some(step) = (0..a.values.len()).find(|step| !agree(a.values[*step], b.values[*step])) {
            let (x, y) = (a.values[step], b.values[step]);
            return Err(Breach::Broken(format!("level {} at step {} is {x}, and then {y}", a.level, step + 1)));
        }
    }
    Ok(())
}
