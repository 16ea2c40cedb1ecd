//! Which exponential smoothing suits a series: none, some or all of its seasons, added or multiplied, with or without
//! a damped trend.

use forewarm_sdk::Error;
use forewarm_sdk::numerics::past::Past;
use forewarm_sdk::numerics::rolling::Method;
use forewarm_sdk::numerics::smoothing::{Form, Mixing, Smoothing};
use serde::{Deserialize, Serialize};

/// Passes over the values in the search for one form's parameters.
const EVALUATIONS: usize = 60;
/// Seasons multiply only where every value is above this share of the largest.
const MULTIPLICATIVE_MIN: f64 = 1e-3;

/// The smoothing that was chosen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ets(Smoothing);

/// A form and what came of it.
struct Candidate {
    form: Form,
    smoothing: Smoothing,
    criterion: f64,
}

impl Candidate {
    fn new(values: &[f64], form: Form) -> Self {
        let (smoothing, criterion) = Smoothing::fit(values, &form, EVALUATIONS);
        Self { form, smoothing, criterion }
    }

    /// The better one of this and another form; this one in doubt.
    fn or(self, values: &[f64], change: impl FnOnce(&Form) -> Form) -> Self {
        let other = Self::new(values, change(&self.form));
        if other.criterion < self.criterion { other } else { self }
    }
}

impl Method for Ets {
    type Options = ();

    /// One part after the other is tried and kept where it helps: the seasons, their multiplication, the trend.
    fn fit(past: &Past, (): &()) -> Result<Self, Error> {
        let values = past.values.as_slice();
        let plain = Form { trend: false, carry: true, mixing: Mixing::Additive, seasons: Vec::new() };
        let mut best = Candidate::new(values, plain);
        for count in 1..=past.seasons.len() {
            best = best.or(values, |form| Form { seasons: past.seasons[..count].to_vec(), ..form.clone() });
        }
        if !best.form.seasons.is_empty() && values.iter().all(|value| *value > MULTIPLICATIVE_MIN) {
            best = best.or(values, |form| Form { mixing: Mixing::Multiplicative, ..form.clone() });
        }
        best = best.or(values, |form| Form { trend: true, ..form.clone() });
        Ok(Self(best.smoothing))
    }

    fn push(&mut self, value: Option<f64>) {
        self.0.push(value);
    }

    fn predict(&self, horizon: usize) -> Vec<f64> {
        self.0.predict(horizon)
    }

    fn parameters(&self) -> usize {
        self.0.estimated()
    }
}
