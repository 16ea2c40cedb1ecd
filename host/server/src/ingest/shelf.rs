//! All series in memory, and the three moves of a batch: check, then (once it is durable) apply, or forget.

use super::codec::Entry;
use super::config::IngestConfig;
use super::sample::{IngestReport, RefusalReason, Sample};
use super::state::{Effect, Grid, SeriesState};
use crate::store::SeriesRecord;
use forewarm_domain::series::SeriesKey;
use forewarm_domain::time::TimestampMs;
use std::collections::{HashMap, VecDeque};

/// The largest value that is accepted: beyond it a double no longer tells neighbouring whole numbers apart.
const VALUE_MAX: f64 = 1e15;
/// The NaN by which Prometheus marks the end of a series (its `value.StaleNaN`).
pub(crate) const STALE_NAN: u64 = 0x7ff0_0000_0000_0002;

/// All series in memory.
pub(crate) struct Shelf {
    pub grid: Grid,
    pub ids: HashMap<SeriesKey, u32>,
    /// By number.
    pub series: Vec<(SeriesKey, SeriesState)>,
    /// Open steps of all series.
    pub open_steps: usize,
    /// Series with enough late steps to seal, each at most once.
    pub due: VecDeque<u32>,
}

/// A batch that was checked: what is to be journaled, and its report so far.
#[derive(Default)]
pub(crate) struct Checked {
    pub entries: Vec<Entry>,
    pub report: IngestReport,
}

impl Shelf {
    pub(crate) fn new(config: &IngestConfig) -> Self {
        let grid = Grid { step_ms: config.step_ms, late_ms: config.late_limit_ms, hot_steps: config.hot_steps };
        Self { grid, ids: HashMap::new(), series: Vec::new(), open_steps: 0, due: VecDeque::new() }
    }

    pub(crate) fn get(&self, key: &SeriesKey) -> Option<(u32, &SeriesState)> {
        let id = *self.ids.get(key)?;
        self.series.get(id as usize).map(|(_, state)| (id, state))
    }

    pub(crate) fn get_mut(&mut self, id: u32) -> Option<&mut SeriesState> {
        self.series.get_mut(id as usize).map(|(_, state)| state)
    }

    /// Checks a batch. New series are entered at once, and taken back by [`forget`](Self::forget).
    pub(crate) fn check(&mut self, samples: &[Sample], config: &IngestConfig, now: TimestampMs) -> Checked {
        let mut checked = Checked { entries: Vec::with_capacity(samples.len()), ..Checked::default() };
        for (index, sample) in samples.iter().enumerate() {
            if sample.value.to_bits() == STALE_NAN {
                checked.report.stale_markers += 1;
                continue;
            }
            match self.admit(sample, config, now) {
                Ok(series) => checked.entries.push(Entry { series, at: sample.at.0, value: sample.value }),
                Err((reason, detail)) => checked.report.refuse(index, sample, reason, detail),
            }
        }
        // Lateness is judged against what was there before the batch, so it moves only now.
        for entry in &checked.entries {
            if let Some(state) = self.get_mut(entry.series) {
                state.checked_newest = state.checked_newest.max(Some(TimestampMs(entry.at)));
            }
        }
        checked
    }

    fn admit(
        &mut self,
        sample: &Sample,
        config: &IngestConfig,
        now: TimestampMs,
    ) -> Result<u32, (RefusalReason, String)> {
        let Sample { key, at, value } = sample;
        check_value(*value)?;
        if *at < TimestampMs::MIN {
            return Err((RefusalReason::BeforeEpoch, format!("{at} is before 1970")));
        }
        let latest = now + config.future_limit_ms;
        if *at > latest || self.grid.step(*at).is_none() {
            let detail = format!("{at} is later than {latest}, the furthest that clocks may differ");
            return Err((RefusalReason::InTheFuture, detail));
        }
        let Some(id) = self.ids.get(key).copied() else { return self.enter(key, config) };
        let series = self.series.get(id as usize);
        let earliest = series.map_or(TimestampMs::MIN, |(_, state)| state.late_bound(&self.grid));
        if *at < earliest {
            let detail = format!("{at} is earlier than {earliest}, before which this series is sealed");
            return Err((RefusalReason::TooLate, detail));
        }
        Ok(id)
    }

    fn enter(&mut self, key: &SeriesKey, config: &IngestConfig) -> Result<u32, (RefusalReason, String)> {
        let limit = config.max_series;
        let id = u32::try_from(self.series.len()).ok().filter(|_| self.series.len() < limit);
        let id = id.ok_or_else(|| (RefusalReason::TooManySeries, format!("there are {limit} series already")))?;
        self.insert(key.clone(), SeriesState::default());
        Ok(id)
    }

    /// Adds a series under the next number.
    pub(crate) fn insert(&mut self, key: SeriesKey, state: SeriesState) {
        let id = u32::try_from(self.series.len()).unwrap_or(u32::MAX);
        self.ids.insert(key.clone(), id);
        self.series.push((key, state));
    }

    /// The series that were entered after there were `known`.
    pub(crate) fn entered_since(&self, known: usize) -> Vec<SeriesRecord> {
        let entered = self.series.iter().zip(0_u32..).skip(known);
        entered.map(|((key, _), id)| SeriesRecord { id, key: key.clone() }).collect()
    }

    /// Takes one durable sample.
    pub(crate) fn apply(&mut self, entry: Entry) -> Effect {
        let grid = self.grid;
        let Some(state) = self.get_mut(entry.series) else { return Effect::Sealed };
        let (open, was_due) = (state.open_len(), state.is_due(&grid));
        let effect = state.apply(&grid, TimestampMs(entry.at), entry.value);
        let (grown, due) = (state.open_len() - open, state.is_due(&grid));
        self.open_steps += grown;
        if due && !was_due {
            self.due.push_back(entry.series);
        }
        effect
    }

    /// Takes back what checking changed, after the store failed.
    pub(crate) fn forget(&mut self, entries: impl Iterator<Item = Entry>, known: usize) {
        for (key, _) in self.series.drain(known..) {
            self.ids.remove(&key);
        }
        let grid = self.grid;
        for entry in entries {
            if let Some(state) = self.get_mut(entry.series) {
                state.checked_newest = state.latest(&grid).map(|(at, _)| at);
            }
        }
    }
}

fn check_value(value: f64) -> Result<(), (RefusalReason, String)> {
    if !value.is_finite() {
        Err((RefusalReason::NotFinite, format!("{value} is no finite number; leave out what was not measured")))
    } else if value < 0.0 {
        Err((RefusalReason::Negative, format!("{value} is negative")))
    } else if value > VALUE_MAX {
        Err((RefusalReason::TooLarge, format!("{value} is above {VALUE_MAX:e}")))
    } else {
        Ok(())
    }
}
