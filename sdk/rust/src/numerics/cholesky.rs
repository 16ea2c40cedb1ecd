//! Small symmetric positive definite systems, as regressions have them.

/// A pivot below this counts as none.
const PIVOT_MIN: f64 = 1e-12;

/// Solves a symmetric positive definite system in place, by its lower triangle in rows; `None` when it is not definite.
#[must_use]
pub fn solve(matrix: &mut [f64], mut right: Vec<f64>) -> Option<Vec<f64>> {
    let n = right.len();
    for i in 0..n {
        for j in 0..=i {
            let sum: f64 = (0..j).map(|k| matrix[i * n + k] * matrix[j * n + k]).sum();
            let rest = matrix[i * n + j] - sum;
            if i == j {
                if rest.is_nan() || rest <= PIVOT_MIN {
                    return None;
                }
                matrix[i * n + i] = rest.sqrt();
            } else {
                matrix[i * n + j] = rest / matrix[j * n + j];
            }
        }
    }
    for i in 0..n {
        let sum: f64 = (0..i).map(|k| matrix[i * n + k] * right[k]).sum();
        right[i] = (right[i] - sum) / matrix[i * n + i];
    }
    for i in (0..n).rev() {
        let sum: f64 = (i + 1..n).map(|k| matrix[k * n + i] * right[k]).sum();
        right[i] = (right[i] - sum) / matrix[i * n + i];
    }
    right.iter().all(|value| value.is_finite()).then_some(right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definite_system_is_solved() {
        let (matrix, expected) = ([4.0, 2.0, 0.5, 2.0, 5.0, 1.0, 0.5, 1.0, 3.0], [1.0, -2.0, 0.25]);
        let right = (0..3).map(|i| (0..3).map(|j| matrix[i * 3 + j] * expected[j]).sum()).collect();
        let found = solve(&mut matrix.clone(), right).expect("definite");
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?}");
    }

    #[test]
    fn indefinite_systems_and_nan_have_no_answer() {
        for matrix in [[1.0, 2.0, 2.0, 1.0], [0.0, 0.0, 0.0, 1.0], [f64::NAN, 0.0, 0.0, 1.0]] {
            assert_eq!(solve(&mut matrix.clone(), vec![1.0, 1.0]), None);
        }
    }
}
