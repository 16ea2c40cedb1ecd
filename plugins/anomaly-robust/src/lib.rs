//! Finds values far from the median of the same time of day. The way through: [`window`] holds the latest values and
//! gives median and spread, [`detector`] judges by them.

pub mod detector;
pub mod parameters;
pub mod window;

use detector::Detector;
use forewarm_sdk::prelude::*;

/// The plugin.
#[derive(Serialize, Deserialize)]
pub struct Robust(Detector);

#[anomaly_detector(
    summary = "Finds values far from the median of the same time of day, by the series' own yardstick",
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
        testing::set_config(r#"{"phases": 1, "memory": 24}"#);
        let history = Series { start_ms: 0, step_ms: 60_000, values: vec![1.0; 30] };
        let mut stream = Robust::start(history, 0.5).expect("starts");
        assert!(stream.push(&[9.0]).expect("judges")[0].anomalous);
        testing::set_config(r#"{"window": 3}"#);
        let empty = Series { start_ms: 0, step_ms: 60_000, values: vec![] };
        assert!(matches!(Robust::start(empty, 0.5), Err(Error::InvalidInput(_))));
    }
}
