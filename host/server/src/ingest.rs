//! From what senders send to regular series: decoding, checking, aligning, storing.
//!
//! Alignment: a step's value is the last sample in it, as a gauge is read at the step's end. Samples may come late, in
//! any order and repeatedly; steps further behind the series' newest sample than the late limit are sealed for good.

mod book;
mod codec;
mod config;
pub mod csv;
mod error;
pub mod json;
mod keeper;
pub mod prometheus;
mod replay;
mod sample;
mod shelf;
mod state;

pub use book::{HISTORY_STEPS_MAX, SeriesBook, SeriesInfo};
pub use config::IngestConfig;
pub use error::IngestError;
pub use sample::{IngestReport, REFUSALS_LISTED, Refusal, RefusalReason, Sample};
