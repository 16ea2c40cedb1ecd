//! A histogram whose buckets grow by 5% each and whose weights halve every 24 hours, as the Kubernetes vertical pod
//! autoscaler keeps them: recent use counts most, old peaks fade.

use std::collections::BTreeMap;

/// How much wider each bucket is than the one before.
const GROWTH: f64 = 1.05;
/// After how long a value counts half.
const HALF_LIFE_MS: f64 = 86_400_000.0;

/// The histogram.
#[derive(Debug, Clone, Default)]
pub struct Histogram {
    buckets: BTreeMap<i32, f64>,
    weight: f64,
}

impl Histogram {
    /// Adds a value that is `age_ms` old. Values of zero and below fall into the lowest bucket.
    pub fn add(&mut self, value: f64, age_ms: f64) {
        let weight = (-age_ms / HALF_LIFE_MS).exp2();
        *self.buckets.entry(bucket(value)).or_default() += weight;
        self.weight += weight;
    }

    /// The upper end of the bucket that the `share`-quantile lies in; `None` when there are no values.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let wanted = self.weight * share;
        let mut sum = 0.0;
        let reached = |(_, weight): &(&i32, &f64)| {
            sum += **weight;
            sum >= wanted
        };
        let found = self.buckets.iter().find(reached).map(|(index, _)| *index);
        found.or_else(|| self.buckets.keys().next_back().copied()).map(upper)
    }
}

/// The bucket of values from `GROWTH^index` to `GROWTH^(index + 1)`.
fn bucket(value: f64) -> i32 {
    if value > 0.0 { (value.ln() / GROWTH.ln()).floor() as i32 } else { i32::MIN }
}

fn upper(index: i32) -> f64 {
    if index == i32::MIN { 0.0 } else { (f64::from(index + 1) * GROWTH.ln()).exp().min(f64::MAX) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(values: &[(f64, f64)]) -> Histogram {
        let mut histogram = Histogram::default();
        for (value, age_ms) in values {
            histogram.add(*value, *age_ms);
        }
        histogram
    }

    #[test]
    fn a_quantile_is_at_most_one_bucket_too_high() {
        let values: Vec<(f64, f64)> = (1..=1_000_u16).map(|value| (f64::from(value), 0.0)).collect();
        let p90 = histogram(&values).quantile(0.9).expect("values");
        assert!((900.0..=900.0 * GROWTH * GROWTH).contains(&p90), "{p90}");
    }

    #[test]
    fn old_values_fade() {
        let day = HALF_LIFE_MS;
        let mut values = vec![(100.0, 6.0 * day); 100];
        values.extend(vec![(1.0, 0.0); 100]);
        assert!(histogram(&values).quantile(0.9).expect("values") < 1.1);
        assert!(histogram(&values).quantile(0.999).expect("values") > 99.0);
    }

    #[test]
    fn zeros_and_nothing() {
        assert_eq!(histogram(&[(0.0, 0.0), (-1.0, 0.0)]).quantile(0.9), Some(0.0));
        assert_eq!(histogram(&[]).quantile(0.9), None);
    }
}
