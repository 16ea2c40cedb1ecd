//! Rare demand. [`model`] keeps the idle times and sizes of a series, [`arrivals`] says when demand is likely.

pub mod arrivals;
pub mod model;

use forewarm_sdk::numerics::past::VALUES_MAX;
use forewarm_sdk::numerics::rolling::HORIZON_MAX;
use forewarm_sdk::prelude::*;
use model::{Model, PRESENT_MIN};

/// The plugin.
#[derive(Serialize, Deserialize)]
pub struct Intermittent(Model);

#[forecaster(summary = "Rare demand: how long it stays away, and how much comes then", memory_mib = 16)]
impl Forecaster for Intermittent {
    const MIN_HISTORY: u32 = PRESENT_MIN as u32;
    const MAX_HISTORY: u32 = VALUES_MAX as u32;
    const MAX_HORIZON: u32 = HORIZON_MAX;

    fn fit(history: Series) -> Result<Self, Error> {
        let recent = &history.values[history.values.len().saturating_sub(VALUES_MAX)..];
        let present = recent.iter().filter(|value| !value.is_nan()).count();
        if present < PRESENT_MIN {
            return Err(Error::not_enough_data(format!(
                "at least {PRESENT_MIN} recent values must be there, got {present}"
            )));
        }
        let mut model = Model::default();
        recent.iter().for_each(|value| model.push(*value));
        Ok(Self(model))
    }

    fn observe(&mut self, values: &[f64]) -> Result<(), Error> {
        values.iter().for_each(|value| self.0.push(*value));
        Ok(())
    }

    fn forecast(&self, horizon: u32, levels: &[f64]) -> Result<Vec<Vec<f64>>, Error> {
        Ok(self.0.forecast(horizon as usize, levels))
    }
}
