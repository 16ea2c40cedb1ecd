//! Products with the weights, for a few windows. `candle-core` lays a matrix out anew before it multiplies, which one window
//! does not pay back; and the sandbox checks at every iteration of a loop, hence the long ones here.

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};

/// From so many windows on, `candle-core`'s own product is the faster one.
const MANY: usize = 8;
/// Columns per iteration.
const COLUMNS: usize = 16;
/// Rows of weights per pass over the sums.
const ROWS: usize = 4;

/// How to multiply.
#[derive(Debug, Clone, Copy)]
pub struct Products {
    few: bool,
}

impl Products {
    /// For so many windows, whatever the number of rows that they have.
    #[must_use]
    pub fn of(windows: usize) -> Self {
        Self { few: windows < MANY }
    }

    /// Multiplies rows, `[rows, inputs]`, by weights, `[inputs, outputs]`.
    ///
    /// # Errors
    /// When the sizes do not fit each other.
    pub fn product(self, rows: &Tensor, weights: &Tensor) -> Result<Tensor> {
        if self.few { rows.contiguous()?.apply_op2(weights, Product) } else { rows.matmul(weights) }
    }
}

/// The product as one pass over the weights.
struct Product;

impl CustomOp2 for Product {
    fn name(&self) -> &'static str {
        "product"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        let ((batch, inputs), (rows, outputs)) = (l1.shape().dims2()?, l2.shape().dims2()?);
        if inputs != rows {
            bail!("product: {inputs} inputs, but weights for {rows}");
        }
        let (windows, weights) = (contiguous(s1, l1)?, contiguous(s2, l2)?);
        let mut sums = vec![0.0; batch * outputs];
        for (window, sums) in windows.chunks_exact(inputs).zip(sums.chunks_exact_mut(outputs)) {
            multiply(window, weights, sums);
        }
        Ok((CpuStorage::F32(sums), Shape::from((batch, outputs))))
    }

    fn bwd(
        &self,
        windows: &Tensor,
        weights: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        Ok((Some(gradient.matmul(&weights.t()?)?), Some(windows.t()?.matmul(gradient)?)))
    }
}

/// Adds each input's row of weights, by the input, to the sums. Sums are taken in the same order with and without SIMD.
#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
fn multiply(inputs: &[f32], weights: &[f32], sums: &mut [f32]) {
    let (groups, last) = inputs.as_chunks::<ROWS>();
    let (grouped, rest) = weights.split_at(groups.len() * ROWS * sums.len());
    for (group, rows) in groups.iter().zip(grouped.chunks_exact(ROWS * sums.len())) {
        add_rows(group, rows, sums);
    }
    for (input, row) in last.iter().zip(rest.chunks_exact(sums.len())) {
        for (sum, weight) in sums.iter_mut().zip(row) {
            *sum += input * weight;
        }
    }
}

#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
fn add_rows(inputs: &[f32; ROWS], rows: &[f32], sums: &mut [f32]) {
    let (a, rows) = rows.split_at(sums.len());
    let (b, rows) = rows.split_at(sums.len());
    let (c, d) = rows.split_at(sums.len());
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<COLUMNS>(), b.as_chunks::<COLUMNS>());
    let ((c, c_rest), (d, d_rest)) = (c.as_chunks::<COLUMNS>(), d.as_chunks::<COLUMNS>());
    let (blocks, sums_rest) = sums.as_chunks_mut::<COLUMNS>();
    let sum = |a: f32, b: f32, c: f32, d: f32| inputs[0] * a + inputs[1] * b + (inputs[2] * c + inputs[3] * d);
    for ((block, (a, b)), (c, d)) in blocks.iter_mut().zip(a.iter().zip(b)).zip(c.iter().zip(d)) {
        for at in 0..COLUMNS {
            block[at] += sum(a[at], b[at], c[at], d[at]);
        }
    }
    for (at, rest) in sums_rest.iter_mut().enumerate() {
        *rest += sum(a_rest[at], b_rest[at], c_rest[at], d_rest[at]);
    }
}

/// The values of a tensor of `f32` that lie one after the other.
pub(crate) fn contiguous<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let CpuStorage::F32(values) = storage else { bail!("values must be f32") };
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&values[start..end]),
        None => bail!("values must be contiguous"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{Device, Var};

    fn varied(rows: usize, columns: usize, seed: f32) -> Var {
        let values: Vec<f32> = (0..rows * columns).map(|at| (at as f32 * 1.7 + seed).sin()).collect();
        Var::from_vec(values, (rows, columns), &Device::Cpu).expect("a tensor")
    }

    fn close(ours: &Tensor, other: &Tensor) {
        let flat = |tensor: &Tensor| tensor.flatten_all().and_then(|flat| flat.to_vec1::<f32>()).expect("values");
        let (ours, other) = ((ours.dims(), flat(ours)), (other.dims(), flat(other)));
        assert_eq!(ours.0, other.0);
        let most = other.1.iter().fold(1.0_f32, |most, value| most.max(value.abs()));
        for (a, b) in ours.1.iter().zip(&other.1) {
            assert!((a - b).abs() < 1e-5 * most, "{a} {b}");
        }
    }

    #[test]
    fn it_is_the_product_of_any_sizes_and_so_is_its_gradient() {
        for (batch, inputs, outputs) in [(1, 1, 1), (1, 4, 16), (2, 7, 37), (3, 89, 256), (7, 13, 5)] {
            let (windows, weights) = (varied(batch, inputs, 0.1), varied(inputs, outputs, 0.7));
            let (ours, other) = (Products::of(1).product(&windows, &weights), windows.matmul(&weights));
            let (ours, other) = (ours.expect("sizes fit"), other.expect("sizes fit"));
            close(&ours, &other);
            let slopes = |of: &Tensor| of.sqr().and_then(|of| of.backward()).expect("a gradient");
            let (ours, other) = (slopes(&ours), slopes(&other));
            for of in [&windows, &weights] {
                close(ours.get(of).expect("a slope"), other.get(of).expect("a slope"));
            }
        }
    }

    #[test]
    fn windows_may_lie_in_any_order() {
        let turned = varied(7, 3, 0.1).t().expect("turns");
        let weights = varied(7, 20, 0.7);
        close(
            &Products::of(1).product(&turned, &weights).expect("sizes fit"),
            &turned.matmul(&weights).expect("sizes fit"),
        );
    }

    #[test]
    fn sizes_that_do_not_fit_are_told() {
        assert!(Products::of(1).product(&varied(1, 3, 0.0), &varied(4, 2, 0.0)).is_err());
    }
}
