//! The sizes of a network, and of all that it is made of.

use serde::{Deserialize, Serialize};

use crate::bases::BASES;
use crate::fan::LEVELS;
use crate::trial::UNITS;
use crate::window::{STEP_TRAITS, TRAITS, WEEK};

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
pub const TENSORS: [&str; 6] = ["lstm", "context", "steps", "traits", "outputs", "shift"];
/// Hidden units of each step ahead.
pub const STEP_HIDDEN: usize = 48;
/// Outputs per step ahead: what is added to the bases' logarithmic shares, the same of the typical errors, and the fan.
pub const OUTPUTS: usize = BASES + UNITS + LEVELS.len();

impl Shape {
    /// Values of a window.
    #[must_use]
    pub fn values(&self) -> usize {
        self.patch * self.patches
    }

    /// Values that a window is made from: the bases are tried on its latest week, with what came before.
    #[must_use]
    pub fn seen(&self) -> usize {
        self.patch * (self.patches + WEEK)
    }

    /// Rows and columns of each tensor: the cell's gates from a patch, what the bases left of it, 1 and the state before;
    /// the hidden units of a step from the last state, traits and 1, from its place and from its own traits; the outputs
    /// from these and 1; what is added to the medians from the last state, traits, 1 and what the bases left.
    #[must_use]
    pub fn tensors(&self) -> [(usize, usize); TENSORS.len()] {
        [
            (2 * self.patch + 1 + self.hidden, 4 * self.hidden),
            (self.hidden + TRAITS + 1, STEP_HIDDEN),
            (self.horizon, STEP_HIDDEN),
            (STEP_TRAITS, STEP_HIDDEN),
            (STEP_HIDDEN + 1, OUTPUTS),
            (self.hidden + TRAITS + 1 + WEEK * self.patch, self.horizon),
        ]
    }
}
