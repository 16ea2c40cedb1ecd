//! The domain in which a level and a shape add up: logarithms where no value is negative, so that level *times* shape
//! becomes a sum and a peak weighs no more than a trough of the same ratio; else the values themselves.

use super::stats;
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
    /// The median of the absolute values.
    unit: f64,
}

impl Domain {
    /// Takes the unit from values within -1 and 1, and logarithms where `logarithmic`.
    #[must_use]
    pub fn new(values: &[f64], logarithmic: bool) -> Self {
        let sizes: Vec<f64> = values.iter().map(|value| value.abs()).collect();
        Self { logarithmic, unit: stats::median(&sizes).max(UNIT_MIN) }
    }

    /// The same for values that are `scale` times as large.
    #[must_use]
    pub fn scaled(self, scale: f64) -> Self {
        Self { unit: (self.unit * scale).max(f64::MIN_POSITIVE), ..self }
    }

    /// Whether values are taken as logarithms, so that negative ones can't be told apart.
    #[must_use]
    pub fn is_logarithmic(&self) -> bool {
        self.logarithmic
    }

    /// From a value to the domain, finite.
    #[must_use]
    pub fn there(&self, value: f64) -> f64 {
        let units = (value / self.unit).clamp(-UNITS_MAX, UNITS_MAX);
        if self.logarithmic { libm::log(units.max(0.0) + OFFSET) } else { units }
    }

    /// From the domain to a value, finite.
    #[must_use]
    pub fn back(&self, inside: f64) -> f64 {
        let units = if self.logarithmic { libm::exp(inside) - OFFSET } else { inside };
        (units * self.unit).clamp(f64::MIN, f64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back() {
        let values = [0.0, 0.003, 0.7, 1e-6, 0.05];
        for domain in [true, false].map(|logarithmic| Domain::new(&values, logarithmic).scaled(1_000.0)) {
            for value in values.map(|value| 1_000.0 * value) {
                assert!((domain.back(domain.there(value)) - value).abs() < 1e-9, "{value}");
            }
        }
    }

    #[test]
    fn ratios_become_distances() {
        let domain = Domain::new(&[0.01, 0.01, 1.0], true);
        assert!((domain.there(1.0) - domain.there(0.5) - std::f64::consts::LN_2).abs() < 0.01);
    }

    #[test]
    fn extreme_values_stay_finite() {
        for (values, scale) in
            [([0.0, 0.0], 1.0), ([1.0, 0.0], f64::MAX), ([1.0, 1.0], 5e-324), ([-1.0, 1.0], f64::MAX)]
        {
            let domain = Domain::new(&values, values[0] >= 0.0).scaled(scale);
            assert!(values.iter().all(|value| domain.there(value * scale).is_finite()), "{values:?}");
            assert!([-1e12, 0.0, 1e12].iter().all(|inside| domain.back(*inside).is_finite()), "{values:?}");
        }
    }
}
