//! Polynomials in the lag, few of whose terms differ from zero, and the transform that keeps their roots outside the
//! unit circle.

/// The terms of a polynomial whose constant is one, as lags and factors, lags rising.
pub type Terms = Vec<(usize, f64)>;

/// A polynomial `1 - c_1 B^s - c_2 B^2s - ...` of the lag operator in steps of `step`.
#[must_use]
pub fn of_lags(coefficients: &[f64], step: usize) -> Terms {
    coefficients.iter().enumerate().map(|(index, value)| ((index + 1) * step, -value)).collect()
}

/// The product of two polynomials whose constants are one.
#[must_use]
pub fn product(a: &Terms, b: &Terms) -> Terms {
    let mut terms: Terms = a.iter().chain(b).copied().collect();
    terms.extend(a.iter().flat_map(|(i, x)| b.iter().map(move |(j, y)| (i + j, x * y))));
    terms.sort_by_key(|(lag, _)| *lag);
    terms.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        if same {
            kept.1 += next.1;
        }
        same
    });
    terms
}

/// Makes the coefficients of a stationary autoregression from any numbers: these are taken as partial autocorrelations
/// through the hyperbolic tangent, from which the recursion of Durbin and Levinson gives the coefficients
/// (Monahan 1984).
#[must_use]
pub fn stationary(free: &[f64]) -> Vec<f64> {
    let mut coefficients: Vec<f64> = Vec::with_capacity(free.len());
    for raw in free {
        let partial = libm::tanh(*raw);
        let before = coefficients.clone();
        for (value, mirrored) in coefficients.iter_mut().zip(before.iter().rev()) {
            *value -= partial * mirrored;
        }
        coefficients.push(partial);
    }
    coefficients
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_multiply_out() {
        let airline = product(&of_lags(&[0.4], 1), &of_lags(&[0.6], 12));
        assert_eq!(airline, [(1, -0.4), (12, -0.6), (13, 0.24)]);
        assert_eq!(product(&of_lags(&[1.0], 1), &of_lags(&[1.0], 1)), [(1, -2.0), (2, 1.0)]);
        assert_eq!(product(&Vec::new(), &of_lags(&[0.5], 3)), [(3, -0.5)]);
    }

    #[test]
    fn partial_autocorrelations_give_their_process() {
        let half = libm::atanh(0.5);
        assert_eq!(stationary(&[]), [0.0; 0]);
        assert!((stationary(&[half])[0] - 0.5).abs() < 1e-12);
        // phi_1 = r_1 (1 - r_2) for an autoregression of order 2.
        let found = stationary(&[half, libm::atanh(-0.2)]);
        assert!((found[0] - 0.6).abs() < 1e-12 && (found[1] + 0.2).abs() < 1e-12, "{found:?}");
    }

    #[test]
    fn every_result_is_stationary() {
        for seed in 0..200_u32 {
            let raw: Vec<f64> = (0..4).map(|at| f64::from((seed * 31 + at * 97) % 41) / 10.0 - 2.0).collect();
            let coefficients = stationary(&raw);
            let mut values = vec![1.0, 1.0, 1.0, 1.0];
            for at in 4..60_000 {
                let next: f64 = coefficients.iter().enumerate().map(|(lag, c)| c * values[at - 1 - lag]).sum();
                values.push(next);
            }
            assert!(
                values[59_999].abs() < values[..8].iter().fold(1.0_f64, |most, value| most.max(value.abs())),
                "{raw:?}"
            );
        }
    }
}
