//! Exponential smoothing with all seasons of a series. [`ets`] chooses the form; the SDK's frame does the rest.

pub mod ets;

use forewarm_sdk::numerics::past::VALUES_MAX;
use forewarm_sdk::numerics::rolling::{HORIZON_MAX, PRESENT_MIN, Rolling};
use forewarm_sdk::numerics::seasons::SeasonParameters;
use forewarm_sdk::prelude::*;

/// The plugin.
#[derive(Serialize, Deserialize)]
pub struct SmoothingForecaster(Rolling<ets::Ets>);

#[forecaster(
    summary = "Level, damped trend, day and week by exponential smoothing",
    parameters = "parameters.schema.json",
    memory_mib = 16
)]
impl Forecaster for SmoothingForecaster {
    const MIN_HISTORY: u32 = PRESENT_MIN as u32;
    const MAX_HISTORY: u32 = VALUES_MAX as u32;
    const MAX_HORIZON: u32 = HORIZON_MAX;

    fn fit(history: Series) -> Result<Self, Error> {
        let seasons = host::config::<SeasonParameters>()?.seasons(history.step_ms);
        Rolling::fit(&history, seasons, ()).map(Self)
    }

    fn observe(&mut self, values: &[f64]) -> Result<(), Error> {
        self.0.observe(values);
        Ok(())
    }

    fn forecast(&self, horizon: u32, levels: &[f64]) -> Result<Vec<Vec<f64>>, Error> {
        Ok(self.0.forecast(horizon, levels))
    }
}
