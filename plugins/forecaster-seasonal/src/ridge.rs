//! Ridge regression from a Gram matrix: weights that are drawn towards zero, feature by feature in its own scale.

use forewarm_sdk::numerics::cholesky;

/// Solves for the weights of `width` features from their Gram matrix and their products with the target, over `rows`
/// rows. `strength` is the weight of zero per row, `floor` the same once; the first feature, the constant, is free.
/// Features that are always zero get no weight. All weights are zero when the system can't be solved.
#[must_use]
pub fn solve(gram: &[f64], products: &[f64], rows: f64, strength: f64, floor: f64) -> Vec<f64> {
    let width = products.len();
    let scales: Vec<f64> = (0..width).map(|i| (gram[i * width + i] / rows.max(1.0)).sqrt()).collect();
    let largest = scales.iter().skip(1).fold(0.0_f64, |most, scale| most.max(*scale));
    let active = |i: usize| scales[i] > 1e-9 * largest && scales[i] > 0.0;
    let mut matrix = vec![0.0; width * width];
    let mut right = vec![0.0; width];
    for i in 0..width {
        if !active(i) {
            matrix[i * width + i] = 1.0;
            continue;
        }
        right[i] = products[i] / scales[i];
        for j in (0..width).filter(|j| active(*j)) {
            matrix[i * width + j] = gram[i * width + j] / (scales[i] * scales[j]);
        }
        matrix[i * width + i] += if i == 0 { 1e-9 * rows } else { strength * rows + floor };
    }
    let Some(solution) = cholesky::solve(&mut matrix, right) else { return vec![0.0; width] };
    (0..width).map(|i| if active(i) { solution[i] / scales[i] } else { 0.0 }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fits `target` on the constant and `columns`.
    fn fit(columns: &[Vec<f64>], target: &[f64], strength: f64) -> Vec<f64> {
        let mut all = vec![vec![1.0; target.len()]];
        all.extend_from_slice(columns);
        let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
        let gram: Vec<f64> = all.iter().flat_map(|a| all.iter().map(|b| product(a, b))).collect();
        let products: Vec<f64> = all.iter().map(|a| product(a, target)).collect();
        solve(&gram, &products, target.len() as f64, strength, 0.0)
    }

    #[test]
    fn a_linear_law_is_found() {
        let x: Vec<f64> = (0..20_i32).map(f64::from).collect();
        let z: Vec<f64> = (0..20_i32).map(|i| f64::from(i * i % 7)).collect();
        let target: Vec<f64> = x.iter().zip(&z).map(|(x, z)| 3.0 + 2.0 * x - 0.5 * z).collect();
        for (weight, expected) in fit(&[x, z], &target, 1e-12).into_iter().zip([3.0, 2.0, -0.5]) {
            assert!((weight - expected).abs() < 1e-6, "{weight} {expected}");
        }
    }

    #[test]
    fn strength_draws_towards_zero_but_not_the_constant() {
        let x: Vec<f64> = (0..20_i32).map(|i| f64::from(i) - 9.5).collect();
        let target: Vec<f64> = x.iter().map(|x| 3.0 + 2.0 * x).collect();
        let weights = fit(&[x], &target, 1.0);
        assert!((weights[0] - 3.0).abs() < 1e-6 && (weights[1] - 1.0).abs() < 1e-6, "{weights:?}");
    }

    #[test]
    fn empty_and_equal_features_do_no_harm() {
        let x: Vec<f64> = (0..20_i32).map(f64::from).collect();
        let weights = fit(&[x.clone(), vec![0.0; 20], x.clone()], &x, 1e-6);
        assert_eq!(weights[2], 0.0);
        assert!((weights[1] + weights[3] - 1.0).abs() < 1e-4, "{weights:?}");
    }
}
