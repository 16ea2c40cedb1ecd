//! The same part of earlier days: what is usual at this time, and how rare the latest values are beside that.

use crate::average::Average;
use crate::recent::Recent;
use crate::tail::Sides;
use serde::{Deserialize, Serialize};

const DAY_MS: i64 = 86_400_000;
/// Values that are judged together: one that comes a little early is not odd.
const WINDOW: usize = 4;
/// A part of the day follows by this share a value, and by no more a day than [`DAY_SHARE`] allows.
const SHARE: f64 = 0.15;
const DAY_SHARE: f64 = 0.9;
/// A part of the day is known once it was seen on this many days.
const DAYS_MIN: f64 = 2.0;

/// What is known of the day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Season {
    parts: Vec<Average>,
    /// Values in one part of one day.
    per_part: f64,
    errors: Recent<WINDOW>,
    together: Sides,
    single: Sides,
}

impl Season {
    /// Begins with nothing; the day has so many parts.
    #[must_use]
    pub fn new(parts: u16, step_ms: u32) -> Self {
        let parts = usize::from(parts.max(1));
        let per_part = (DAY_MS as f64 / parts as f64 / f64::from(step_ms.max(1))).max(1.0);
        let (errors, together, single) = (Recent::default(), Sides::default(), Sides::default());
        Self { parts: vec![Average::default(); parts], per_part, errors, together, single }
    }

    /// Takes in a value of a time, in milliseconds since 1970, and what averages should take it for; gives how rare it and the last before it are at their
    /// times.
    pub fn judge(&mut self, value: f64, tamed: f64, at_ms: i64, memory: u32) -> f64 {
        let error = self.part(at_ms).map(|part| value - part);
        let share = SHARE.min(DAY_SHARE / self.per_part);
        let index = self.index(at_ms);
        if let Some(part) = self.parts.get_mut(index) {
            part.put(tamed, share);
        }
        self.errors.put(error.unwrap_or_default());
        let Some(error) = error else { return 0.0 };
        self.single.judge(error, memory);
        self.together.judge(self.errors.mean(WINDOW), memory)
    }

    /// Gives what is usual at a time, and how far values lie from it, once that is known.
    #[must_use]
    pub fn usual(&self, at_ms: i64) -> Option<(f64, &Sides)> {
        Some((self.part(at_ms)?, &self.single))
    }

    fn index(&self, at_ms: i64) -> usize {
        (at_ms.rem_euclid(DAY_MS) * self.parts.len() as i64 / DAY_MS) as usize
    }

    fn part(&self, at_ms: i64) -> Option<f64> {
        let part = self.parts.get(self.index(at_ms))?;
        (f64::from(part.seen()) >= DAYS_MIN * self.per_part - 1e-9).then_some(part.mean())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_night_at_noon_is_rare_once_the_day_is_known() {
        let mut season = Season::new(24, 3_600_000);
        let load = |hour: i64| if hour % 24 < 12 { 10.0 } else { 100.0 } + (hour as f64 * 0.618).fract();
        let rarities: Vec<f64> =
            (0..24 * 20).map(|hour| season.judge(load(hour), load(hour), hour * 3_600_000, 20_160)).collect();
        assert!(rarities[..48].iter().all(|rarity| *rarity == 0.0), "two days are no season");
        assert!(rarities[240..].iter().all(|rarity| *rarity < 2.5));
        let noon = (24 * 20 + 18) * 3_600_000;
        assert!((season.usual(noon).expect("known").0 - 100.5).abs() < 1.0);
        assert!(season.judge(10.0, 10.0, noon, 20_160) > 2.5);
    }
}
