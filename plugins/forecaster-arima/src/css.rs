//! The conditional sum of squares of an ARMA process with a season, and the parameters that make it least.
//!
//! Values before the first are not modelled: errors count from where all autoregressive lags are known, and are zero
//! before. The parameters are found by the method of Levenberg and Marquardt over partial autocorrelations.

use crate::order::Orders;
use crate::polynomial::stationary;
use forewarm_sdk::kernels::{axpy, dot};
use forewarm_sdk::numerics::{cholesky, stats};

/// The most steps of the search for the least sum of squares.
const STEPS_MAX: usize = 25;
/// It ends when a step gains less than this share.
const GAIN_MIN: f64 = 1e-7;
/// The difference that derivatives are taken over.
const DIFFERENCE: f64 = 1e-5;
/// Damping of the first step, and the most that it grows to.
const DAMPING: f64 = 1e-3;
const DAMPING_MAX: f64 = 1e6;
/// Parameters are held within this: partial autocorrelations of at most 0.9999.
const FREE_MAX: f64 = 5.0;

/// A fitted process.
#[derive(Debug, Clone, PartialEq)]
pub struct Fit {
    /// The orders.
    pub orders: Orders,
    /// The free parameters, from which a search for a neighbour can start.
    pub free: Vec<f64>,
    /// The coefficients of the autoregression, `x_t = ar_1 x_{t-1} + ...`.
    pub ar: Vec<f64>,
    /// Those of the moving average, `x_t = e_t + ma_1 e_{t-1} + ...`.
    pub ma: Vec<f64>,
    /// The same for lags of whole seasons.
    pub seasonal_ar: Vec<f64>,
    /// The same for lags of whole seasons.
    pub seasonal_ma: Vec<f64>,
    /// The mean; 0 where none is fitted.
    pub mean: f64,
    /// The mean square of the errors that count.
    pub variance: f64,
    /// How many errors count.
    pub count: usize,
}

impl Fit {
    /// Akaike's criterion with the correction for short series: smaller is better.
    #[must_use]
    pub fn criterion(&self) -> f64 {
        let (count, parameters) = (self.count as f64, self.free.len() as f64 + 1.0);
        if count <= parameters + 1.0 {
            return f64::INFINITY;
        }
        let correction = 2.0 * parameters * (parameters + 1.0) / (count - parameters - 1.0);
        count * libm::log(self.variance.max(f64::MIN_POSITIVE)) + 2.0 * parameters + correction
    }
}

/// Fits a process to differenced values, with a mean where `mean`. Errors count from the index `first`, or from where
/// the autoregression's lags are known, whichever is later. `start` are the free parameters to start from, zeros for
/// those that it lacks.
#[must_use]
pub fn fit(values: &[f64], orders: Orders, mean: bool, first: usize, start: &[f64]) -> Fit {
    let mut problem = Problem { values, orders, mean, first: first.max(orders.lags_of_ar()).min(values.len()) };
    let mut free = start.to_vec();
    free.resize(orders.count() + usize::from(mean), 0.0);
    if mean && start.len() < free.len() {
        free[orders.count()] = stats::mean(values);
    }
    let (mut errors, mut sum) = problem.errors(&free);
    let mut damping = DAMPING;
    for _ in 0..STEPS_MAX {
        if sum <= 0.0 || free.is_empty() {
            break;
        }
        let slopes = problem.slopes(&free, &errors);
        let Some((next, next_errors, next_sum)) = problem.step(&free, &errors, sum, &slopes, &mut damping) else {
            break;
        };
        let gain = 1.0 - next_sum / sum;
        (free, errors, sum) = (next, next_errors, next_sum);
        if gain < GAIN_MIN {
            break;
        }
    }
    problem.first = problem.first.min(values.len().saturating_sub(1));
    problem.finish(free, sum)
}

struct Problem<'a> {
    values: &'a [f64],
    orders: Orders,
    mean: bool,
    first: usize,
}

/// The coefficients that free parameters stand for.
struct Coefficients {
    ar: Vec<f64>,
    ma: Vec<f64>,
    seasonal_ar: Vec<f64>,
    seasonal_ma: Vec<f64>,
    mean: f64,
}

