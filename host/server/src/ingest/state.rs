//! One series in memory: its open steps, and the newest sealed ones for the planner.

use forewarm_domain::series::Series;
use forewarm_domain::time::TimestampMs;
use std::collections::VecDeque;

/// Late steps that are gathered before they are sealed together.
pub(crate) const SEAL_STEPS: u32 = 240;
/// Steps of one chunk, at most.
const CHUNK_STEPS: u32 = 1_024;
/// Missing steps in a row after which a new chunk begins, so that a gap of years takes no room.
const GAP_STEPS: u32 = 64;

/// The grid that all series share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grid {
    pub step_ms: i64,
    pub late_ms: i64,
    pub hot_steps: usize,
}

impl Grid {
    /// The number of the step that contains an instant, counted from 1970; `None` outside what can be counted.
    pub(crate) fn step(&self, at: TimestampMs) -> Option<u32> {
        u32::try_from(at.0.div_euclid(self.step_ms)).ok()
    }

    /// The beginning of a step.
    pub(crate) fn start(&self, step: u32) -> TimestampMs {
        TimestampMs(i64::from(step) * self.step_ms)
    }

    /// The first step that may still change when `newest` is the newest sample.
    fn first_open(&self, newest: TimestampMs) -> u32 {
        self.step(newest - self.late_ms).unwrap_or(0)
    }
}

/// A step that may still change: the latest sample in it wins.
#[derive(Debug, Clone, Copy, PartialEq)]
struct OpenStep {
    step: u32,
    /// When in the step the sample was taken, in milliseconds.
    offset: u32,
    value: f64,
}

/// What a sample did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It is, or once was, the latest of its step; or an earlier one of a step that has a later one.
    Accepted,
    /// It replaced another value of the same instant.
    Replaced,
    /// It was there already.
    Duplicate,
    /// Its step is sealed.
    Sealed,
}

/// Late steps, ready to be written as one chunk.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Span {
    pub start: u32,
    pub values: Vec<f64>,
}

impl Span {
    /// The step after the last one.
    pub(crate) fn end(&self) -> u32 {
        self.start + u32::try_from(self.values.len()).unwrap_or(u32::MAX)
    }

    pub(crate) fn measured(&self) -> u32 {
        self.values.iter().map(|value| u32::from(value.is_finite())).sum()
    }
}

/// One series in memory.
#[derive(Debug, Default)]
pub(crate) struct SeriesState {
    /// Rising by step; steps without a sample are not there.
    open: VecDeque<OpenStep>,
    /// The values of the steps right before `sealed_until`.
    hot: VecDeque<f64>,
    /// The first step that is not sealed.
    sealed_until: u32,
    first: Option<u32>,
    sealed_measured: u64,
    /// The newest sample of batches that were checked, committed or not.
    pub(crate) checked_newest: Option<TimestampMs>,
}

impl SeriesState {
    /// A series of which this much is sealed.
    pub(crate) fn sealed(first: u32, until: u32, measured: u64) -> Self {
        Self { first: Some(first), sealed_until: until, sealed_measured: measured, ..Self::default() }
    }

    /// The earliest instant that is accepted when `newest` is the newest sample so far.
    pub(crate) fn late_bound(&self, grid: &Grid) -> TimestampMs {
        let sealed = grid.start(self.sealed_until);
        self.checked_newest.map_or(sealed, |newest| sealed.max(newest - grid.late_ms))
    }

    /// Takes one sample. The outcome does not depend on the order of samples with different instants.
    pub(crate) fn apply(&mut self, grid: &Grid, at: TimestampMs, value: f64) -> Effect {
        let Some(step) = grid.step(at).filter(|step| *step >= self.sealed_until) else { return Effect::Sealed };
        let offset = u32::try_from(at.0.rem_euclid(grid.step_ms)).unwrap_or(u32::MAX);
        let new = OpenStep { step, offset, value };
        let place = match self.open.back() {
            Some(last) if last.step < step => self.open.len(),
            Some(last) if last.step == step => self.open.len() - 1,
            _ => self.open.partition_point(|open| open.step < step),
        };
        match self.open.get_mut(place).filter(|open| open.step == step) {
            None => {
                self.open.insert(place, new);
                self.first = Some(self.first.map_or(step, |first| first.min(step)));
                Effect::Accepted
            }
            Some(open) if open.offset < offset => {
                *open = new;
                Effect::Accepted
            }
            Some(open) if open.offset > offset => Effect::Accepted,
            Some(open) if open.value.to_bits() == value.to_bits() => Effect::Duplicate,
            Some(open) => {
                *open = new;
                Effect::Replaced
            }
        }
    }

