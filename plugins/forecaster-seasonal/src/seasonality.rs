//! Which of the periods a series repeats at.

use crate::history::History;

/// The least strength at which a period is reported.
const STRENGTH_MIN: f64 = 0.1;

/// Gives the strength of each period that the history covers at least twice: the share of the variance that the value
/// one period before explains, R squared of one on the other. Strongest first, weak ones left out.
#[must_use]
pub fn strengths(history: &History, periods: &[usize]) -> Vec<(usize, f64)> {
    let values = history.values();
    let mut found: Vec<(usize, f64)> = periods
        .iter()
        .filter(|period| values.len() >= 2 * **period)
        .map(|period| (*period, explained(&values[..values.len() - period], &values[*period..])))
        .filter(|(_, strength)| *strength >= STRENGTH_MIN)
        .collect();
    found.sort_by(|a, b| b.1.total_cmp(&a.1));
    found
}

/// R squared of the regression of `later` on `earlier`, 0 where the relation is negative.
fn explained(earlier: &[f32], later: &[f32]) -> f64 {
    let count = earlier.len() as f64;
    let mean = |values: &[f32]| values.iter().map(|value| f64::from(*value)).sum::<f64>() / count;
    let (mean_x, mean_y) = (mean(earlier), mean(later));
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for (x, y) in earlier.iter().zip(later) {
        let (x, y) = (f64::from(*x) - mean_x, f64::from(*y) - mean_y);
        xx += x * x;
        yy += y * y;
        xy += x * y;
    }
    if xy <= 0.0 || xx <= 0.0 || yy <= 0.0 { 0.0 } else { (xy * xy / (xx * yy)).min(1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(count: usize, value: impl Fn(usize) -> f64) -> Vec<(usize, f64)> {
        let values: Vec<f64> = (0..count).map(value).collect();
        strengths(&History::new(20_160, &values).expect("not all missing"), &[24, 168])
    }

    #[test]
    fn a_repeating_series_is_told_from_one_that_does_not() {
        let wave = |step: usize| (step % 24) as f64;
        assert!(found(400, wave).iter().any(|(period, strength)| *period == 24 && *strength > 0.99));
        assert!(found(4_000, |step| ((step * step * 31 + step * 17) % 997) as f64).is_empty());
        assert!(found(400, |_| 3.0).is_empty());
        assert!(found(40, wave).is_empty(), "less than two periods");
    }
}