impl Problem<'_> {
    fn coefficients(&self, free: &[f64]) -> Coefficients {
        let Orders { ar, ma, seasonal_ar, .. } = self.orders;
        let part = |from: usize, count: usize| stationary(&free[from..from + count]);
        let negated = |values: Vec<f64>| values.into_iter().map(|value| -value).collect();
        Coefficients {
            ar: part(0, ar),
            ma: negated(part(ar, ma)),
            seasonal_ar: part(ar + ma, seasonal_ar),
            seasonal_ma: negated(part(ar + ma + seasonal_ar, self.orders.seasonal_ma)),
            mean: if self.mean { free[self.orders.count()] } else { 0.0 },
        }
    }

    /// The errors that count, and the sum of their squares.
    fn errors(&self, free: &[f64]) -> (Vec<f64>, f64) {
        let found = self.coefficients(free);
        let centred: Vec<f64> = self.values.iter().map(|value| value - found.mean).collect();
        let mut errors = filtered(&filtered(&centred, &found.ar, 1), &found.seasonal_ar, self.orders.season);
        // Where lags are missing nothing is known: as if all had gone as expected.
        errors[..self.orders.lags_of_ar().min(self.values.len())].fill(0.0);
        unfold(&mut errors, &found.seasonal_ma, self.orders.season);
        unfold(&mut errors, &found.ma, 1);
        let errors = errors.split_off(self.first);
        let sum = dot(&errors, &errors);
        (errors, if sum.is_finite() { sum } else { f64::INFINITY })
    }

    /// How the errors change with each parameter.
    fn slopes(&self, free: &[f64], errors: &[f64]) -> Vec<Vec<f64>> {
        let one = |index: usize| {
            let mut moved = free.to_vec();
            moved[index] += DIFFERENCE;
            let (mut slope, _) = self.errors(&moved);
            slope.iter_mut().zip(errors).for_each(|(moved, error)| *moved = (*moved - error) / DIFFERENCE);
            slope
        };
        (0..free.len()).map(one).collect()
    }

    /// A step that makes the sum smaller, damped until it does. `None` where there is none.
    fn step(
        &self,
        free: &[f64],
        errors: &[f64],
        sum: f64,
        slopes: &[Vec<f64>],
        damping: &mut f64,
    ) -> Option<(Vec<f64>, Vec<f64>, f64)> {
        let width = free.len();
        let right: Vec<f64> = slopes.iter().map(|slope| -dot(slope, errors)).collect();
        let squares: Vec<f64> =
            slopes.iter().flat_map(|a| slopes.iter().map(|b| dot(a, b)).collect::<Vec<_>>()).collect();
        let largest = (0..width).map(|i| squares[i * width + i]).fold(0.0, f64::max);
        while *damping < DAMPING_MAX && largest > 0.0 {
            let mut matrix: Vec<f64> = squares.iter().map(|value| value / largest).collect();
            (0..width).for_each(|i| matrix[i * width + i] = matrix[i * width + i] * (1.0 + *damping) + 1e-9);
            let step = cholesky::solve(&mut matrix, right.iter().map(|value| value / largest).collect());
            if let Some(step) = step {
                let moved: Vec<f64> = free.iter().zip(&step).map(|(value, by)| value + by).collect();
                let moved = self.held(moved);
                let (errors, next) = self.errors(&moved);
                if next < sum {
                    *damping *= 0.1;
                    return Some((moved, errors, next));
                }
            }
            *damping *= 10.0;
        }
        None
    }

    fn held(&self, mut free: Vec<f64>) -> Vec<f64> {
        free.iter_mut().take(self.orders.count()).for_each(|value| *value = value.clamp(-FREE_MAX, FREE_MAX));
        free
    }

    fn finish(&self, free: Vec<f64>, sum: f64) -> Fit {
        let Coefficients { ar, ma, seasonal_ar, seasonal_ma, mean } = self.coefficients(&free);
        let count = self.values.len() - self.first;
        let variance = sum / count.max(1) as f64;
        Fit { orders: self.orders, free, ar, ma, seasonal_ar, seasonal_ma, mean, variance, count }
    }
}

/// `y_t = x_t - c_1 x_{t-s} - c_2 x_{t-2s} - ...`, as far as there are values.
fn filtered(values: &[f64], coefficients: &[f64], step: usize) -> Vec<f64> {
    let mut out = values.to_vec();
    for (index, coefficient) in coefficients.iter().enumerate() {
        if let Some(later) = out.get_mut((index + 1) * step..) {
            axpy(-coefficient, values, later);
        }
    }
    out
}

