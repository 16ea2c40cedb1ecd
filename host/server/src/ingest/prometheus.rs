//! Prometheus remote-write 1.0: snappy over protobuf, label sets to series.
//!
//! A label set is looked up by its bytes; only one that was never seen is parsed and mapped.

mod labels;
mod mapping;
mod proto;

use super::sample::Sample;
use super::shelf::STALE_NAN;
use bytes::Bytes;
use forewarm_domain::time::TimestampMs;
use labels::{Labels, Target};
use prost::Message;
use proto::{TimeSeries, WriteRequest};
use std::sync::{Mutex, PoisonError};

pub use labels::{LabelProblem, LabelReason};
pub use mapping::{InvalidMapping, MappingConfig};

/// Problems that one answer lists; the rest are only counted.
pub const PROBLEMS_LISTED: usize = 100;

/// How large one request may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemoteWriteLimits {
    /// Bytes after decompression.
    pub max_bytes: usize,
    /// Samples.
    pub max_samples: usize,
}

impl Default for RemoteWriteLimits {
    fn default() -> Self {
        Self { max_bytes: 32 << 20, max_samples: 50_000 }
    }
}

/// Why a request was not decoded at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RemoteWriteError {
    /// Not snappy's block format.
    #[error("the body is not snappy-compressed in the block format: {0}")]
    Snappy(String),
    /// Larger than the limit once decompressed.
    #[error("the body is of {got} bytes once decompressed, the limit is {limit}: lower max_samples_per_send")]
    TooLarge {
        /// Bytes that the header announces.
        got: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// Not a write request of the 1.0 protocol.
    #[error("the body is not a remote-write 1.0 request: {0}")]
    Protobuf(String),
    /// More samples than the limit.
    #[error("the request has more than {limit} samples: lower max_samples_per_send")]
    TooManySamples {
        /// Samples allowed.
        limit: usize,
    },
}

/// What one request held.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RemoteWrite {
    /// The samples of series that are mapped.
    pub samples: Vec<Sample>,
    /// What was left out, and is no fault of the sender.
    pub ignored: Ignored,
    /// The first series that were refused, and why.
    pub problems: Vec<LabelProblem>,
    /// All series that were refused.
    pub problems_total: u64,
}

/// What was left out of one request, by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ignored {
    /// Series that no mapping names.
    pub unmapped_series: u64,
    /// Exemplars.
    pub exemplars: u64,
    /// Native histograms.
    pub histograms: u64,
    /// Descriptions of metrics.
    pub metadata: u64,
    /// Stale markers.
    pub stale_markers: u64,
}

/// Decodes requests and remembers which label set is which series.
pub struct RemoteWriteDecoder {
    limits: RemoteWriteLimits,
    labels: Mutex<Labels>,
}

impl RemoteWriteDecoder {
    /// A decoder that has seen nothing yet.
    ///
    /// # Errors
    /// [`InvalidMapping`] names the entry of the mapping that can't be meant.
    pub fn new(mapping: MappingConfig, limits: RemoteWriteLimits) -> Result<Self, InvalidMapping> {
        mapping.check()?;
        Ok(Self { limits, labels: Mutex::new(Labels::new(mapping)) })
    }

    /// Decodes one request body. Runs for milliseconds, without I/O.
    ///
    /// # Errors
    /// [`RemoteWriteError`] when nothing of it can be used.
    pub fn decode(&self, body: &[u8]) -> Result<RemoteWrite, RemoteWriteError> {
        let request = WriteRequest::decode(self.decompress(body)?).map_err(malformed)?;
        let mut decoded = RemoteWrite::default();
        decoded.ignored.metadata = request.metadata.len() as u64;
        let mut labels = self.labels.lock().unwrap_or_else(PoisonError::into_inner);
        let mut seen = 0;
        for series in request.timeseries {
            let series = TimeSeries::decode(series).map_err(malformed)?;
            seen += series.samples.len();
            if seen > self.limits.max_samples {
                return Err(RemoteWriteError::TooManySamples { limit: self.limits.max_samples });
            }
            decoded.take(&mut labels, &series)?;
        }
        Ok(decoded)
    }

    fn decompress(&self, body: &[u8]) -> Result<Bytes, RemoteWriteError> {
        let broken = |error: snap::Error| RemoteWriteError::Snappy(error.to_string());
        // The header is believed only as far as the limit: nothing is allocated before.
        let got = snap::raw::decompress_len(body).map_err(broken)?;
        if got > self.limits.max_bytes {
            return Err(RemoteWriteError::TooLarge { got, limit: self.limits.max_bytes });
        }
        snap::raw::Decoder::new().decompress_vec(body).map(Bytes::from).map_err(broken)
    }
}

impl RemoteWrite {
    fn take(&mut self, labels: &mut Labels, series: &TimeSeries) -> Result<(), RemoteWriteError> {
        self.ignored.exemplars += series.exemplars.len() as u64;
        self.ignored.histograms += series.histograms.len() as u64;
        let Some(newest) = series.samples.iter().map(|sample| sample.timestamp).max() else { return Ok(()) };
        match labels.resolve(&series.labels, TimestampMs(newest)).map_err(malformed)? {
            Target::Series(key) => {
                for sample in &series.samples {
                    if sample.value.to_bits() == STALE_NAN {
                        self.ignored.stale_markers += 1;
                    } else {
                        let at = TimestampMs(sample.timestamp);
                        self.samples.push(Sample { key: key.clone(), at, value: sample.value });
                    }
                }
            }
            Target::Unmapped => self.ignored.unmapped_series += 1,
            Target::Refused(problem) => {
                self.problems_total += 1;
                if self.problems.len() < PROBLEMS_LISTED {
                    self.problems.push(problem);
                }
            }
        }
        Ok(())
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that `map_err` calls")]
fn malformed(error: prost::DecodeError) -> RemoteWriteError {
    RemoteWriteError::Protobuf(error.to_string())
}

#[cfg(test)]
mod tests;
