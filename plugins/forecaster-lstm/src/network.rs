//! The network: an LSTM over patches whose last state gives the quantiles of all steps ahead at once, beside a linear map
//! from the window.

use candle_core::{D, DType, Device, Result, Tensor};
use serde::{Deserialize, Serialize};

use crate::cell::Cell;
use crate::fan::LEVELS;
use crate::product::product;
use crate::window::{TRAITS, Window};

/// The sizes of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// Values in a patch: one season.
    pub patch: usize,
    /// Patches that it looks back on.
    pub patches: usize,
    /// Values that it predicts at once.
    pub horizon: usize,
    /// Units of the LSTM.
    pub hidden: usize,
}

/// What makes up one network, in the order of [`Shape::tensors`].
pub const TENSORS: [&str; 3] = ["lstm", "head", "skip"];

impl Shape {
    /// Values of a window.
    #[must_use]
    pub fn values(&self) -> usize {
        self.patch * self.patches
    }

    /// Outputs per window: one per level and step, the levels one after the other.
    #[must_use]
    pub fn outputs(&self) -> usize {
        LEVELS.len() * self.horizon
    }

    /// Rows and columns of each tensor: the cell's gates from a patch, 1 and the state before; the outputs from the last
    /// state, the traits and 1; the outputs from the window.
    #[must_use]
    pub fn tensors(&self) -> [(usize, usize); TENSORS.len()] {
        [
            (self.patch + 1 + self.hidden, 4 * self.hidden),
            (self.hidden + TRAITS + 1, self.outputs()),
            (self.values(), self.outputs()),
        ]
    }
}

/// One network.
#[derive(Debug, Clone)]
pub struct Network {
    shape: Shape,
    lstm: Tensor,
    head: Tensor,
    skip: Tensor,
}

/// Windows of several series, as tensors.
pub struct Batch {
    /// `[patches, batch, patch + 1]`; the last column is 1, for the bias.
    patches: Tensor,
    /// `[batch, patches * patch]`
    values: Tensor,
    /// `[batch, traits + 1]`; the last column is 1.
    traits: Tensor,
}

impl Batch {
    /// Lays out windows of this shape.
    ///
    /// # Errors
    /// When a window has another number of values.
    pub fn new(windows: &[&Window], shape: &Shape) -> Result<Self> {
        let (batch, patch) = (windows.len(), shape.patch);
        let values: Vec<f32> = windows.iter().flat_map(|window| window.values.iter().copied()).collect();
        let traits: Vec<f32> = windows.iter().flat_map(|window| window.traits.into_iter().chain([1.0])).collect();
        let values = Tensor::from_vec(values, (batch, shape.values()), &Device::Cpu)?;
        let ones = Tensor::ones((shape.patches, batch, 1), DType::F32, &Device::Cpu)?;
        let by_step = values.reshape((batch, shape.patches, patch))?.transpose(0, 1)?;
        Ok(Self {
            patches: Tensor::cat(&[&by_step, &ones], D::Minus1)?,
            values,
            traits: Tensor::from_vec(traits, (batch, TRAITS + 1), &Device::Cpu)?,
        })
    }
}

impl Network {
    /// Takes tensors of the sizes of [`Shape::tensors`].
    #[must_use]
    pub fn new(shape: Shape, [lstm, head, skip]: [Tensor; TENSORS.len()]) -> Self {
        Self { shape, lstm, head, skip }
    }

    /// Gives the outputs, `[batch, levels * horizon]`; [`crate::fan`] says what they mean.
    ///
    /// # Errors
    /// When the tensors are not of the shape's sizes.
    pub fn forward(&self, batch: &Batch) -> Result<Tensor> {
        let hidden = self.shape.hidden;
        let mut state = Tensor::zeros((batch.values.dim(0)?, 2 * hidden), DType::F32, &Device::Cpu)?;
        for step in 0..self.shape.patches {
            let seen = Tensor::cat(&[&batch.patches.get(step)?, &state.narrow(1, 0, hidden)?], 1)?;
            state = product(&seen, &self.lstm)?.apply_op2(&state, Cell { hidden })?;
        }
        let seen = Tensor::cat(&[&state.narrow(1, 0, hidden)?, &batch.traits], 1)?;
        product(&seen, &self.head)? + product(&batch.values, &self.skip)?
    }
}
