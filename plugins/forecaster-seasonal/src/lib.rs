//! The step clock's forecaster: recent levels and the same time yesterday and last week, quantiles from its own latest
//! errors. The way through: [`model`] keeps a [`history`], fits a [`regression`] on [`features`] whose errors become a
//! [`spread`] in units of their [`scale`], and falls back to [`naive`] while there is little data.

pub mod features;
pub mod held;
pub mod history;
pub mod model;
pub mod naive;
pub mod parameters;
pub mod regression;
pub mod ridge;
pub mod scale;
pub mod seasonality;
pub mod spread;

use forewarm_sdk::prelude::*;
use history::History;
use model::{HORIZON_MAX, Model, PRESENT_MIN};
use parameters::Parameters;

/// The plugin.
#[derive(Serialize, Deserialize)]
pub struct Seasonal(Model);

#[forecaster(
    summary = "Forecasts the next minutes to a day from recent levels and the same time yesterday and last week",
    parameters = "parameters.schema.json",
    memory_mib = 16
)]
impl Forecaster for Seasonal {
    const MIN_HISTORY: u32 = PRESENT_MIN as u32;
    const MAX_HISTORY: u32 = 20_160;
    const MAX_HORIZON: u32 = HORIZON_MAX;

    fn fit(history: Series) -> Result<Self, Error> {
        Model::fit(host::config()?, history).map(Self)
    }

    fn observe(&mut self, values: &[f64]) -> Result<(), Error> {
        self.0.observe(values);
        Ok(())
    }

    fn forecast(&self, horizon: u32, levels: &[f64]) -> Result<Vec<Vec<f64>>, Error> {
        Ok(self.0.forecast(horizon as usize, levels))
    }

    fn seasonality(history: Series) -> Result<Vec<Season>, Error> {
        let parameters: Parameters = host::config()?;
        let kept = History::new(parameters.capacity(history.step_ms), &history.values)
            .ok_or_else(|| Error::not_enough_data("at least one value must be there"))?;
        let found = seasonality::strengths(&kept, &parameters.periods(history.step_ms));
        Ok(found.into_iter().map(|(period, strength)| Season { period: period as u32, strength }).collect())
    }
}
