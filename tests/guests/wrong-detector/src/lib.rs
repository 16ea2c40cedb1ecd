//! A detector that knows the last value, and breaks the property of the contract that its parameter names.

use forewarm_sdk::prelude::*;

#[derive(Deserialize, Default)]
#[serde(default)]
struct Parameters {
    fault: String,
}

/// The plugin.
#[derive(Serialize, Deserialize)]
pub struct Wrong {
    fault: String,
    sensitivity: f64,
    last: Option<f64>,
    /// What a state that forgets leaves out.
    #[serde(skip)]
    seen: u32,
}

impl Wrong {
    fn judge(&mut self, value: f64) -> Verdict {
        let last = self.last.unwrap_or(value);
        let far = !value.is_nan() && (value * 0.5 - last * 0.5).abs() > last.abs() * 0.5;
        let mut verdict = Verdict {
            score: if far { 0.6 } else { 0.0 },
            anomalous: far && self.sensitivity > 0.4,
            expected_low: if value.is_nan() { 0.0 } else { last.min(0.0) },
            expected_high: if value.is_nan() { 0.0 } else { last.max(0.0) },
        };
        match self.fault.as_str() {
            "score-range" => verdict.score *= 2.0,
            "usual-range" => verdict.expected_low = 1e306_f64.max(verdict.expected_high),
            "missing-is-usual" => verdict.anomalous |= value.is_nan(),
            "monotone-sensitivity" => verdict.anomalous = far && self.sensitivity < 0.4,
            "save-restore" => verdict.score = f64::from(self.seen.min(1_000)) * 1e-6,
            _ => {}
        }
        if !value.is_nan() {
            self.last = Some(value);
        }
        self.seen += 1;
        verdict
    }
}

#[anomaly_detector(summary = "Breaks the contract as asked", parameters = "parameters.schema.json", memory_mib = 16)]
impl AnomalyDetector for Wrong {
    fn start(history: Series, sensitivity: f64) -> Result<Self, Error> {
        let fault = host::config::<Parameters>()?.fault;
        let mut detector = Self { fault, sensitivity, last: None, seen: 0 };
        detector.push(&history.values)?;
        Ok(detector)
    }

    fn push(&mut self, values: &[f64]) -> Result<Vec<Verdict>, Error> {
        if self.fault == "survives-odd-series" {
            assert!(values.iter().all(|value| value.is_nan() || *value >= 0.0), "a load is not negative");
        }
        if self.fault == "causal" {
            self.last = values.last().copied().filter(|value| !value.is_nan());
        }
        Ok(values.iter().map(|value| self.judge(*value)).collect())
    }

    fn detect(history: Series, sensitivity: f64) -> Result<Vec<Verdict>, Error> {
        let empty = Series { start_ms: history.start_ms, step_ms: history.step_ms, values: Vec::new() };
        let mut detector = Self::start(empty, sensitivity)?;
        let mut verdicts = detector.push(&history.values)?;
        if detector.fault == "stream-agrees" {
            verdicts.iter_mut().for_each(|verdict| verdict.score += 0.1);
        }
        Ok(verdicts)
    }
}
