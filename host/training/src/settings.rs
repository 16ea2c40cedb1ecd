//! How to train.

use std::path::PathBuf;

use forecaster_lstm::shape::Shape;
use forecaster_lstm::weights::{BYTES_MAX, MEMBERS_MAX};
use serde::Serialize;

use crate::TrainingError;

/// The longest season that is a patch as it is; longer ones are averaged to patches of 24 values.
const PATCH_MAX: usize = 48;
const PATCH_OF_LONGER: usize = 24;
/// What the file of weights has beside the weights, at most.
const HEADER_BYTES_MAX: usize = 1 << 16;

/// How to train. The defaults were chosen on hourly series, on windows before any that are scored.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrainingSettings {
    /// Steps in the shortest season of the series, 2 to 10,080.
    pub season: usize,
    /// Values at the end of each series that are scored and never trained on; 0 to 1,440.
    pub hold_out: usize,
    /// Networks whose forecasts are averaged, 1 to 32.
    pub members: usize,
    /// The most epochs of each network, 1 to 1,000.
    pub epochs: usize,
    /// Epochs without a better validation before a network is stopped early, from 1.
    pub patience: usize,
    /// Steps of the optimiser in an epoch, 1 to 10,000.
    pub batches: usize,
    /// Windows in a step, 1 to 4,096.
    pub batch: usize,
    /// The largest learning rate, above 0 and at most 1.
    pub learning_rate: f64,
    /// The share of each weight that is taken off per step and unit of learning rate, 0 to 1.
    pub decay: f64,
    /// Units of the LSTM, 1 to 512.
    pub hidden: usize,
    /// Patches that the network looks back on, 2 to 64.
    pub patches: usize,
    /// Whether to go on from the plugin's own weights in place of random ones, with made-up series beside the given ones
    /// and a lower learning rate. Only where the plugin's have the same sizes.
    pub from_own: bool,
    /// Seeds of everything that is random.
    pub seed: u64,
    /// Networks that are trained side by side, 1 to 64.
    pub threads: usize,
    /// Where the data came from, for the card.
    pub source: String,
    /// A folder for checkpoints, which are written after every epoch and taken up again where they fit.
    #[serde(skip)]
    pub checkpoints: Option<PathBuf>,
}

impl Default for TrainingSettings {
    fn default() -> Self {
        Self {
            season: 24,
            hold_out: 0,
            members: 5,
            epochs: 30,
            patience: 20,
            batches: 100,
            batch: 64,
            learning_rate: 0.005,
            decay: 0.02,
            hidden: 32,
            patches: 14,
            from_own: true,
            seed: 1,
            threads: 2,
            source: String::new(),
            checkpoints: None,
        }
    }
}

impl TrainingSettings {
    /// The sizes of the networks.
    #[must_use]
    pub fn shape(&self) -> Shape {
        let patch = if self.season <= PATCH_MAX { self.season } else { PATCH_OF_LONGER };
        Shape { patch, patches: self.patches, horizon: 2 * patch, hidden: self.hidden }
    }

    pub(crate) fn check(&self) -> Result<(), TrainingError> {
        within("season", self.season, 2, 10_080)?;
        within("hold_out", self.hold_out, 0, 1_440)?;
        within("members", self.members, 1, MEMBERS_MAX)?;
        within("epochs", self.epochs, 1, 1_000)?;
        within("patience", self.patience, 1, 1_000)?;
        within("batches", self.batches, 1, 10_000)?;
        within("batch", self.batch, 1, 4_096)?;
        within("hidden", self.hidden, 1, 512)?;
        within("patches", self.patches, 2, 64)?;
        within("threads", self.threads, 1, 64)?;
        let bounds = |name, bounds: &str, got: f64| TrainingError::Setting {
            name,
            bounds: bounds.to_owned(),
            got: got.to_string(),
        };
        if !(self.learning_rate > 0.0 && self.learning_rate <= 1.0) {
            return Err(bounds("learning_rate", "above 0 and at most 1", self.learning_rate));
        }
        if !(0.0..=1.0).contains(&self.decay) {
            return Err(bounds("decay", "0 to 1", self.decay));
        }
        self.check_file()
    }

    /// What could not be loaded is not trained.
    fn check_file(&self) -> Result<(), TrainingError> {
        let weights: usize = self.shape().tensors().iter().map(|(rows, columns)| rows * columns).sum();
        let most = (BYTES_MAX - HEADER_BYTES_MAX) / (weights * size_of::<f32>());
        if self.members <= most {
            return Ok(());
        }
        let bounds = format!("at most {most} for networks of this size, whose file may have {} MiB", BYTES_MAX >> 20);
        Err(TrainingError::Setting { name: "members", bounds, got: self.members.to_string() })
    }
}

fn within(name: &'static str, got: usize, least: usize, most: usize) -> Result<(), TrainingError> {
    if (least..=most).contains(&got) {
        return Ok(());
    }
    Err(TrainingError::Setting { name, bounds: format!("{least} to {most}"), got: got.to_string() })
}
