//! The network: an LSTM over patches, and a small network over the steps ahead that knows its last state. What it says of
//! a step mixes forecasts that copy, and adds a fan of quantiles.

use candle_core::{D, DType, Device, Result, Tensor};

use crate::cell::Cell;
use crate::mix::{MIXED, Mix, lay_out};
use crate::product::Products;
use crate::shape::{Shape, TENSORS};
use crate::window::{STEP_TRAITS, TRAITS, WEEK, Window};

/// One network.
#[derive(Debug, Clone)]
pub struct Network {
    shape: Shape,
    lstm: Tensor,
    context: Tensor,
    steps: Tensor,
    traits: Tensor,
    outputs: Tensor,
    shift: Tensor,
}

/// Windows of several series, as tensors.
pub struct Batch {
    windows: usize,
    /// `[patches, batch, 2 * patch + 1]`: a patch, what the bases left of it, and 1 for the bias.
    patches: Tensor,
    /// `[batch, traits + 1]`; the last column is 1.
    traits: Tensor,
    /// `[batch, WEEK * patch]`
    rest: Tensor,
    /// `[batch * horizon, STEP_TRAITS]`
    step_traits: Tensor,
    /// `[batch * horizon, MIXED]`
    mixed: Tensor,
}

impl Batch {
    /// Lays out windows of this shape.
    ///
    /// # Errors
    /// When a window has another number of values.
    pub fn new(windows: &[&Window], shape: &Shape) -> Result<Self> {
        let (batch, patch) = (windows.len(), shape.patch);
        let mut patches = Vec::with_capacity(shape.patches * batch * (2 * patch + 1));
        for place in 0..shape.patches {
            for window in windows {
                patches.extend_from_slice(&window.values[place * patch..(place + 1) * patch]);
                // The bases were tried on the latest week only.
                match (place + WEEK).checked_sub(shape.patches) {
                    Some(day) => patches.extend_from_slice(&window.rest[day * patch..(day + 1) * patch]),
                    None => patches.extend(std::iter::repeat_n(0.0, patch)),
                }
                patches.push(1.0);
            }
        }
        let traits: Vec<f32> = windows.iter().flat_map(|window| window.traits.into_iter().chain([1.0])).collect();
        let rest: Vec<f32> = windows.iter().flat_map(|window| window.rest.iter().copied()).collect();
        let ahead = || windows.iter().flat_map(|window| &window.ahead);
        let step_traits: Vec<f32> = ahead().flat_map(|step| step.traits).collect();
        let mixed: Vec<f32> = ahead().flat_map(lay_out).collect();
        let steps = batch * shape.horizon;
        Ok(Self {
            windows: batch,
            patches: Tensor::from_vec(patches, (shape.patches, batch, 2 * patch + 1), &Device::Cpu)?,
            traits: Tensor::from_vec(traits, (batch, TRAITS + 1), &Device::Cpu)?,
            rest: Tensor::from_vec(rest, (batch, WEEK * patch), &Device::Cpu)?,
            step_traits: Tensor::from_vec(step_traits, (steps, STEP_TRAITS), &Device::Cpu)?,
            mixed: Tensor::from_vec(mixed, (steps, MIXED), &Device::Cpu)?,
        })
    }
}

impl Network {
    /// Takes tensors of the sizes of [`Shape::tensors`].
    #[must_use]
    pub fn new(shape: Shape, [lstm, context, steps, traits, outputs, shift]: [Tensor; TENSORS.len()]) -> Self {
        Self { shape, lstm, context, steps, traits, outputs, shift }
    }

    /// Gives the quantiles of every step ahead in the windows' units, `[batch * horizon, levels]`.
    ///
    /// # Errors
    /// When the tensors are not of the shape's sizes.
    pub fn forward(&self, batch: &Batch) -> Result<Tensor> {
        let products = Products::of(batch.windows);
        let (hidden, horizon) = (self.shape.hidden, self.shape.horizon);
        let mut state = Tensor::zeros((batch.windows, 2 * hidden), DType::F32, &Device::Cpu)?;
        for step in 0..self.shape.patches {
            let seen = Tensor::cat(&[&batch.patches.get(step)?, &state.narrow(1, 0, hidden)?], 1)?;
            state = products.product(&seen, &self.lstm)?.apply_op2(&state, Cell { hidden })?;
        }
        let known = Tensor::cat(&[&state.narrow(1, 0, hidden)?, &batch.traits], 1)?;
        let context = products.product(&known, &self.context)?.unsqueeze(1)?;
        let own = products.product(&batch.step_traits, &self.traits)?.reshape((batch.windows, horizon, ()))?;
        let units = own.broadcast_add(&context)?.broadcast_add(&self.steps)?.relu()?.flatten(0, 1)?;
        let ones = Tensor::ones((batch.windows * horizon, 1), DType::F32, &Device::Cpu)?;
        let outputs = products.product(&Tensor::cat(&[&units, &ones], D::Minus1)?, &self.outputs)?;
        let shift = products.product(&Tensor::cat(&[&known, &batch.rest], 1)?, &self.shift)?;
        outputs.apply_op3(&shift, &batch.mixed, Mix)
    }
}
