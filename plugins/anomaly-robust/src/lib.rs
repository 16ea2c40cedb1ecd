//! Finds values that make a series look as it rarely did. The way through: [`views`] and [`season`] look at it in
//! several ways, [`tail`] tells how rare each sight is by its own past, and [`detector`] averages what they say.

pub mod average;
pub mod detector;
pub mod parameters;
pub mod recent;
pub mod season;
pub mod tail;
pub mod views;

use detector::Detector;
use forewarm_sdk::prelude::*;

/// The plugin.
#[derive(Serialize, Deserialize)]
pub struct Robust(Detector);

#[anomaly_detector(
    summary = "Finds values that make a series look as it rarely did, in level, time of day, spread and range",
    parameters = "parameters.schema.json",
    memory_mib = 16,
    call_ms = 5_000
)]
impl AnomalyDetector for Robust {
    fn start(history: Series, sensitivity: f64) -> Result<Self, Error> {
        let mut detector = Detector::new(host::config()?, sensitivity, history.start_ms, history.step_ms);
        for value in history.values {
            detector.push(value);
        }
        Ok(Self(detector))
    }

    fn push(&mut self, values: &[f64]) -> Result<Vec<Verdict>, Error> {
        Ok(values.iter().map(|value| self.0.push(*value)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use forewarm_sdk::testing;

    #[test]
    fn parameters_come_from_the_host() {
        testing::set_config(r#"{"phases": 1, "quiet": 3}"#);
        let history = Series { start_ms: 0, step_ms: 60_000, values: [1.0, 2.0].repeat(100) };
        let mut stream = Robust::start(history, 0.5).expect("starts");
        assert!(stream.push(&[90.0]).expect("judges")[0].anomalous);
        testing::set_config(r#"{"window": 3}"#);
        let empty = Series { start_ms: 0, step_ms: 60_000, values: vec![] };
        assert!(matches!(Robust::start(empty, 0.5), Err(Error::InvalidInput(_))));
    }
}
