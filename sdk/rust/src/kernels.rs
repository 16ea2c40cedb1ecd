//! Dot product, scaled addition and Gram matrix, unrolled by hand.
//!
//! The sandbox interrupts runaway plugins by a check at every loop iteration, which costs a naive loop up to six times
//! its speed. These run 16 values per iteration, in 128-bit SIMD on wasm. Sums are therefore taken in another order than
//! naively; the same input still gives the same bits.

/// Values per iteration.
const UNROLL: usize = 16;

/// The sum of the products of `a` and `b`; the longer one's surplus is left out.
#[must_use]
#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    let len = a.len().min(b.len());
    let (a_blocks, a_rest) = a[..len].as_chunks::<UNROLL>();
    let (b_blocks, b_rest) = b[..len].as_chunks::<UNROLL>();
    let mut lanes = [0.0_f64; UNROLL];
    for (x, y) in a_blocks.iter().zip(b_blocks) {
        for lane in 0..UNROLL {
            lanes[lane] += x[lane] * y[lane];
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(x, y)| x * y).sum();
    lanes.iter().sum::<f64>() + rest
}

/// Adds `alpha` times `x` to `y`, as far as both reach.
#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
pub fn axpy(alpha: f64, x: &[f64], y: &mut [f64]) {
    let len = x.len().min(y.len());
    let (x_blocks, x_rest) = x[..len].as_chunks::<UNROLL>();
    let (y_blocks, y_rest) = y[..len].as_chunks_mut::<UNROLL>();
    for (x, y) in x_blocks.iter().zip(y_blocks) {
        for lane in 0..UNROLL {
            y[lane] += alpha * x[lane];
        }
    }
    for (x, y) in x_rest.iter().zip(y_rest) {
        *y += alpha * x;
    }
}

/// Adds the Gram matrix of some columns to `out`: `out[i * n + j] += columns[i] . columns[j]` for `n` columns, both
/// triangles. Called block of rows by block of rows, it needs no more memory than one block.
///
/// Nothing happens when `out` is shorter than `n * n`.
#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
pub fn gram(columns: &[&[f64]], out: &mut [f64]) {
    let n = columns.len();
    if out.len() < n * n {
        return;
    }
    for (i, left) in columns.iter().enumerate() {
        for (j, right) in columns.iter().enumerate().skip(i) {
            let product = dot(left, right);
            out[i * n + j] += product;
            if i != j {
                out[j * n + i] += product;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reproducible column of `len` values in (-1, 1).
    fn column(len: usize, seed: u32) -> Vec<f64> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(state) / f64::from(u32::MAX) * 2.0 - 1.0
        };
        (0..len).map(|_| next()).collect()
    }

    fn naive_dot(a: &[f64], b: &[f64]) -> f64 {
        a.iter().zip(b).map(|(x, y)| x * y).sum()
    }

    #[test]
    fn dot_agrees_with_the_naive_form_at_every_length() {
        for len in 0..70 {
            let (a, b) = (column(len, 1), column(len, 2));
            assert!((dot(&a, &b) - naive_dot(&a, &b)).abs() < 1e-12, "{len}");
        }
        assert_eq!(dot(&[1.0, 2.0], &[3.0]), 3.0);
    }

    #[test]
    fn axpy_agrees_with_the_naive_form_at_every_length() {
        for len in 0..70 {
            let (x, mut y) = (column(len, 3), column(len, 4));
            let expected: Vec<f64> = x.iter().zip(&y).map(|(x, y)| y + 0.75 * x).collect();
            axpy(0.75, &x, &mut y);
            assert_eq!(y, expected, "{len}");
        }
    }

    #[test]
    fn gram_adds_up_over_blocks() {
        let columns: Vec<Vec<f64>> = (0..3).map(|seed| column(45, seed)).collect();
        let mut out = vec![0.0; 9];
        for rows in [0..20, 20..45] {
            let block: Vec<&[f64]> = columns.iter().map(|column| &column[rows.clone()]).collect();
            gram(&block, &mut out);
        }
        for i in 0..3 {
            for j in 0..3 {
                assert!((out[i * 3 + j] - naive_dot(&columns[i], &columns[j])).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn gram_leaves_a_short_output_alone() {
        let mut out = [7.0];
        gram(&[&[1.0], &[2.0]], &mut out);
        assert_eq!(out, [7.0]);
    }
}
