//! What rebuilds a model: what it saved, and what it was shown since.

/// A model is saved anew after so many values. Saving copies all that the model has learned, and the values since take
/// next to nothing, so that this is seldom; it bounds what a rebuilt model has to be shown again.
pub(super) const SAVE_EVERY: usize = 60;

/// See the module's description.
#[derive(Debug)]
pub(super) struct Checkpoint {
    saved: Vec<u8>,
    since: Vec<f64>,
}

impl Checkpoint {
    pub(super) fn new(saved: Vec<u8>) -> Self {
        Self { saved, since: Vec::new() }
    }

    pub(super) fn shown(&mut self, values: &[f64]) {
        self.since.extend_from_slice(values);
    }

    pub(super) fn saved(&self) -> &[u8] {
        &self.saved
    }

    pub(super) fn since(&self) -> &[f64] {
        &self.since
    }

    /// What it takes, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.saved.len() + size_of_val(self.since.as_slice())
    }
}
