//! A forecaster that repeats the last value until the call that its parameters name, where it attacks its host.
//!
//! Attacks on the answer's form go through the bare bindings elsewhere, since the SDK checks it; these are made of plain
//! Rust as an author would write it, by malice or by mistake.

mod attack;

use attack::{Answer, attack};
use forewarm_sdk::Plugin;
use forewarm_sdk::prelude::*;

#[derive(Deserialize, Default)]
#[serde(default)]
struct Parameters {
    place: String,
    attack: String,
}

/// Attacks, if this is the place for it.
fn at(place: &str) -> Answer {
    let parameters: Parameters = host::config().unwrap_or_default();
    if parameters.place == place { attack(&parameters.attack) } else { Answer::Honest }
}

/// The plugin.
#[derive(Serialize, Deserialize)]
pub struct Hostile {
    last: f64,
    /// What makes the saved state large.
    ballast: String,
}

#[forecaster(summary = "Attacks its host as asked", parameters = "parameters.schema.json")]
impl Forecaster for Hostile {
    fn describe() -> ForecasterDescription {
        at("describe");
        ForecasterDescription {
            summary: Self::SUMMARY.to_owned(),
            min_history: Self::MIN_HISTORY,
            max_history: Self::MAX_HISTORY,
            max_horizon: Self::MAX_HORIZON,
        }
    }

    fn fit(history: Series) -> Result<Self, Error> {
        at("fit");
        let ballast = match at("save") {
            Answer::Large(bytes) => "x".repeat(bytes),
            _ => String::new(),
        };
        Ok(Self { last: history.values.last().copied().unwrap_or_default(), ballast })
    }

    fn observe(&mut self, values: &[f64]) -> Result<(), Error> {
        at("observe");
        self.last = values.last().copied().unwrap_or(self.last);
        Ok(())
    }

    fn forecast(&self, horizon: u32, levels: &[f64]) -> Result<Vec<Vec<f64>>, Error> {
        let answer = at("forecast");
        let value = |level: f64| match answer {
            Answer::Constant(value) => value,
            Answer::Crossing => self.last - level,
            Answer::Honest | Answer::Large(_) => self.last,
        };
        Ok(levels.iter().map(|level| vec![value(*level); horizon as usize]).collect())
    }
}
