//! Autocorrelation, and whether it speaks for a season.

use crate::kernels;
use crate::numerics::stats;

/// The `z` of a 90% interval on both sides, as the seasonality test of the M competitions has it.
const Z_90: f64 = 1.645;

/// The autocorrelations of lags 0 to `lag_max`; zeros where the values do not vary.
#[must_use]
pub fn autocorrelations(values: &[f64], lag_max: usize) -> Vec<f64> {
    let middle = stats::mean(values);
    let centred: Vec<f64> = values.iter().map(|value| value - middle).collect();
    let whole = kernels::dot(&centred, &centred);
    let one = |lag: usize| match centred.get(lag..) {
        Some(later) if whole > 0.0 => kernels::dot(later, &centred) / whole,
        _ => 0.0,
    };
    (0..=lag_max).map(one).collect()
}

/// Whether the values repeat after `period` steps: its autocorrelation lies outside Bartlett's 90% interval given the
/// shorter lags (the test of the M4 competition's Naive2). Needs two periods of values.
///
/// Lags are looked at in strides for long periods, so that a week of minutes costs no more than 200 lags.
#[must_use]
pub fn repeats_at(values: &[f64], period: usize) -> bool {
    if period == 0 || values.len() < 2 * period {
        return false;
    }
    let stride = period.div_ceil(200);
    let middle = stats::mean(values);
    let centred: Vec<f64> = values.iter().map(|value| value - middle).collect();
    let whole = kernels::dot(&centred, &centred);
    if whole <= 0.0 {
        return false;
    }
    let at = |lag: usize| kernels::dot(&centred[lag..], &centred) / whole;
    let shorter: f64 = (1..period).step_by(stride).map(|lag| at(lag) * at(lag)).sum::<f64>() * stride as f64;
    at(period) > Z_90 * ((1.0 + 2.0 * shorter) / values.len() as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(step: usize) -> f64 {
        ((step * 7_919 + step * step * 104_729) % 1_009) as f64 / 1_009.0
    }

    #[test]
    fn autocorrelations_of_a_small_series() {
        let found = autocorrelations(&[1.0, 2.0, 3.0, 4.0], 2);
        for (found, expected) in found.iter().zip([1.0, 0.25, -0.3]) {
            assert!((found - expected).abs() < 1e-12, "{found}");
        }
        assert_eq!(autocorrelations(&[5.0; 4], 6), [0.0; 7]);
    }

    #[test]
    fn a_season_is_told_from_noise() {
        let wave: Vec<f64> = (0..240).map(|step| (step % 24) as f64 + noise(step)).collect();
        let flat: Vec<f64> = (0..240).map(noise).collect();
        assert!(repeats_at(&wave, 24));
        assert!(!repeats_at(&flat, 24));
        assert!(!repeats_at(&wave[..40], 24), "less than two periods");
        assert!(!repeats_at(&[1.0; 100], 24));
    }
}
