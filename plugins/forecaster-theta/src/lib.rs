//! The dynamic optimised Theta model on the seasonally adjusted series. [`theta`] is the method; the SDK's frame does the
//! rest.

pub mod lines;
pub mod theta;

use forewarm_sdk::numerics::past::VALUES_MAX;
use forewarm_sdk::numerics::rolling::{HORIZON_MAX, PRESENT_MIN, Rolling};
use forewarm_sdk::numerics::seasons::SeasonParameters;
use forewarm_sdk::prelude::*;

/// The plugin.
#[derive(Serialize, Deserialize)]
pub struct ThetaForecaster(Rolling<theta::Theta>);

#[forecaster(
    summary = "Theta lines over what remains without day and week",
    parameters = "parameters.schema.json",
    memory_mib = 16
)]
impl Forecaster for ThetaForecaster {
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
