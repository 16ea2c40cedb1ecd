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

/// The quantiles at rising `levels` of rising values that have weights, linear between the middles of neighbours' weights
/// and held beyond the outermost ones; 0 for none.
#[must_use]
pub fn quantiles_of_weighted(sorted: &[(f64, f64)], levels: &[f64]) -> Vec<f64> {
    let total: f64 = sorted.iter().map(|(_, weight)| weight).sum();
    let mut quantiles = Vec::with_capacity(levels.len());
    let (mut below, mut before) = (0.0, None);
    for (value, weight) in sorted {
        let middle = below + weight / 2.0;
        while let Some(level) = levels.get(quantiles.len()).filter(|level| **level * total <= middle) {
            let (from, start) = before.unwrap_or((*value, middle));
            let share = if middle > start { (level * total - start) / (middle - start) } else { 1.0 };
            quantiles.push(from + (value - from) * share);
        }
        below += weight;
        before = Some((*value, middle));
    }
    quantiles.resize(levels.len(), before.map_or(0.0, |(last, _)| last));
    quantiles
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

    #[test]
    fn weights_move_quantiles_and_even_ones_do_not() {
        let even = [(1.0, 2.0), (2.0, 2.0), (4.0, 2.0)];
        assert_eq!(quantiles_of_weighted(&even, &[0.0, 0.5, 1.0]), [1.0, 2.0, 4.0]);
        assert_eq!(quantiles_of_weighted(&[(1.0, 1.0), (2.0, 1.0), (4.0, 2.0)], &[0.25, 0.5]), [1.5, 2.0 + 2.0 / 3.0]);
        assert_eq!(quantiles_of_weighted(&[], &[0.3]), [0.0]);
    }
}
