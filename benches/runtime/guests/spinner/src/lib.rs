//! A forecaster that takes a history and never answers again.

use forewarm_sdk::prelude::*;
use std::hint::black_box;

/// Nothing.
#[derive(Serialize, Deserialize)]
pub struct Spinner(u64);

#[forecaster(summary = "Never answers", memory_mib = 16)]
impl Forecaster for Spinner {
    fn fit(_: Series) -> Result<Self, Error> {
        Ok(Self(0))
    }
    fn observe(&mut self, _: &[f64]) -> Result<(), Error> {
        loop {
            self.0 = black_box(self.0).wrapping_add(1);
        }
    }
    fn forecast(&self, _: u32, _: &[f64]) -> Result<Vec<Vec<f64>>, Error> {
        Err(Error::not_enough_data("it never answers"))
    }
}
