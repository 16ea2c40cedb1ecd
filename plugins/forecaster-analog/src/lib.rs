//! The day clock's forecaster by analogy: what followed when the series' last day looked like now. The way through:
//! [`model`] remembers the series, [`candidates`] finds earlier times and says how much each is like now, [`moves`] says
//! what their differences from now mean for what comes, and [`fan`] reads quantiles off what followed. What comes again
//! after an interval of its own ([`forewarm_sdk::numerics::renewal`]) stands beside the days that are alike.

pub mod candidates;
pub mod fan;
pub mod model;
pub mod moves;

use forewarm_sdk::numerics::past::VALUES_MAX;
use forewarm_sdk::numerics::rolling::{HORIZON_MAX, PRESENT_MIN};
use forewarm_sdk::numerics::seasons::SeasonParameters;
use forewarm_sdk::prelude::*;
use model::Model;

/// The plugin.
#[derive(Serialize, Deserialize)]
pub struct Analog(Model);

#[forecaster(
    summary = "Forecasts hours to days by what followed the most similar days of the same series",
    parameters = "parameters.schema.json",
    memory_mib = 16
)]
impl Forecaster for Analog {
    const MIN_HISTORY: u32 = PRESENT_MIN as u32;
    const MAX_HISTORY: u32 = VALUES_MAX as u32;
    const MAX_HORIZON: u32 = HORIZON_MAX;

    fn fit(history: Series) -> Result<Self, Error> {
        let seasons = host::config::<SeasonParameters>()?.seasons(history.step_ms);
        Model::fit(seasons, &history).map(Self)
    }

    fn observe(&mut self, values: &[f64]) -> Result<(), Error> {
        self.0.observe(values);
        Ok(())
    }

    fn forecast(&self, horizon: u32, levels: &[f64]) -> Result<Vec<Vec<f64>>, Error> {
        self.0.forecast(horizon as usize, levels)
    }
}