/// Solves `x_t = e_t + c_1 e_{t-s} + c_2 e_{t-2s} + ...` for `e`, in place.
fn unfold(values: &mut [f64], coefficients: &[f64], step: usize) {
    match (coefficients, step) {
        ([], _) => {}
        ([first], 1) => {
            let mut before = 0.0;
            for value in values {
                before = *value - first * before;
                *value = before;
            }
        }
        ([first, second], 1) => {
            let (mut before, mut earlier) = (0.0, 0.0);
            for value in values {
                (before, earlier) = (*value - first * before - second * earlier, before);
                *value = before;
            }
        }
        _ => {
            // A block of one step's length needs only earlier blocks.
            for from in (step..values.len()).step_by(step) {
                let (known, rest) = values.split_at_mut(from);
                let block_len = step.min(rest.len());
                for (index, coefficient) in coefficients.iter().enumerate() {
                    let Some(at) = from.checked_sub((index + 1) * step) else { break };
                    axpy(-coefficient, &known[at..at + block_len], &mut rest[..block_len]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::differencing::differences;
    use crate::published::{LH, WWW_USAGE, air_passengers};

    fn orders(ar: usize, ma: usize, seasonal_ma: usize, season: usize) -> Orders {
        Orders { ar, ma, seasonal_ar: 0, seasonal_ma, season }
    }

    fn near(found: &[f64], published: &[f64], tolerance: f64) {
        assert_eq!(found.len(), published.len());
        for (found, published) in found.iter().zip(published) {
            assert!((found - published).abs() < tolerance, "{found} for {published}");
        }
    }

    /// R's `arima(lh, c(1, 0, 0), method = "CSS")` and the ordinary regression that it equals.
    #[test]
    fn an_autoregression_is_the_ordinary_regression() {
        let found = fit(&LH, orders(1, 0, 0, 1), true, 0, &[]);
        near(&[found.ar[0], found.mean], &[0.585_987, 2.415_052], 2e-5);
    }

    /// R's `arima(lh, c(3, 0, 0), method = "CSS")$sigma2`.
    #[test]
    fn three_lags_leave_the_published_variance() {
        let found = fit(&LH, orders(3, 0, 0, 1), true, 0, &[]);
        near(&[found.variance], &[0.190_469_2], 1e-6);
        near(&found.ar, &[0.6578, -0.0658, -0.2348], 2e-4);
    }

    /// R's `arima(log10(AirPassengers), c(0, 1, 1), c(0, 1, 1), method = "CSS")`; by exact likelihood it gives -0.4018
    /// and -0.5569, which conditioning on the first year moves.
    #[test]
    fn the_airline_model_has_its_published_coefficients() {
        let stationary = differences(&differences(&air_passengers(), 12), 1);
        let found = fit(&stationary, orders(0, 1, 1, 12), false, 0, &[]);
        near(&[found.ma[0], found.seasonal_ma[0]], &[-0.3772, -0.5724], 1e-3);
        near(&[found.variance * 1e4], &[2.619], 5e-3);
        near(&[found.ma[0], found.seasonal_ma[0]], &[-0.4018, -0.5569], 0.03);
    }

    /// R's `arima(WWWusage, c(3, 1, 0))` and `auto.arima(WWWusage)`, by exact likelihood: conditional ones are near.
    #[test]
    fn www_usage_has_its_published_coefficients() {
        let stationary = differences(&WWW_USAGE, 1);
        let found = fit(&stationary, orders(3, 0, 0, 1), false, 0, &[]);
        near(&found.ar, &[1.1513, -0.6612, 0.3407], 0.03);
        near(&[found.variance], &[9.363], 0.3);
        let found = fit(&stationary, orders(1, 1, 0, 1), false, 0, &[]);
        near(&[found.ar[0], found.ma[0]], &[0.6504, 0.5256], 0.03);
    }

    #[test]
    fn constants_and_short_series_end_in_a_fit() {
        for values in [vec![], vec![1.0], vec![0.0; 40], vec![5.0; 3]] {
            let found = fit(&values, orders(2, 2, 1, 12), true, 0, &[]);
            assert!(found.variance.is_finite() && found.mean.is_finite(), "{values:?}");
        }
    }
}
