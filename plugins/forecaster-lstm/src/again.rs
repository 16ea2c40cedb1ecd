//! What comes again after an interval of its own, which the network, whose bases copy days and weeks, does not know: it
//! looks at the series without it, and gets it back here.

use forewarm_sdk::numerics::renewal::Renewal;
use forewarm_sdk::numerics::stats::quantiles_of_weighted;

use crate::fan::{COUNT, MIDDLE, Reading};

/// A fan stands for so many equal parts of its distribution.
const POINTS: usize = 40;
/// A smaller chance of it is none.
const CHANCE_MIN: f64 = 1e-3;

/// A series' work that comes again, to be read at levels that do not change.
pub struct Again<'a> {
    renewal: &'a Renewal,
    points: Reading,
    levels: &'a [f64],
}

impl<'a> Again<'a> {
    /// Prepares to read at rising levels.
    #[must_use]
    pub fn new(renewal: &'a Renewal, levels: &'a [f64]) -> Self {
        let middles: Vec<f64> = (0..POINTS).map(|point| (point as f64 + 0.5) / POINTS as f64).collect();
        Self { renewal, points: Reading::new(&middles), levels }
    }

    /// The quantiles of a step ahead (from 0) whose fan without it is `fan`: by the chance that its time is near, what was
    /// seen then on top of the median; else the fan. `None` where it is not near.
    #[must_use]
    pub fn read(&self, step: usize, fan: &[f64; COUNT]) -> Option<Vec<f64>> {
        let (mut near, mut all) = (0.0, 0.0);
        let mut outcomes = Vec::new();
        for outcome in self.renewal.outcomes(step) {
            all += outcome.weight;
            if outcome.near {
                near += outcome.weight;
                outcomes.push((fan[MIDDLE] + outcome.value, outcome.weight));
            }
        }
        if near <= CHANCE_MIN * all {
            return None;
        }
        let rest = (all - near) / POINTS as f64;
        outcomes.extend(self.points.read(fan).into_iter().map(|value| (value, rest)));
        outcomes.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        Some(quantiles_of_weighted(&outcomes, self.levels))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use forewarm_sdk::numerics::past::History;
    use forewarm_sdk::numerics::seasons::SeasonLengths;

    #[test]
    fn a_peak_stands_on_the_fan_where_it_is_due_and_nowhere_else() {
        let mut history = History::default();
        history.extend(&(0..400).map(|step| if step % 11 == 8 { 6.0 } else { 2.0 }).collect::<Vec<_>>());
        let past = history.past(&SeasonLengths::default(), 2).expect("values");
        let renewal = Renewal::find(&past, 24).expect("peaks");
        let again = Again::new(&renewal, &[0.05, 0.5, 0.95]);
        let fan: [f64; COUNT] = std::array::from_fn(|level| 0.3 + 0.01 * (level as f64 - MIDDLE as f64));
        // The history ends with step 3 of the eleven.
        let peak = again.read(4, &fan).expect("it is due");
        assert!(peak.iter().all(|value| (value - 0.3 - 4.0 / 6.0).abs() < 0.01), "{peak:?}");
        let beside = again.read(5, &fan).expect("it is near");
        assert!(beside.iter().all(|value| (value - 0.3).abs() < 0.06), "{beside:?}");
        assert_eq!((again.read(0, &fan), again.read(9, &fan)), (None, None));
    }
}
