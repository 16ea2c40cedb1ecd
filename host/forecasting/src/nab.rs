//! The score of the Numenta Anomaly Benchmark (Lavin and Ahmad 2015, arXiv 1510.03336; the corpus' version 1.1 with its
//! standard profile): early finds in a labelled window count, false alarms cost, and the whole is set between a
//! detector that finds nothing (0) and a perfect one (100).

use std::cmp::Reverse;
use std::ops::RangeInclusive;

/// What a window without a find costs; a find at its very beginning gains as much.
const MISS: f64 = 1.0;
/// What a false alarm costs, far from every window.
const FALSE_ALARM: f64 = 0.11;
/// The beginning that is not scored: this share of the rows, of at most so many.
const PROBATION: (f64, usize) = (0.15, 5_000);

/// One series of the corpus: a detector's scores and the windows of rows that were labelled, apart and rising.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    scores: Vec<f64>,
    windows: Vec<RangeInclusive<usize>>,
}

/// What is wrong with a series of the corpus.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NabError {
    /// A window is none of the series', or meets the one before it.
    #[error("window {window} (rows {first} to {last}) should be of rising rows after the one before, below {rows}")]
    Window {
        /// Its number, from 0.
        window: usize,
        /// Its first row.
        first: usize,
        /// Its last row.
        last: usize,
        /// The series' rows.
        rows: usize,
    },
    /// A score is no number.
    #[error("the score of row {row} is no number")]
    Score {
        /// The row, from 0.
        row: usize,
    },
}

/// What became of one threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// Rows with at least this score are alarms.
    pub threshold: f64,
    /// The score: 0 of a detector that finds nothing, 100 of a perfect one.
    pub score: f64,
    /// Windows with an alarm.
    pub found: usize,
    /// Windows.
    pub windows: usize,
    /// Alarms outside every window.
    pub false_alarms: usize,
}

/// What an alarm in a row is worth.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Worth {
    /// In a window, by its number over all series: the best alarm of a window counts.
    Find(usize, f64),
    /// Outside: each counts.
    False(f64),
}

impl Judged {
    /// Checks the windows and the scores.
    ///
    /// # Errors
    /// [`NabError`], naming the window or the row.
    pub fn new(scores: Vec<f64>, windows: Vec<RangeInclusive<usize>>) -> Result<Self, NabError> {
        if let Some(row) = scores.iter().position(|score| score.is_nan()) {
            return Err(NabError::Score { row });
        }
        let mut free = 0;
        for (window, rows) in windows.iter().enumerate() {
            let (first, last) = (*rows.start(), *rows.end());
            if first < free || last < first || last >= scores.len() {
                return Err(NabError::Window { window, first, last, rows: scores.len() });
            }
            free = last + 1;
        }
        Ok(Self { scores, windows })
    }

    /// The rows at the beginning that are not scored.
    #[must_use]
    pub fn probation(rows: usize) -> usize {
        (PROBATION.0 * rows.min(PROBATION.1) as f64).floor() as usize
    }

    /// The scored rows: their score, and what an alarm there is worth; `first` is the number of the first window.
    fn rows(&self, first: usize) -> impl Iterator<Item = (f64, Worth)> {
        (Self::probation(self.scores.len())..self.scores.len())
            .map(move |row| (self.scores[row], self.worth(row, first)))
    }

    fn worth(&self, row: usize, first: usize) -> Worth {
        let at = self.windows.partition_point(|window| *window.end() < row);
        if let Some(window) = self.windows.get(at).filter(|window| window.contains(&row)) {
            let length = (window.end() - window.start() + 1) as f64;
            let position = -((window.end() - row + 1) as f64) / length;
            return Worth::Find(first + at, scaled_sigmoid(position) / scaled_sigmoid(-1.0));
        }
        let before = at.checked_sub(1).and_then(|at| self.windows.get(at));
        let position = before.map_or(f64::INFINITY, |window| {
            (row - window.end()) as f64 / ((window.end() - window.start()) as f64).max(1.0)
        });
        Worth::False(FALSE_ALARM * scaled_sigmoid(position))
    }

    /// The windows that reach beyond the probation: the others can't be found.
    fn windows_scored(&self) -> usize {
        let probation = Self::probation(self.scores.len());
        self.windows.iter().filter(|window| *window.end() >= probation).count()
    }
}

/// 1 far before the end of a window (at 0), -1 far after it; positions are in lengths of the window.
fn scaled_sigmoid(position: f64) -> f64 {
    if position >= 3.0 { -1.0 } else { 2.0 / (1.0 + (5.0 * position).exp()) - 1.0 }
}

/// Scores at one threshold for all series.
#[must_use]
pub fn at(threshold: f64, corpus: &[Judged]) -> Outcome {
    let mut tally = Tally::new(corpus);
    for (score, worth) in rows(corpus) {
        if score >= threshold {
            tally.alarm(worth);
        }
    }
    tally.outcome(threshold)
}

/// Scores at the threshold, one for all series, at which the score is highest: the benchmark's own protocol. Of equal
/// ones the highest threshold; infinity when finding nothing is best.
#[must_use]
pub fn best(corpus: &[Judged]) -> Outcome {
    let mut alarms: Vec<_> = rows(corpus).collect();
    alarms.sort_by_key(|(score, _)| Reverse(total_order(*score)));
    let mut tally = Tally::new(corpus);
    let mut best = tally.outcome(f64::INFINITY);
    for group in alarms.chunk_by(|(one, _), (other, _)| one == other) {
        group.iter().for_each(|(_, worth)| tally.alarm(*worth));
        let outcome = tally.outcome(group[0].0);
        if outcome.score > best.score {
            best = outcome;
        }
    }
    best
}

