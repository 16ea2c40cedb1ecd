//! What is read off one metric's history.

use crate::histogram::Histogram;
use forewarm_sdk::Metric;
use forewarm_sdk::Series;
use forewarm_sdk::words::Usage;

/// The fewest values that are there, and the shortest span, that anything is concluded from.
pub const VALUES_MIN: usize = 60;
/// One hour.
const SPAN_MS_MIN: u64 = 3_600_000;
const DAY_MS: u64 = 86_400_000;

/// Whether a history is long and full enough to conclude something from.
#[must_use]
pub fn is_enough(history: &Series) -> bool {
    history.count_present() >= VALUES_MIN && span_ms(history) >= SPAN_MS_MIN
}

/// The length of a history, missing values included.
#[must_use]
pub fn span_ms(history: &Series) -> u64 {
    history.values.len() as u64 * u64::from(history.step_ms)
}

/// The history of one metric among several, where it is enough.
#[must_use]
pub fn find(usages: &[Usage], metric: Metric) -> Option<&Series> {
    usages.iter().find(|usage| usage.metric == metric).map(|usage| &usage.history).filter(|history| is_enough(history))
}

/// The plain `share`-quantile of the values that are there; 0 where none is.
#[must_use]
pub fn quantile(history: &Series, share: f64) -> f64 {
    let mut values: Vec<f64> = history.present().collect();
    values.sort_unstable_by(f64::total_cmp);
    let index = (share * values.len().saturating_sub(1) as f64).round() as usize;
    values.get(index).copied().unwrap_or(0.0)
}

/// The mean of the values that are there; 0 where none is.
#[must_use]
pub fn mean(history: &Series) -> f64 {
    history.present().sum::<f64>() / history.count_present().max(1) as f64
}

/// The 90th percentile with recent values counting most.
#[must_use]
pub fn recent_p90(history: &Series) -> f64 {
    let mut histogram = Histogram::default();
    for (age, value) in history.values.iter().rev().enumerate().filter(|(_, value)| !value.is_nan()) {
        histogram.add(*value, age as f64 * f64::from(history.step_ms));
    }
    histogram.quantile(0.9).unwrap_or(0.0)
}

/// The 90th percentile of the daily peaks, recent ones counting most, but no less than the last day's peak: a lack of
/// memory ends a process, so that rare peaks matter more than usual values.
#[must_use]
pub fn recent_peak_p90(history: &Series) -> f64 {
    let per_day = usize::try_from(DAY_MS / u64::from(history.step_ms.max(1))).unwrap_or(usize::MAX).max(1);
    let mut histogram = Histogram::default();
    let mut latest = None;
    for (age, day) in history.values.rchunks(per_day).enumerate() {
        let Some(peak) = day.iter().copied().filter(|value| !value.is_nan()).reduce(f64::max) else { continue };
        histogram.add(peak, age as f64 * DAY_MS as f64);
        latest = latest.or(Some(peak));
    }
    histogram.quantile(0.9).unwrap_or(0.0).max(latest.unwrap_or(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hourly(values: Vec<f64>) -> Series {
        Series { start_ms: 0, step_ms: 3_600_000, values }
    }

    #[test]
    fn gaps_do_not_count() {
        let mut values = vec![f64::NAN; 100];
        values[..59].fill(2.0);
        assert!(!is_enough(&hourly(values.clone())));
        values[99] = 4.0;
        let history = hourly(values);
        assert!(is_enough(&history));
        assert_eq!((quantile(&history, 0.5), quantile(&history, 1.0)), (2.0, 4.0));
        assert!((mean(&history) - 122.0 / 60.0).abs() < 1e-12);
    }

    #[test]
    fn memory_goes_by_daily_peaks() {
        let mut values = vec![1.0; 24 * 10];
        for day in 0..10 {
            values[day * 24 + 5] = 8.0;
        }
        let history = hourly(values);
        assert!(recent_p90(&history) < 1.1, "an hour a day is under the 90th percentile");
        assert!((8.0..8.5).contains(&recent_peak_p90(&history)));
    }

    #[test]
    fn a_new_peak_counts_at_once() {
        let mut values = vec![1.0; 24 * 30];
        values[24 * 30 - 1] = 6.0;
        assert!(recent_peak_p90(&hourly(values)) >= 6.0);
    }
}
