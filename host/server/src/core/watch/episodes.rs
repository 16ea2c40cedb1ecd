//! Anomalous steps as anomalies: steps close together are one. Pure.
//!
//! An anomaly is masked while it has at most [`MASKED_STEPS_MAX`] steps. One that goes on is the new normal: all of it is
//! shown to models, which have to learn it.

use forewarm_domain::plugin::Verdict;
use forewarm_domain::series::Series;
use forewarm_domain::time::TimestampMs;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use utoipa::ToSchema;

/// The most steps of one anomaly that are kept from models.
const MASKED_STEPS_MAX: u32 = 120;
/// Anomalous steps with at most so many usual ones between them are one anomaly.
const APART_STEPS_MAX: i64 = 5;
/// Anomalies that are remembered.
const KEPT: usize = 100;

/// A stretch of a persona's load that did not belong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Anomaly {
    /// The beginning of its first step.
    pub from: TimestampMs,
    /// The end of its last step so far.
    pub to: TimestampMs,
    /// How many of its steps are anomalous.
    pub steps: u32,
    /// The load of the step that is farthest from what was usual.
    pub value: f64,
    /// How unusual, 0 to 1.
    pub score: f64,
    /// The lowest load that would have been usual then; absent where little was known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_low: Option<f64>,
    /// The highest load that would have been usual then; absent where little was known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_high: Option<f64>,
    /// Whether models are fitted without it. One that goes on for more than 120 steps is the new normal.
    pub masked: bool,
}

/// The newest anomalies of one load, and the steps that are masked.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Episodes {
    kept: VecDeque<Kept>,
}

#[derive(Debug, Clone, PartialEq)]
struct Kept {
    anomaly: Anomaly,
    /// How far its load lies from what was usual.
    distance: f64,
    /// The anomalous steps, as long as they are masked.
    steps: Vec<TimestampMs>,
}

impl Episodes {
    /// Takes in a judged step; gives the anomaly where one begins.
    pub(super) fn put(&mut self, at: TimestampMs, step_ms: i64, value: f64, of: &Verdict) -> Option<Anomaly> {
        if !of.anomalous {
            return None;
        }
        let near = |kept: &&mut Kept| at.since(kept.anomaly.to) <= APART_STEPS_MAX * step_ms;
        if let Some(kept) = self.kept.back_mut().filter(near) {
            kept.grow(at, step_ms, value, of);
            return None;
        }
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        let (expected_low, expected_high) = of.usual();
        let (from, to, score) = (at, at + step_ms, of.score);
        let anomaly = Anomaly { from, to, steps: 1, value, score, expected_low, expected_high, masked: true };
        self.kept.push_back(Kept { anomaly: anomaly.clone(), distance: of.distance(value), steps: vec![at] });
        Some(anomaly)
    }

    pub(super) fn newest_first(&self) -> Vec<Anomaly> {
        self.kept.iter().rev().map(|kept| kept.anomaly.clone()).collect()
    }

    /// Makes the values of masked steps missing.
    pub(super) fn mask(&self, history: &mut Series) {
        let steps = self.kept.iter().flat_map(|kept| &kept.steps);
        for at in steps.filter(|at| **at >= history.start) {
            let index = at.since(history.start).div_euclid(history.step_ms.max(1));
            if let Some(value) = usize::try_from(index).ok().and_then(|index| history.values.get_mut(index)) {
                *value = f64::NAN;
            }
        }
    }
}

impl Kept {
    fn grow(&mut self, at: TimestampMs, step_ms: i64, value: f64, of: &Verdict) {
        let (anomaly, distance) = (&mut self.anomaly, of.distance(value));
        if distance > self.distance {
            (anomaly.value, self.distance) = (value, distance);
            (anomaly.expected_low, anomaly.expected_high) = of.usual();
        }
        anomaly.score = anomaly.score.max(of.score);
        anomaly.to = at + step_ms;
        anomaly.steps = anomaly.steps.saturating_add(1);
        if anomaly.steps > MASKED_STEPS_MAX {
            anomaly.masked = false;
            self.steps.clear();
        } else {
            self.steps.push(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP_MS: i64 = 60_000;

    fn episodes(values: &[f64]) -> Episodes {
        let mut episodes = Episodes::default();
        for (step, value) in values.iter().enumerate() {
            let verdict = Verdict { score: 0.7, anomalous: *value > 10.0, expected_low: 0.0, expected_high: 10.0 };
            episodes.put(TimestampMs(step as i64 * STEP_MS), STEP_MS, *value, &verdict);
        }
        episodes
    }

    fn masked(values: &[f64]) -> Vec<usize> {
        let mut history = Series { start: TimestampMs(0), step_ms: STEP_MS, values: values.to_vec() };
        episodes(values).mask(&mut history);
        (0..values.len()).filter(|step| history.values[*step].is_nan()).collect()
    }

    #[test]
    fn close_steps_are_one_anomaly_and_only_they_are_masked() {
        let values = [1.0, 20.0, 1.0, 50.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 30.0];
        let found = episodes(&values).newest_first();
        assert_eq!(found.len(), 2);
        assert_eq!((found[1].from, found[1].to, found[1].steps), (TimestampMs(STEP_MS), TimestampMs(4 * STEP_MS), 2));
        assert_eq!((found[1].value, found[1].expected_high, found[0].value), (50.0, Some(10.0), 30.0));
        assert_eq!(masked(&values), [1, 3, 10]);
    }

    #[test]
    fn what_goes_on_is_the_new_normal() {
        let most = MASKED_STEPS_MAX as usize;
        assert_eq!(masked(&vec![20.0; most]).len(), most);
        assert!(masked(&vec![20.0; most + 1]).is_empty());
        assert!(!episodes(&vec![20.0; most + 1]).newest_first()[0].masked);
    }

    #[test]
    fn the_newest_are_kept() {
        let values: Vec<f64> = (0..1_000).map(|step| if step % 7 == 0 { 20.0 } else { 1.0 }).collect();
        let found = episodes(&values).newest_first();
        assert_eq!(found.len(), KEPT);
        assert_eq!(found[0].from, TimestampMs(994 * STEP_MS));
    }

    #[test]
    fn a_history_that_begins_later_is_masked_where_it_overlaps() {
        let mut history = Series { start: TimestampMs(3 * STEP_MS), step_ms: STEP_MS, values: vec![1.0; 3] };
        episodes(&[1.0, 20.0, 1.0, 1.0, 20.0]).mask(&mut history);
        assert!(history.values[1].is_nan() && history.values[0] == 1.0 && history.values[2] == 1.0);
    }
}