/// An integer in the order of the number.
fn total_order(number: f64) -> i64 {
    let bits = number.to_bits() as i64;
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

fn rows(corpus: &[Judged]) -> impl Iterator<Item = (f64, Worth)> {
    let mut windows = 0;
    corpus.iter().flat_map(move |judged| {
        let first = windows;
        windows += judged.windows.len();
        judged.rows(first)
    })
}

/// What alarms have been worth so far.
struct Tally {
    /// The best alarm of every window.
    finds: Vec<Option<f64>>,
    gained: f64,
    false_alarms: usize,
    windows: usize,
}

impl Tally {
    fn new(corpus: &[Judged]) -> Self {
        let finds = corpus.iter().map(|judged| judged.windows.len()).sum();
        let windows = corpus.iter().map(Judged::windows_scored).sum();
        Self { finds: vec![None; finds], gained: 0.0, false_alarms: 0, windows }
    }

    fn alarm(&mut self, worth: Worth) {
        match worth {
            Worth::False(cost) => {
                self.gained += cost;
                self.false_alarms += 1;
            }
            Worth::Find(window, gain) => {
                if let Some(find) = self.finds.get_mut(window) {
                    let before = find.unwrap_or(-MISS);
                    self.gained += (gain - before).max(0.0);
                    *find = Some(before.max(gain));
                }
            }
        }
    }

    fn outcome(&self, threshold: f64) -> Outcome {
        let windows = self.windows as f64;
        // Every window is missed at first; a perfect detector gains 1 for each.
        let score = if self.windows == 0 { 0.0 } else { 100.0 * self.gained / (windows * (1.0 + MISS)) };
        let found = self.finds.iter().flatten().count();
        Outcome { threshold, score, found, windows: self.windows, false_alarms: self.false_alarms }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A series of 1,000 rows with alarms and windows.
    fn judged(alarms: &[usize], windows: &[RangeInclusive<usize>]) -> Judged {
        let mut scores = vec![0.0; 1_000];
        alarms.iter().for_each(|row| scores[*row] = 1.0);
        Judged::new(scores, windows.to_vec()).expect("fits")
    }

    #[test]
    fn nothing_is_zero_and_perfection_a_hundred() {
        let windows = [300..=399, 700..=799];
        assert_eq!(best(&[judged(&[], &windows)]).score, 0.0);
        let perfect = best(&[judged(&[300, 700], &windows)]);
        assert!((perfect.score - 100.0).abs() < 1e-9 && perfect.found == 2, "{perfect:?}");
        assert_eq!(perfect.threshold, 1.0);
    }

    #[test]
    fn a_false_alarm_costs_by_its_distance() {
        // The published results of the benchmark have -0.11 for one false alarm in a series without windows, and
        // 12 of them -1.32 (the windowed Gaussian on ec2_cpu_utilization_c6585a).
        let far = at(0.5, &[judged(&[200], &[300..=399])]);
        assert!((far.score + 100.0 * 0.11 / 2.0).abs() < 1e-9, "{far:?}");
        let near = at(0.5, &[judged(&[401], &[300..=399])]);
        assert!(near.score > far.score && near.score < 0.0);
        assert_eq!(best(&[judged(&[200], &[300..=399])]).threshold, f64::INFINITY);
    }

    #[test]
    fn positions_count_as_the_benchmark_says() {
        // From the benchmark's description: 0.98661 at the left edge, 0.84828 in the middle, 0 at the right edge.
        for (position, wanted) in [(-1.0, 0.98661), (-0.5, 0.84828), (0.0, 0.0), (1.0, -0.98661), (9.0, -1.0)] {
            assert!((scaled_sigmoid(position) - wanted).abs() < 1e-5, "{position}");
        }
    }

    #[test]
    fn the_beginning_is_not_scored() {
        assert_eq!([0, 1_000, 5_000, 20_000].map(Judged::probation), [0, 150, 750, 750]);
        let early = at(0.5, &[judged(&[10, 20, 149], &[300..=399])]);
        assert_eq!((early.false_alarms, early.score), (0, 0.0));
        assert_eq!(at(0.5, &[judged(&[], &[10..=20, 300..=399])]).windows, 1);
    }

    #[test]
    fn one_threshold_serves_all_series() {
        let one = Judged::new((0..1_000).map(|row| if row == 300 { 0.9 } else { 0.1 }).collect(), vec![300..=399]);
        let two = Judged::new((0..1_000).map(|row| if row == 500 { 0.4 } else { 0.1 }).collect(), vec![500..=599]);
        let outcome = best(&[one.expect("fits"), two.expect("fits")]);
        assert_eq!((outcome.threshold, outcome.found, outcome.false_alarms), (0.4, 2, 0));
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let new = |windows: &[RangeInclusive<usize>]| Judged::new(vec![0.0; 10], windows.to_vec());
        assert!(matches!(new(&[5..=10]), Err(NabError::Window { window: 0, .. })));
        assert!(matches!(new(&[2..=4, 4..=6]), Err(NabError::Window { window: 1, .. })));
        assert_eq!(Judged::new(vec![0.0, f64::NAN], vec![]), Err(NabError::Score { row: 1 }));
        assert_eq!(best(&[]).score, 0.0);
    }

    proptest! {
        #[test]
        fn the_best_threshold_is_no_worse_than_any(scores in prop::collection::vec(0.0..1.0f64, 200), threshold in 0.0..1.0f64) {
            let corpus = [Judged::new(scores, vec![50..=60, 120..=140]).expect("fits")];
            let best = best(&corpus);
            prop_assert!(best.score >= at(threshold, &corpus).score - 1e-9);
            prop_assert!((at(best.threshold, &corpus).score - best.score).abs() < 1e-9);
        }
    }
}
