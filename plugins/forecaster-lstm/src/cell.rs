//! The cell of the LSTM as one operation: `candle-core` would make a dozen tensors of it in every step, and as many again
//! on the way back.

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor};

use crate::product::contiguous;

/// Takes the gates before their activations, `[batch, 4 hidden]` in the order input, forget, cell, output, and the state
/// before, `[batch, 2 hidden]` (output beside cell); gives the state after.
pub struct Cell {
    /// How many hidden units there are.
    pub hidden: usize,
}

impl CustomOp2 for Cell {
    fn name(&self) -> &'static str {
        "lstm-cell"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        let hidden = self.hidden;
        let (gates, state) = (contiguous(s1, l1)?, contiguous(s2, l2)?);
        let batch = gates.len() / (4 * hidden);
        let mut after = vec![0.0_f32; batch * 2 * hidden];
        for ((gates, state), after) in
            gates.chunks_exact(4 * hidden).zip(state.chunks_exact(2 * hidden)).zip(after.chunks_exact_mut(2 * hidden))
        {
            for unit in 0..hidden {
                let [input, forget, cell, output] = activated(gates, unit, hidden);
                let kept = forget * state[hidden + unit] + input * cell;
                after[hidden + unit] = kept;
                after[unit] = output * tanh(kept);
            }
        }
        Ok((CpuStorage::F32(after), Shape::from((batch, 2 * hidden))))
    }

    fn bwd(
        &self,
        gates: &Tensor,
        state: &Tensor,
        after: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (hidden, batch) = (self.hidden, gates.dim(0)?);
        let flat = |tensor: &Tensor| tensor.contiguous()?.flatten_all()?.to_vec1::<f32>();
        let (gates, state, after, gradient) = (flat(gates)?, flat(state)?, flat(after)?, flat(gradient)?);
        let mut to_gates = vec![0.0_f32; batch * 4 * hidden];
        let mut to_state = vec![0.0_f32; batch * 2 * hidden];
        for row in 0..batch {
            let (wide, narrow) = (row * 4 * hidden..(row + 1) * 4 * hidden, row * 2 * hidden..(row + 1) * 2 * hidden);
            let (gates, out) = (&gates[wide.clone()], &mut to_gates[wide]);
            let (state, after, gradient) = (&state[narrow.clone()], &after[narrow.clone()], &gradient[narrow.clone()]);
            let back = &mut to_state[narrow];
            for unit in 0..hidden {
                let [input, forget, cell, output] = activated(gates, unit, hidden);
                let kept = tanh(after[hidden + unit]);
                let to_kept = gradient[hidden + unit] + gradient[unit] * output * (1.0 - kept * kept);
                out[unit] = to_kept * cell * input * (1.0 - input);
                out[hidden + unit] = to_kept * state[hidden + unit] * forget * (1.0 - forget);
                out[2 * hidden + unit] = to_kept * input * (1.0 - cell * cell);
                out[3 * hidden + unit] = gradient[unit] * kept * output * (1.0 - output);
                back[hidden + unit] = to_kept * forget;
            }
        }
        let device = &candle_core::Device::Cpu;
        Ok((
            Some(Tensor::from_vec(to_gates, (batch, 4 * hidden), device)?),
            Some(Tensor::from_vec(to_state, (batch, 2 * hidden), device)?),
        ))
    }
}

fn activated(gates: &[f32], unit: usize, hidden: usize) -> [f32; 4] {
    [
        sigmoid(gates[unit]),
        sigmoid(gates[hidden + unit]),
        tanh(gates[2 * hidden + unit]),
        sigmoid(gates[3 * hidden + unit]),
    ]
}

fn sigmoid(value: f32) -> f32 {
    0.5 + 0.5 * tanh(0.5 * value)
}

/// A rational approximation within 3e-7 of the function, of products and one quotient only: the same bits on every
/// machine that does not fuse them, and several times as fast as the library's.
fn tanh(value: f32) -> f32 {
    let x = value.clamp(-7.905_311, 7.905_311);
    let square = x * x;
    let above = [
        -2.760_768_5e-16,
        2.000_188e-13,
        -8.604_672e-11,
        5.122_297_3e-8,
        1.485_722_4e-5,
        6.372_619_4e-4,
        4.893_524_6e-3,
    ];
    let below = [1.198_258_4e-6, 1.185_347_1e-4, 2.268_434_6e-3, 4.893_525e-3];
    let horner = |terms: &[f32]| terms.iter().fold(0.0_f32, |sum, term| sum * square + term);
    x * horner(&above) / horner(&below)
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{D, Device, Var};

    const HIDDEN: usize = 3;

    fn varied(rows: usize, columns: usize, seed: f32) -> Var {
        let values: Vec<f32> = (0..rows * columns).map(|at| (at as f32 * 1.7 + seed).sin() * 2.0).collect();
        Var::from_vec(values, (rows, columns), &Device::Cpu).expect("a tensor")
    }

    /// The same cell out of `candle-core`'s own operations.
    fn composed(gates: &Tensor, state: &Tensor) -> Result<Tensor> {
        let part = |place: usize| gates.narrow(1, place * HIDDEN, HIDDEN);
        let sigmoid = |of: Tensor| (of.neg()?.exp()? + 1.0)?.recip();
        let (input, forget, output) = (sigmoid(part(0)?)?, sigmoid(part(1)?)?, sigmoid(part(3)?)?);
        let kept = ((forget * state.narrow(1, HIDDEN, HIDDEN)?)? + (input * part(2)?.tanh()?)?)?;
        Tensor::cat(&[(output * kept.tanh()?)?, kept], D::Minus1)
    }

    fn check(fused: &Tensor, composed: &Tensor) {
        let flat = |tensor: &Tensor| tensor.flatten_all().and_then(|flat| flat.to_vec1::<f32>()).expect("values");
        for (a, b) in flat(fused).iter().zip(flat(composed)) {
            assert!((a - b).abs() < 1e-5, "{a} {b}");
        }
    }

    #[test]
    fn it_is_the_cell_that_plain_operations_make_and_so_is_its_gradient() {
        let (gates, state) = (varied(2, 4 * HIDDEN, 0.3), varied(2, 2 * HIDDEN, 1.1));
        let weights = varied(2, 2 * HIDDEN, 2.0);
        let run = |cell: &dyn Fn() -> Result<Tensor>| {
            let after = cell().expect("shapes fit");
            let slopes = (&after * weights.as_tensor()).and_then(|of| of.sum_all()).and_then(|sum| sum.backward());
            (after, slopes.expect("a gradient"))
        };
        let (after, slopes) = run(&|| gates.apply_op2(&state, Cell { hidden: HIDDEN }));
        let (expected, wanted) = run(&|| composed(&gates, &state));
        check(&after, &expected);
        check(slopes.get(&gates).expect("of the gates"), wanted.get(&gates).expect("of the gates"));
        let cell = |slopes: &candle_core::backprop::GradStore| {
            slopes.get(&state).and_then(|all| all.narrow(1, HIDDEN, HIDDEN).ok()).expect("of the state")
        };
        check(&cell(&slopes), &cell(&wanted));
    }

    #[test]
    fn the_approximation_is_close_everywhere() {
        for at in -2_000..2_000 {
            let value = at as f32 / 100.0;
            assert!((tanh(value) - value.tanh()).abs() < 5e-7, "{value}");
            assert!((sigmoid(value) - 1.0 / (1.0 + (-value).exp())).abs() < 5e-7, "{value}");
        }
    }
}
