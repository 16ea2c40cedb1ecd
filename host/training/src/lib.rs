//! Trains the weights of the plugin `forecaster-lstm` natively, on a user's own history.
//!
//! Invariants: the network and its forecasts are the plugin's own code; nothing that is held out is ever looked at before
//! it is scored; the same series, settings and seed give the same weights, whether training went through in one go or was
//! taken up again from its checkpoints. No clock: who calls writes the date into the card.

mod checkpoint;
mod data;
mod error;
mod generate;
mod initial;
mod loss;
mod member;
mod optimizer;
mod sample;
mod score;
mod settings;
mod train;

pub use data::{TrainingSeries, unseen};
pub use error::TrainingError;
pub use forecaster_lstm::weights::{Card, DataCard, HoldOut, Scores, Weights};
pub use generate::{LENGTH, generate};
pub use settings::TrainingSettings;
pub use train::{Epoch, Watch, train};
