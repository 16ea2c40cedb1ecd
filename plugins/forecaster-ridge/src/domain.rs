//! The domain in which level and shape add up: logarithms where no value is negative, so that level *times* shape
//! becomes a sum and a peak weighs no more than a trough of the same ratio; else the values themselves.

use forewarm_sdk::numerics::past::Past;
use forewarm_sdk::numerics::stats;
use serde::{Deserialize, Serialize};

/// What is added to a value before its logarithm, in units of the median: small values then differ as they do linearly.
const OFFSET: f64 = 0.3;
/// The unit is at least this part of the largest value.
const UNIT_MIN: f64 = 1e-6;
/// Values are held within this many units.
const UNITS_MAX: f64 = 1e12;

/// A way there and back.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Domain {
    logarithmic: bool,
    /// The median of the absolute values, in the series' own unit.
    unit: f64,
}

impl Domain {
    /// Takes the unit from a history, and logarithms where `logarithmic`.
    #[must_use]
    pub fn new(past: &Past, logarithmic: bool) -> Self {
        let sizes: Vec<f64> = past.values.iter().map(|value| value.abs()).collect();
        let middle = stats::median(&sizes).max(UNIT_MIN);
        Self { logarithmic, unit: (middle * past.scale).max(f64::MIN_POSITIVE) }
    }

    /// Whether values are taken as logarithms, so that negative ones can't be told apart.
    #[must_use]
    pub fn is_logarithmic(&self) -> bool {
        self.logarithmic
    }

    /// The values of a history in this domain.
    #[must_use]
    pub fn values(&self, past: &Past) -> Vec<f64> {
        let units = past.scale / self.unit;
        past.values.iter().map(|value| self.there((value * units).clamp(-UNITS_MAX, UNITS_MAX))).collect()
    }

    fn there(&self, units: f64) -> f64 {
        if self.logarithmic { libm::log(units.max(0.0) + OFFSET) } else { units }
    }

    /// From the domain to the series' own unit, finite.
    #[must_use]
    pub fn back(&self, value: f64) -> f64 {
        let units = if self.logarithmic { libm::exp(value) - OFFSET } else { value };
        (units * self.unit).clamp(f64::MIN, f64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use forewarm_sdk::numerics::past::History;
    use forewarm_sdk::numerics::seasons::SeasonLengths;

    fn past(values: &[f64]) -> Past {
        let mut history = History::default();
        history.extend(values);
        history.past(&SeasonLengths::default(), 2).expect("values")
    }

    #[test]
    fn values_come_back() {
        let values = [0.0, 3.0, 700.0, 1e-3, 50.0];
        for logarithmic in [true, false] {
            let past = past(&values);
            let domain = Domain::new(&past, logarithmic);
            for (value, inside) in values.iter().zip(domain.values(&past)) {
                assert!((domain.back(inside) - value).abs() < 1e-9 * 700.0, "{value}");
            }
        }
    }

    #[test]
    fn extreme_values_stay_finite() {
        for values in [[0.0, 0.0], [f64::MAX, f64::MIN_POSITIVE], [5e-324, 0.0], [f64::MIN, f64::MAX]] {
            let past = past(&values);
            let domain = Domain::new(&past, !past.negative);
            assert!(domain.values(&past).iter().all(|value| value.is_finite()), "{values:?}");
            assert!([-1e12, 0.0, 1e12].iter().all(|value| domain.back(*value).is_finite()), "{values:?}");
        }
    }
}
