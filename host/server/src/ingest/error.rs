//! What can go wrong with a batch as a whole, or with the series book itself.

use crate::store::StoreError;

/// Why a batch was not taken at all, or a series could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IngestError {
    /// The batch is over its limit; nothing was stored.
    #[error("the batch has {got} samples, the limit is {limit}: send it in parts")]
    BatchTooLarge {
        /// Samples in it.
        got: usize,
        /// Samples allowed.
        limit: usize,
    },
    /// More steps were asked for than one answer may have.
    #[error("{got} steps were asked for, at most {limit} can be answered: ask for a shorter span")]
    SpanTooLong {
        /// Steps asked for.
        got: u64,
        /// Steps allowed.
        limit: u64,
    },
    /// No sample of the series was ever stored.
    #[error("there is no series {0}: nothing was ever measured of it")]
    UnknownSeries(String),
    /// A setting is out of range.
    #[error("ingest setting {name} is {value}, but must be {least} to {most}")]
    Config {
        /// Which.
        name: &'static str,
        /// Its value.
        value: i64,
        /// The least that is allowed.
        least: i64,
        /// The most that is allowed.
        most: i64,
    },
    /// The store holds series on another grid.
    #[error(
        "the store's series have steps of {stored} ms, {configured} ms are configured: configure {stored}, or begin with a new store"
    )]
    GridChanged {
        /// The step of what is stored.
        stored: String,
        /// The configured one.
        configured: i64,
    },
    /// The store failed; nothing of the batch counts as stored.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The book was closed.
    #[error("ingest is closed: the host is stopping")]
    Closed,
}
