//! The smallest forecaster: tomorrow is like the last value. Build it with
//! `cargo build --profile plugin --target wasm32-wasip2 -p forewarm-sdk --example last-value`.

use forewarm_sdk::prelude::*;

/// The last value that was there.
#[derive(Serialize, Deserialize)]
pub struct Last(f64);

#[forecaster(summary = "Repeats the last value", memory_mib = 16)]
impl Forecaster for Last {
    fn fit(history: Series) -> Result<Self, Error> {
        history.present().last().map(Self).ok_or_else(|| Error::not_enough_data("one value would be enough"))
    }
    fn observe(&mut self, values: &[f64]) -> Result<(), Error> {
        self.0 = values.iter().copied().rfind(|value| !value.is_nan()).unwrap_or(self.0);
        Ok(())
    }
    fn forecast(&self, horizon: u32, levels: &[f64]) -> Result<Vec<Vec<f64>>, Error> {
        Ok(levels.iter().map(|_| vec![self.0; horizon as usize]).collect())
    }
}
