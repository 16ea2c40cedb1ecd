//! The model of one series: its latest values. Everything is read off them when a forecast is due, so `fit` and `observe`
//! only remember.

use forewarm_sdk::numerics::domain::Domain;
use forewarm_sdk::numerics::fallback::Fallback;
use forewarm_sdk::numerics::past::{History, Past};
use forewarm_sdk::numerics::renewal::{Outcome, Renewal};
use forewarm_sdk::numerics::rolling::PRESENT_MIN;
use forewarm_sdk::numerics::seasons::SeasonLengths;
use forewarm_sdk::{Error, Series};
use serde::{Deserialize, Serialize};

use crate::candidates::{Candidate, Candidates};
use crate::fan::{Reading, Row};
use crate::moves::{MOVES, Moves};

/// The fewest seasons that there is something to compare in.
const SEASONS_MIN: usize = 4;
/// What counts of the outcomes of a step where something comes again after an interval of its own.
const RENEWAL_SHARE: f64 = 0.6;

/// A model of one series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Model {
    seasons: SeasonLengths,
    history: History,
}

impl Model {
    /// Remembers a history.
    ///
    /// # Errors
    /// [`Error::NotEnoughData`] for fewer than two recent values that are there.
    pub fn fit(seasons: SeasonLengths, series: &Series) -> Result<Self, Error> {
        let mut history = History::default();
        history.extend(&series.values);
        let model = Self { seasons, history };
        model.past().map(|_| model)
    }

    /// Takes in the values that follow, NaN where missing.
    pub fn observe(&mut self, values: &[f64]) {
        self.history.extend(values);
    }

    fn past(&self) -> Result<Past, Error> {
        self.history
            .past(&self.seasons, PRESENT_MIN)
            .ok_or_else(|| Error::not_enough_data(format!("at least {PRESENT_MIN} recent values must be there")))
    }

    /// Predicts `horizon` steps at rising `levels`: one path per level, finite, without crossing, and not below zero
    /// where the history never was.
    ///
    /// # Errors
    /// [`Error::NotEnoughData`] when all of the recent values are missing.
    pub fn forecast(&self, horizon: usize, levels: &[f64]) -> Result<Vec<Vec<f64>>, Error> {
        let past = self.past()?;
        let floor = if past.negative { f64::MIN } else { 0.0 };
        let mut paths: Vec<Vec<f64>> = levels.iter().map(|_| Vec::with_capacity(horizon)).collect();
        for row in rows(&past, horizon, levels) {
            let mut least = floor;
            for (path, value) in paths.iter_mut().zip(row) {
                least = value.clamp(least, f64::MAX);
                path.push(least);
            }
        }
        Ok(paths)
    }
}

/// The quantiles of each step, in the series' own unit.
fn rows(past: &Past, horizon: usize, levels: &[f64]) -> Vec<Vec<f64>> {
    let looked = Seasons::of(past).and_then(|seasons| analogues(past, seasons, horizon, levels));
    looked.unwrap_or_else(|| {
        let fallback = Fallback::new(past);
        (1..=horizon).map(|ahead| fallback.quantiles(ahead, levels).collect()).collect()
    })
}

/// The seasons that are gone by.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Seasons {
    /// The shortest one, in steps.
    period: usize,
    /// The longest one, a multiple of it.
    cycle: usize,
}

impl Seasons {
    /// `None` where there is too little to compare.
    fn of(past: &Past) -> Option<Self> {
        let count = past.values.len();
        let period = past.seasons.first().copied().filter(|period| SEASONS_MIN * period <= count)?;
        let longest = past.seasons.iter().rev().find(|season| season.is_multiple_of(period));
        Some(Self { period, cycle: longest.copied().unwrap_or(period) })
    }
}

