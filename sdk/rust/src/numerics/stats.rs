//! Moments and quantiles of plain slices, without missing values.

/// The mean; 0 for none.
#[must_use]
pub fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 }
}

/// The mean squared deviation from the mean; 0 for none.
#[must_use]
pub fn variance(values: &[f64]) -> f64 {
    let middle = mean(values);
    if values.is_empty() {
        return 0.0;
    }
    values.iter().map(|value| (value - middle) * (value - middle)).sum::<f64>() / values.len() as f64
}

/// The `level`-quantile of rising values, linear between neighbours (type 7 of Hyndman and Fan); 0 for none.
#[must_use]
pub fn quantile_of_sorted(sorted: &[f64], level: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    let position = level.clamp(0.0, 1.0) * last as f64;
    let index = position as usize;
    let (low, high) = (sorted[index], sorted[(index + 1).min(last)]);
    low + (high - low) * (position - index as f64)
}

/// The median; 0 for none.
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    quantile_of_sorted(&sorted, 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_and_quantiles_agree_with_pen_and_paper() {
        let values = [4.0, 1.0, 3.0, 2.0];
        assert_eq!((mean(&values), variance(&values), median(&values)), (2.5, 1.25, 2.5));
        assert_eq!(quantile_of_sorted(&[1.0, 2.0, 3.0, 4.0], 0.1), 1.3);
        assert_eq!(quantile_of_sorted(&[1.0, 2.0], 1.0), 2.0);
    }

    #[test]
    fn nothing_has_the_moments_zero() {
        assert_eq!((mean(&[]), variance(&[]), median(&[])), (0.0, 0.0, 0.0));
    }
}
