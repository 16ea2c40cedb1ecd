//! Why training could not be done.

use std::path::PathBuf;

/// Why training could not be done.
#[derive(Debug, thiserror::Error)]
pub enum TrainingError {
    /// A setting outside its bounds.
    #[error("`{name}` must be {bounds}, got {got}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// What would be right.
        bounds: String,
        /// What was given.
        got: String,
    },
    /// The series are too short to train on.
    #[error(
        "no series has enough values: training needs at least one with {needed} values that move, beside what is held out; the longest has {longest}"
    )]
    TooShort {
        /// How many values would be enough.
        needed: usize,
        /// How many the longest series has.
        longest: usize,
    },
    /// The network could not be run.
    #[error("the network could not be run: {0}")]
    Network(#[from] candle_core::Error),
    /// The threads that train could not be made.
    #[error("a thread for training could not be started: {0}")]
    Threads(String),
    /// A forecast for the scores of what was held out failed.
    #[error("what was held out could not be forecast: {0}")]
    Forecast(String),
    /// A checkpoint could not be written or read.
    #[error("checkpoint {}: {reason}", path.display())]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and what helps.
        reason: String,
    },
    /// Training was stopped by whoever watches it.
    #[error("training was stopped; what was written to checkpoints can be taken up again")]
    Stopped,
}
