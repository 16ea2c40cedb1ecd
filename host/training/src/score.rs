//! How well weights forecast what was held out: through the plugin's own model, beside the seasonal naive forecast.

use forecaster_lstm::fan::LEVELS;
use forecaster_lstm::model::Model;
use forecaster_lstm::weights::{HoldOut, Scores, Weights};
use forewarm_forecasting::measures::{Board, Summary, Task};
use forewarm_forecasting::reference::{Banded, seasonal_naive};
use forewarm_sdk::Series;
use forewarm_sdk::numerics::seasons::SeasonLengths;

use crate::data::known;
use crate::{TrainingError, TrainingSeries, TrainingSettings};

/// Forecasts what was held out of each series from its last known value on. `None` where nothing was held out, or no
/// series is long enough to be scored.
pub(crate) fn hold_out(
    series: &[TrainingSeries<'_>],
    settings: &TrainingSettings,
    weights: &Weights,
) -> Result<Option<HoldOut>, TrainingError> {
    let (mut own, mut naive) = (Board::default(), Board::default());
    let scorable = |series: &&TrainingSeries<'_>| {
        let count = series.values.len();
        settings.hold_out > 0 && count > settings.hold_out + settings.season
    };
    for series in series.iter().filter(scorable) {
        let history = known(series.values, settings.hold_out);
        let truth = &series.values[history.len()..];
        let Some(reference) = seasonal_naive(history, truth.len(), settings.season) else { continue };
        let Some(forecast) = forecast(history, truth.len(), settings.season, weights)? else { continue };
        let task = Task::new(series.id, history, settings.season, truth.to_vec());
        own.add(&task, &forecast);
        naive.add(&task, &reference);
    }
    let (own, naive) = (own.summary(), naive.summary());
    let found = HoldOut {
        values: settings.hold_out,
        forecasts: own.tasks,
        scores: scores(&own),
        seasonal_naive: scores(&naive),
    };
    Ok((own.tasks > 0).then_some(found))
}

fn scores(of: &Summary) -> Scores {
    let or_zero = |value: Option<f64>| value.unwrap_or_default();
    Scores { mase: or_zero(of.mase), sql: or_zero(of.sql), wql: or_zero(of.wql), cov90: or_zero(of.cov90) }
}

/// `None` where the history is too empty.
fn forecast(
    history: &[f64],
    horizon: usize,
    season: usize,
    weights: &Weights,
) -> Result<Option<Banded>, TrainingError> {
    let failed = |error: &dyn std::fmt::Debug| TrainingError::Forecast(format!("{error:?}"));
    let values = history.iter().map(|value| if value.is_finite() { *value } else { f64::NAN }).collect();
    let seasons = SeasonLengths::try_from(vec![season as u32]).map_err(|error| failed(&error))?;
    let Ok(model) = Model::fit(&Series { start_ms: 0, step_ms: 3_600_000, values }, seasons) else { return Ok(None) };
    let paths = model.forecast(weights, horizon, &LEVELS).map_err(|error| failed(&error))?;
    let last = LEVELS.len() - 1;
    Ok(Some(Banded {
        point: paths[LEVELS.len() / 2].clone(),
        deciles: (0..horizon).map(|step| std::array::from_fn(|decile| paths[decile + 1][step])).collect(),
        band: (0..horizon).map(|step| (paths[0][step], paths[last][step])).collect(),
    }))
}