/// What followed the candidates, and what comes again after an interval of its own. Beyond the steps that enough candidates
/// reach, the last cycle comes again, and the band widens with the square root of the number of times. `None` where nothing
/// followed that was measured.
fn analogues(past: &Past, seasons: Seasons, horizon: usize, levels: &[f64]) -> Option<Vec<Vec<f64>>> {
    let Seasons { period, cycle } = seasons;
    let domain = Domain::new(&past.values, !past.negative);
    let values: Vec<f64> = past.values.iter().map(|value| domain.there(*value)).collect();
    let candidates = Candidates::new(&values, period, cycle);
    let reach = (past.values.len() / 2 / cycle).max(1) * cycle;
    let moves = Moves::new(&values, &candidates, period, horizon.min(reach));
    let reading = Reading::new(levels);
    let renewal = Renewal::find(past, horizon.min(reach));
    let mut outcomes = Vec::with_capacity(MOVES * candidates.all.len());
    let mut rows: Vec<Row> = Vec::with_capacity(horizon.min(reach));
    for step in 0..horizon.min(reach) {
        let followed = |one: &Candidate| {
            let value = past.present(one.place + step).and(values.get(one.place + step))?;
            let moves = moves.at(step, &one.traits, &candidates.now);
            Some(moves.map(|by| (value + by, one.weight)))
        };
        outcomes.clear();
        outcomes.extend(candidates.all.iter().filter_map(followed).flatten());
        if let Some(renewal) = &renewal {
            join(renewal, step, &domain, &mut outcomes);
        }
        // A step that was never measured is as the one before.
        let row = reading.read(&mut outcomes, MOVES).or_else(|| rows.last().cloned())?;
        rows.push(row);
    }
    let row = |step: usize| {
        let again = step.saturating_sub(reach) / cycle + usize::from(step >= reach);
        let at = if again > 0 { reach - cycle + (step - reach) % cycle } else { step };
        let row = rows.get(at)?;
        Some(row.widened(((again + 1) as f64).sqrt()).map(|value| domain.back(value) * past.scale).collect())
    };
    (0..horizon).map(row).collect()
}

/// Adds what comes again to the outcomes of a step and their weights, of which it then counts [`RENEWAL_SHARE`].
fn join(renewal: &Renewal, step: usize, domain: &Domain, outcomes: &mut Vec<(f64, f64)>) {
    let sum = |outcomes: &[(f64, f64)]| outcomes.iter().map(|(_, weight)| weight).sum::<f64>();
    let inside = |one: Outcome| (domain.there(renewal.level() + one.value), one.weight);
    let (followed, count) = (sum(outcomes), outcomes.len());
    outcomes.extend(renewal.outcomes(step).map(inside));
    if followed > 0.0 {
        let factor = followed / sum(&outcomes[count..]) * RENEWAL_SHARE / (1.0 - RENEWAL_SHARE);
        outcomes[count..].iter_mut().for_each(|(_, weight)| *weight *= factor);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_again_counts_its_share() {
        let mut history = History::default();
        history.extend(&(0..400).map(|step| if step % 11 == 8 { 1.0 } else { 5.0 }).collect::<Vec<_>>());
        let past = history.past(&SeasonLengths::default(), PRESENT_MIN).expect("values");
        let renewal = Renewal::find(&past, 24).expect("dips");
        let domain = Domain::new(&past.values, true);
        let mut outcomes = vec![(0.0, 3.0), (1.0, 1.0)];
        join(&renewal, 4, &domain, &mut outcomes);
        let own: f64 = outcomes[2..].iter().map(|(_, weight)| weight).sum();
        assert!((own / (own + 4.0) - RENEWAL_SHARE).abs() < 1e-12, "{outcomes:?}");
        // Nothing followed that was measured: what comes again stands alone. 400 is step 4 of the eleven.
        let mut alone = Vec::new();
        join(&renewal, 4, &domain, &mut alone);
        let dips: f64 =
            alone.iter().filter(|(value, _)| (domain.back(*value) - 0.2).abs() < 1e-9).map(|one| one.1).sum();
        assert!(dips > 0.95 * alone.iter().map(|one| one.1).sum::<f64>(), "{alone:?}");
    }
}