    /// The newest committed sample.
    pub(crate) fn latest(&self, grid: &Grid) -> Option<(TimestampMs, f64)> {
        self.open.back().map(|open| (grid.start(open.step) + i64::from(open.offset), open.value))
    }

    /// Whether so many steps are late that they should be sealed.
    pub(crate) fn is_due(&self, grid: &Grid) -> bool {
        let Some((newest, _)) = self.latest(grid) else { return false };
        self.open.front().is_some_and(|oldest| oldest.step.saturating_add(SEAL_STEPS) <= grid.first_open(newest))
    }

    /// The late steps as spans of at most [`CHUNK_STEPS`].
    pub(crate) fn late_spans(&self, grid: &Grid) -> Vec<Span> {
        let Some((newest, _)) = self.latest(grid) else { return Vec::new() };
        let until = grid.first_open(newest);
        let mut spans: Vec<Span> = Vec::new();
        for open in self.open.iter().take_while(|open| open.step < until) {
            match spans.last_mut() {
                Some(span) if open.step - span.end() <= GAP_STEPS && open.step - span.start < CHUNK_STEPS => {
                    span.values.resize((open.step - span.start) as usize, f64::NAN);
                    span.values.push(open.value);
                }
                _ => spans.push(Span { start: open.step, values: vec![open.value] }),
            }
        }
        spans
    }

    /// Notes that `spans` are in the store now. How many open steps that closed.
    pub(crate) fn seal(&mut self, grid: &Grid, spans: &[Span]) -> usize {
        let before = self.open.len();
        for span in spans {
            while self.open.front().is_some_and(|open| open.step < span.end()) {
                self.open.pop_front();
            }
            self.sealed_measured += u64::from(span.measured());
            self.push_hot(grid, span);
        }
        self.trim_hot(grid);
        before - self.open.len()
    }

    /// Fills the hot window when the book is opened: `values` are those of the steps right before the open ones.
    pub(crate) fn set_hot(&mut self, values: Vec<f64>) {
        self.hot = values.into();
    }

    /// Appends sealed steps to the hot window.
    fn push_hot(&mut self, grid: &Grid, span: &Span) {
        let gap = if self.hot.is_empty() { 0 } else { span.start.saturating_sub(self.sealed_until) as usize };
        if gap >= grid.hot_steps {
            self.hot.clear();
        } else {
            self.hot.extend(std::iter::repeat_n(f64::NAN, gap));
        }
        let skip = span.values.len().saturating_sub(grid.hot_steps);
        if skip > 0 {
            self.hot.clear();
        }
        self.hot.extend(&span.values[skip..]);
        self.sealed_until = span.end();
    }

    /// Drops what lies further back than the hot window reaches.
    fn trim_hot(&mut self, grid: &Grid) {
        let open = self.open.back().map_or(0, |newest| (newest.step + 1 - self.sealed_until) as usize);
        let wanted = grid.hot_steps.saturating_sub(open);
        let surplus = self.hot.len().saturating_sub(wanted);
        self.hot.drain(..surplus);
        self.hot.shrink_to(wanted);
        self.open.shrink_to(self.open.len() + SEAL_STEPS as usize / 4);
    }

    /// The first step of the hot window that is not in memory but sealed, if any: `[that, sealed_until)` is missing.
    pub(crate) fn missing_hot(&self, grid: &Grid) -> Option<u32> {
        let newest = self.open.back().map_or(self.sealed_until, |newest| newest.step + 1);
        let from = newest.saturating_sub(u32::try_from(grid.hot_steps).unwrap_or(u32::MAX));
        (from < self.sealed_until).then_some(from)
    }

