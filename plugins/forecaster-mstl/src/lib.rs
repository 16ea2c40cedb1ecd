//! Seasons that change, by MSTL. [`mstl`] is the method; the SDK's frame does the rest.

pub mod mstl;
pub mod windows;

use forewarm_sdk::numerics::past::VALUES_MAX;
use forewarm_sdk::numerics::rolling::{HORIZON_MAX, PRESENT_MIN, Rolling};
use forewarm_sdk::numerics::seasons::SeasonParameters;
use forewarm_sdk::prelude::*;

/// The plugin.
#[derive(Serialize, Deserialize)]
pub struct MstlForecaster(Rolling<mstl::Mstl>);

#[forecaster(
    summary = "Day and week by local regression (MSTL), and smoothing of what remains",
    parameters = "parameters.schema.json",
    memory_mib = 16
)]
impl Forecaster for MstlForecaster {
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
