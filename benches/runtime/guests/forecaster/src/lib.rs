//! The work of the comparison behind the contract of forecasters. It keeps what it has seen, as a model does.

use bench_work::Summary;
use forewarm_sdk::prelude::*;

/// The last history.
#[derive(Serialize, Deserialize)]
pub struct Last(Vec<f64>);

#[forecaster(summary = "Spreads out from the mean", memory_mib = 16)]
impl Forecaster for Last {
    fn fit(history: Series) -> Result<Self, Error> {
        Ok(Self(history.values))
    }
    fn observe(&mut self, values: &[f64]) -> Result<(), Error> {
        self.0.clear();
        self.0.extend_from_slice(values);
        Ok(())
    }
    fn forecast(&self, horizon: u32, levels: &[f64]) -> Result<Vec<Vec<f64>>, Error> {
        let summary = Summary::of(&self.0);
        let path = |level: &f64| (0..horizon as usize).map(|step| summary.at(*level, step)).collect();
        Ok(levels.iter().map(path).collect())
    }
}
