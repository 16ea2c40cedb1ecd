//! Usage as regular series: one value per step, `NaN` where nothing was measured.

use crate::id::ResourceName;
use crate::time::TimestampMs;
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// What is measured of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Processor time in use, in cores.
    CpuCores,
    /// Memory in use, in bytes.
    MemoryBytes,
    /// Disk operations, per second.
    DiskOps,
    /// Disk traffic, in bytes per second.
    DiskBytes,
    /// Network traffic, in bytes per second.
    NetworkBytes,
    /// Requests, or any other unit of load, per second or per step: as the source counts them.
    Requests,
}

impl Metric {
    /// Every metric, in the order in which they are shown.
    pub const ALL: [Self; 6] =
        [Self::CpuCores, Self::MemoryBytes, Self::DiskOps, Self::DiskBytes, Self::NetworkBytes, Self::Requests];

    /// The name used in files, URLs and the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CpuCores => "cpu_cores",
            Self::MemoryBytes => "memory_bytes",
            Self::DiskOps => "disk_ops",
            Self::DiskBytes => "disk_bytes",
            Self::NetworkBytes => "network_bytes",
            Self::Requests => "requests",
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that names no metric.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a metric: use one of cpu_cores, memory_bytes, disk_ops, disk_bytes, network_bytes, requests")]
pub struct UnknownMetric(String);

impl std::str::FromStr for Metric {
    type Err = UnknownMetric;
    fn from_str(text: &str) -> Result<Self, UnknownMetric> {
        Self::ALL
            .into_iter()
            .find(|metric| metric.as_str() == text)
            .ok_or_else(|| UnknownMetric(text.chars().take(80).collect()))
    }
}

/// Names one series: a metric of a resource.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub struct SeriesKey {
    /// What is measured.
    pub resource: ResourceName,
    /// Which of its metrics.
    pub metric: Metric,
}

impl fmt::Display for SeriesKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.resource, self.metric)
    }
}

/// Regular values: `values[i]` belongs to the step that begins at `start + i * step_ms`; `NaN` means missing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Series {
    /// The first step's beginning, a whole multiple of the step.
    pub start: TimestampMs,
    /// The step's length in milliseconds, above zero.
    pub step_ms: i64,
    /// One value per step.
    pub values: Vec<f64>,
}

impl Series {
    /// The instant at which the last step ends: where the future begins.
    #[must_use]
    pub fn end(&self) -> TimestampMs {
        self.start + self.step_ms.saturating_mul(self.values.len() as i64)
    }

    /// The last measured value and the beginning of its step.
    #[must_use]
    pub fn last(&self) -> Option<(TimestampMs, f64)> {
        let index = self.values.iter().rposition(|value| value.is_finite())?;
        Some((self.start + self.step_ms * index as i64, self.values[index]))
    }

    /// The same series up to `end`, with missing values where nothing was measured; as it is where it ends later.
    #[must_use]
    pub fn extended(mut self, end: TimestampMs) -> Self {
        let missing = usize::try_from(end.since(self.end()) / self.step_ms).unwrap_or_default();
        self.values.resize(self.values.len() + missing, f64::NAN);
        self
    }

    /// The means of longer steps of `step_ms`, over what was measured in each; those that are not over yet are left out.
    /// The same series where its steps are as long already.
    #[must_use]
    pub fn coarsened(&self, step_ms: i64) -> Self {
        if step_ms <= self.step_ms {
            return self.clone();
        }
        let start = self.start.floor(step_ms);
        let steps = self.end().since(start) / step_ms;
        let mut sums = vec![(0.0, 0_u32); usize::try_from(steps).unwrap_or_default()];
        for (index, value) in self.values.iter().enumerate().filter(|(_, value)| value.is_finite()) {
            let at = (self.start + self.step_ms * index as i64).since(start) / step_ms;
            if let Some((sum, count)) = sums.get_mut(at as usize) {
                *sum += value;
                *count += 1;
            }
        }
        // Nothing measured gives 0/0, which is the missing value.
        let values = sums.into_iter().map(|(sum, count)| sum / f64::from(count)).collect();
        Self { start, step_ms, values }
    }
}

/// The `q`-quantile (0 to 1) of the finite values, by linear interpolation (type 7 of Hyndman and Fan 1996).
/// `None` when there is none.
#[must_use]
pub fn quantile(values: &[f64], q: f64) -> Option<f64> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let position = q.clamp(0.0, 1.0) * (sorted.len().checked_sub(1)? as f64);
    let (low, high) = (sorted[position.floor() as usize], sorted[position.ceil() as usize]);
    Some(low + (high - low) * position.fract())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_skips_what_is_missing() {
        let series = Series { start: TimestampMs(0), step_ms: 60_000, values: vec![1.0, 2.0, f64::NAN] };
        assert_eq!(series.last(), Some((TimestampMs(60_000), 2.0)));
        assert_eq!(series.end(), TimestampMs(180_000));
    }

    #[test]
    fn what_is_missing_at_the_end_is_filled_up() {
        let series = Series { start: TimestampMs(0), step_ms: 60_000, values: vec![1.0] };
        let longer = series.clone().extended(TimestampMs(200_000));
        assert_eq!((longer.values.len(), longer.end(), longer.values[1].is_nan()), (3, TimestampMs(180_000), true));
        assert_eq!(series.clone().extended(TimestampMs(0)), series);
    }

    #[test]
    fn longer_steps_are_means_of_what_was_measured() {
        let values = vec![1.0, 3.0, f64::NAN, 5.0, f64::NAN, f64::NAN, 7.0];
        let fine = Series { start: TimestampMs(60_000), step_ms: 60_000, values };
        let coarse = fine.coarsened(120_000);
        assert_eq!((coarse.start, coarse.step_ms, coarse.end()), (TimestampMs(0), 120_000, TimestampMs(480_000)));
        assert_eq!((&coarse.values[..2], coarse.values[2].to_bits()), (&[1.0, 3.0][..], 5.0_f64.to_bits()));
        assert!(coarse.values[3].is_finite() && coarse.values.len() == 4, "{coarse:?}");
        assert_eq!(fine.coarsened(60_000).values.len(), 7);
        let short = Series { values: vec![1.0], ..fine };
        assert!(short.coarsened(180_000).values.is_empty(), "the step is not over yet");
    }

    #[test]
    fn quantile_interpolates() {
        assert_eq!(quantile(&[1.0, f64::NAN, 3.0], 0.5), Some(2.0));
        assert_eq!(quantile(&[f64::NAN], 0.5), None);
    }

    #[test]
    fn metrics_have_the_same_name_everywhere() {
        for metric in Metric::ALL {
            assert_eq!(metric.as_str().parse(), Ok(metric));
            assert_eq!(serde_json::to_value(metric).expect("serialises"), metric.as_str());
        }
    }
}
