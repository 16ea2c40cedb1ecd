//! ARIMA, seasonal or after decomposition. [`arima`] is the method; [`differencing`] makes a series stationary, [`css`]
//! estimates a process of given [`order`] through the transforms of [`polynomial`], and [`search`] finds the order. The
//! SDK's frame does the rest.

pub mod arima;
pub mod css;
pub mod differencing;
pub mod order;
pub mod parameters;
pub mod polynomial;
#[cfg(test)]
mod published;
pub mod search;

use forewarm_sdk::numerics::past::VALUES_MAX;
use forewarm_sdk::numerics::rolling::{HORIZON_MAX, PRESENT_MIN, Rolling};
use forewarm_sdk::prelude::*;
use parameters::Parameters;

/// The plugin.
#[derive(Serialize, Deserialize)]
pub struct Forecasts(Rolling<arima::Arima>);

#[forecaster(
    summary = "Forecasts by ARIMA, seasonal or after decomposition, with its orders given or searched for",
    parameters = "parameters.schema.json",
    memory_mib = 16
)]
impl Forecaster for Forecasts {
    const MIN_HISTORY: u32 = PRESENT_MIN as u32;
    const MAX_HISTORY: u32 = VALUES_MAX as u32;
    const MAX_HORIZON: u32 = HORIZON_MAX;

    fn fit(history: Series) -> Result<Self, Error> {
        let parameters: Parameters = host::config()?;
        Rolling::fit(&history, parameters.seasons(history.step_ms), parameters.options()).map(Self)
    }

    fn observe(&mut self, values: &[f64]) -> Result<(), Error> {
        self.0.observe(values);
        Ok(())
    }

    fn forecast(&self, horizon: u32, levels: &[f64]) -> Result<Vec<Vec<f64>>, Error> {
        Ok(self.0.forecast(horizon, levels))
    }
}
