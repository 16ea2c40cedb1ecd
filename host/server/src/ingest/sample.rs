//! One measured value, and the account of what became of a batch of them.

use forewarm_domain::series::SeriesKey;
use forewarm_domain::time::TimestampMs;
use serde::Serialize;
use utoipa::ToSchema;

/// Refusals that a report lists; the rest are only counted.
pub const REFUSALS_LISTED: usize = 100;

/// One measured value of one series.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Of what.
    pub key: SeriesKey,
    /// When it was measured.
    pub at: TimestampMs,
    /// The value, in the metric's unit.
    pub value: f64,
}

/// What became of a batch.
#[derive(Debug, Clone, PartialEq, Default, Serialize, ToSchema)]
pub struct IngestReport {
    /// Samples that are stored now.
    pub accepted: u64,
    /// Of these, samples that replaced another value at the very same instant.
    pub replaced: u64,
    /// Samples that were stored before: same series, instant and value.
    pub duplicates: u64,
    /// Prometheus' stale markers, which say that a series has ended and carry no value.
    pub stale_markers: u64,
    /// The first refused samples.
    pub refused: Vec<Refusal>,
    /// All refused samples.
    pub refused_total: u64,
}

impl IngestReport {
    pub(crate) fn refuse(&mut self, index: usize, sample: &Sample, reason: RefusalReason, detail: String) {
        self.refused_total += 1;
        if self.refused.len() < REFUSALS_LISTED {
            self.refused.push(Refusal { index, key: sample.key.clone(), at: sample.at, reason, detail });
        }
    }

    /// Adds the account of a further batch, whose first sample is the `offset`-th of all.
    pub fn absorb(&mut self, other: Self, offset: usize) {
        self.accepted += other.accepted;
        self.replaced += other.replaced;
        self.duplicates += other.duplicates;
        self.stale_markers += other.stale_markers;
        self.refused_total += other.refused_total;
        let room = REFUSALS_LISTED.saturating_sub(self.refused.len());
        let moved =
            other.refused.into_iter().take(room).map(|refusal| Refusal { index: refusal.index + offset, ..refusal });
        self.refused.extend(moved);
    }
}

/// One sample that was not stored.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Refusal {
    /// Its place in the batch, from 0.
    pub index: usize,
    /// Of what.
    pub key: SeriesKey,
    /// When it was measured.
    pub at: TimestampMs,
    /// Why it was refused.
    pub reason: RefusalReason,
    /// The same in a sentence, with the limit that it broke.
    pub detail: String,
}

/// Why a sample was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RefusalReason {
    /// NaN or infinite.
    NotFinite,
    /// Below zero.
    Negative,
    /// Above 1e15.
    TooLarge,
    /// Before 1970.
    BeforeEpoch,
    /// Further ahead of the clock than clocks may differ.
    InTheFuture,
    /// Further behind the series' newest sample than samples may be late.
    TooLate,
    /// One series more than the limit.
    TooManySeries,
}
