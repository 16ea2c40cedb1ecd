//! The day clock's forecaster of level times shape. The way through: [`model`] keeps the history in a domain in
//! which level and shape add up, [`features`] say what level and shape were at any time, a [`regression`]
//! per horizon weighs them, and a [`spread`] holds how far it lay off.

pub mod features;
pub mod horizons;
pub mod model;
pub mod regression;
pub mod shift;
pub mod spread;

use forewarm_sdk::numerics::past::VALUES_MAX;
use forewarm_sdk::numerics::rolling::{HORIZON_MAX, PRESENT_MIN};
use forewarm_sdk::numerics::seasons::SeasonParameters;
use forewarm_sdk::prelude::*;
use model::Model;

/// The plugin.
#[derive(Serialize, Deserialize)]
pub struct Ridge(Model);

#[forecaster(
    summary = "Forecasts hours to days as level times shape, weighed by ridge regressions per horizon",
    parameters = "parameters.schema.json",
    memory_mib = 16
)]
impl Forecaster for Ridge {
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
        Ok(self.0.forecast(horizon as usize, levels))
    }
}