    /// The last `steps` steps that are in memory, the newest measured one last.
    pub(crate) fn window(&self, grid: &Grid, steps: usize) -> Option<Series> {
        let end = self.open.back().map(|newest| newest.step + 1)?;
        let sealed_from = self.sealed_until - u32::try_from(self.hot.len()).unwrap_or(0);
        let oldest = if self.hot.is_empty() { self.open.front()?.step } else { sealed_from };
        let start = oldest.max(end.saturating_sub(u32::try_from(steps).unwrap_or(u32::MAX)));
        Some(self.dense(grid, start, end))
    }

    /// What memory knows of `[start, end)`, `NaN` where it knows nothing.
    pub(crate) fn dense(&self, grid: &Grid, start: u32, end: u32) -> Series {
        let mut values = vec![f64::NAN; end.saturating_sub(start) as usize];
        let hot_from = self.sealed_until - u32::try_from(self.hot.len()).unwrap_or(0);
        let hot = (hot_from..self.sealed_until).zip(self.hot.iter().copied());
        let from = self.open.partition_point(|open| open.step < start);
        let open = self.open.range(from..).map(|open| (open.step, open.value));
        for (step, value) in hot.chain(open) {
            if step >= start && step < end {
                values[(step - start) as usize] = value;
            }
        }
        Series { start: grid.start(start), step_ms: grid.step_ms, values }
    }

    /// The open steps as samples, for a rewrite of the journal.
    pub(crate) fn open_samples<'a>(&'a self, grid: &'a Grid) -> impl Iterator<Item = (TimestampMs, f64)> + 'a {
        self.open.iter().map(|open| (grid.start(open.step) + i64::from(open.offset), open.value))
    }

    pub(crate) fn open_len(&self) -> usize {
        self.open.len()
    }

    pub(crate) fn sealed_until(&self) -> u32 {
        self.sealed_until
    }

    /// The first measured step and the step after the last one; `None` when nothing is measured.
    pub(crate) fn extent(&self) -> Option<(u32, u32)> {
        let end = self.open.back().map_or(self.sealed_until, |newest| newest.step + 1);
        Some((self.first?, end))
    }

    /// How many steps were measured.
    pub(crate) fn measured(&self) -> u64 {
        self.sealed_measured + self.open.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRID: Grid = Grid { step_ms: 60_000, late_ms: 600_000, hot_steps: 5 };

    fn with(steps: impl IntoIterator<Item = u32>) -> SeriesState {
        let mut state = SeriesState::default();
        for step in steps {
            assert_eq!(state.apply(&GRID, GRID.start(step), f64::from(step)), Effect::Accepted);
        }
        state
    }

    #[test]
    fn late_steps_become_spans_that_skip_gaps() {
        // Newest is step 5,000, so that steps before 4,990 are late.
        let state = with((0..3).chain([10]).chain(1_000..3_000).chain(4_985..=5_000));
        let spans = state.late_spans(&GRID);
        let shown: Vec<(u32, u32, u32)> = spans.iter().map(|span| (span.start, span.end(), span.measured())).collect();
        assert_eq!(shown, [(0, 11, 4), (1_000, 2_024, 1_024), (2_024, 3_000, 976), (4_985, 4_990, 5)]);
        assert!(spans[0].values[3].is_nan());
        assert!(state.is_due(&GRID));
    }

    #[test]
    fn sealed_steps_stay_in_the_window_and_closed() {
        let mut state = with((0..300).chain(303..=310));
        let before = state.window(&GRID, 400).expect("known");
        let spans = state.late_spans(&GRID);
        assert_eq!(state.seal(&GRID, &spans), 300);
        assert_eq!((state.open_len(), state.measured(), state.extent()), (8, 308, Some((0, 311))));
        assert_eq!(state.apply(&GRID, GRID.start(299), 7.0), Effect::Sealed);
        assert_eq!(state.late_bound(&GRID), GRID.start(300));
        // Eleven steps are open, so the window of five needs nothing sealed.
        let after = state.window(&GRID, 5).expect("known");
        assert_eq!(after.values, before.values[before.values.len() - 5..]);
        assert!(!state.is_due(&GRID));
    }
}
