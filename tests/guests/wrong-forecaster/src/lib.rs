//! A forecaster that repeats the last value, and breaks the property of the contract that its parameter names.

use forewarm_sdk::prelude::*;

#[derive(Deserialize, Default)]
#[serde(default)]
struct Parameters {
    fault: String,
}

fn fault() -> Result<String, Error> {
    host::config::<Parameters>().map(|parameters| parameters.fault)
}

/// The plugin.
#[derive(Serialize, Deserialize)]
pub struct Wrong {
    last: f64,
    fault: String,
    /// What a state that forgets leaves out.
    #[serde(skip)]
    drift: f64,
}

impl Wrong {
    fn take(&mut self, values: &[f64]) {
        self.last = values.iter().copied().rfind(|value| !value.is_nan()).unwrap_or(self.last);
    }
}

#[forecaster(summary = "Breaks the contract as asked", parameters = "parameters.schema.json", memory_mib = 16)]
impl Forecaster for Wrong {
    const MIN_HISTORY: u32 = 2;
    const MAX_HISTORY: u32 = 500;
    const MAX_HORIZON: u32 = 50;

    fn fit(history: Series) -> Result<Self, Error> {
        let fault = fault()?;
        if history.values.len() < 2 && fault != "short-history" {
            return Err(Error::not_enough_data("two values would be enough"));
        }
        if fault == "survives-odd-series" {
            assert!(history.present().all(|value| value >= 0.0), "a load is not negative");
        }
        let mut model = Self { last: 0.0, drift: 0.0, fault };
        model.take(&history.values);
        match model.fault.as_str() {
            "max-history-suffices" => model.last += history.values.len() as f64,
            "save-restore" => model.drift = 1.0,
            _ => {}
        }
        Ok(model)
    }

    fn observe(&mut self, values: &[f64]) -> Result<(), Error> {
        self.take(values);
        if self.fault == "observe-in-parts" {
            self.drift += 1.0;
        }
        Ok(())
    }

    fn forecast(&self, horizon: u32, levels: &[f64]) -> Result<Vec<Vec<f64>>, Error> {
        if self.fault == "horizon-limits" && horizon == 50 {
            return Err(Error::unsupported("fewer steps than promised"));
        }
        let spread = if self.fault == "quantiles-do-not-cross" { -1.0 } else { 1.0 };
        let broken = self.fault == "finite-values";
        let value = |level: f64| if broken { f64::NAN } else { self.last + self.drift + spread * level };
        Ok(levels.iter().map(|level| vec![value(*level); horizon as usize]).collect())
    }

    fn seasonality(_history: Series) -> Result<Vec<Season>, Error> {
        let mut seasons = vec![Season { period: 60, strength: 0.9 }, Season { period: 1_440, strength: 0.2 }];
        if fault()? == "seasons" {
            seasons.reverse();
        }
        Ok(seasons)
    }
}
