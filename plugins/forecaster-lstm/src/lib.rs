//! Forecasts of hours to days by an LSTM that was trained on many series and knows nothing of the one at hand but its
//! latest two weeks. The way through: [`loaded`] gives the [`weights`]; a [`model`] remembers a series, brings it to the
//! network's [`grid`], and looks at the latest [`window`] of it: the values, [`bases`] that copy them, and a [`trial`] of
//! these. The [`network`] says how the bases are [mixed](mix), and which [`fan`] of quantiles stands around the mixture.
//! What comes again after an interval of its own is taken out before and put back [`again`].

pub mod again;
pub mod bases;
pub mod cell;
pub mod degenerate;
pub mod fan;
pub mod grid;
pub mod loaded;
pub mod mix;
pub mod model;
pub mod network;
pub mod product;
pub mod shape;
#[cfg(test)]
mod testing;
pub mod trial;
pub mod weights;
pub mod window;

use forewarm_sdk::numerics::seasons::SeasonParameters;
use forewarm_sdk::prelude::*;
use model::{HORIZON_MAX, Model, PRESENT_MIN};

/// The plugin.
#[derive(Serialize, Deserialize)]
pub struct Lstm(Model);

#[forecaster(
    summary = "Forecasts the next hours to days with an LSTM that was trained on many series",
    parameters = "parameters.schema.json",
    capabilities = ["assets"],
    assets = ["weights"],
    memory_mib = 64
)]
impl Forecaster for Lstm {
    const MIN_HISTORY: u32 = PRESENT_MIN as u32;
    const MAX_HISTORY: u32 = 20_160;
    const MAX_HORIZON: u32 = HORIZON_MAX;

    fn fit(history: Series) -> Result<Self, Error> {
        let parameters: SeasonParameters = host::config()?;
        // Unusable weights are told at once, not when the first forecast is due.
        loaded::with(|_| Ok(()))?;
        Model::fit(&history, parameters.seasons(history.step_ms)).map(Self)
    }

    fn observe(&mut self, values: &[f64]) -> Result<(), Error> {
        self.0.observe(values);
        Ok(())
    }

    fn forecast(&self, horizon: u32, levels: &[f64]) -> Result<Vec<Vec<f64>>, Error> {
        loaded::with(|weights| self.0.forecast(weights, horizon as usize, levels))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use forewarm_sdk::testing;

    #[test]
    fn odd_histories_are_answered_or_refused() {
        testing::forecaster::judge_odd_histories::<Lstm>().expect("every one");
    }

    #[test]
    fn the_plugins_own_weights_were_trained_on_generated_series() {
        let source = loaded::with(|weights| Ok(weights.card.data.source.clone())).expect("its own weights");
        assert!(source.contains("generated"), "{source}");
    }

    #[test]
    fn what_repeats_exactly_is_forecast_exactly() {
        let law = |step: usize| {
            let day = [10.0, 10.0, 12.0, 25.0, 90.0, 60.0][step % 24 / 4];
            if step / 24 % 7 > 4 { day / 3.0 } else { day }
        };
        let values = (0..600).map(law).collect();
        let model = Lstm::fit(Series { start_ms: 0, step_ms: 3_600_000, values }).expect("enough");
        let paths = model.forecast(48, &[0.05, 0.5, 0.95]).expect("a forecast");
        for (step, ((low, median), high)) in paths[0].iter().zip(&paths[1]).zip(&paths[2]).enumerate() {
            assert!((median - law(600 + step)).abs() < 0.2, "{step}: {median}");
            assert!(high - low < 2.0, "{step}: {low} {high}");
        }
    }

    #[test]
    fn a_job_of_its_own_interval_comes_when_it_is_due() {
        // An hour's job every 13 hours, on a load that stands still between.
        let law = |step: usize| if step % 13 == 9 { 80.0 } else { 20.0 };
        let values = (0..600).map(law).collect();
        let model = Lstm::fit(Series { start_ms: 0, step_ms: 3_600_000, values }).expect("enough");
        let paths = model.forecast(48, &[0.05, 0.5, 0.95]).expect("a forecast");
        for (step, ((low, median), high)) in paths[0].iter().zip(&paths[1]).zip(&paths[2]).enumerate() {
            let value = law(600 + step);
            assert!((median - value).abs() < 2.0 && *low <= value + 0.1 && *high >= value - 0.1, "{step}: {median}");
        }
    }

    #[test]
    fn jobs_within_the_networks_values_stay_in_their_means() {
        // A minute's job every 13 minutes, of which the network's hours hold four or five each.
        let values = (0..10_080).map(|step| if step % 13 == 9 { 80.0 } else { 20.0 }).collect();
        let model = Lstm::fit(Series { start_ms: 0, step_ms: 60_000, values }).expect("enough");
        let paths = model.forecast(600, &[0.5]).expect("a forecast");
        let mean = paths[0].iter().sum::<f64>() / 600.0;
        assert!((mean - 20.0 - 60.0 / 13.0).abs() < 1.0, "{mean}");
    }

    #[test]
    fn garbled_weights_are_told_by_every_fit() {
        testing::set_asset("weights", b"weights".to_vec());
        for _ in 0..2 {
            let history = Series { start_ms: 0, step_ms: 3_600_000, values: vec![1.0; 100] };
            assert!(matches!(Lstm::fit(history).err(), Some(Error::InvalidInput(text)) if text.contains("weights")));
        }
    }
}
