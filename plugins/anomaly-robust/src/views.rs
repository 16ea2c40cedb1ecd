//! The ways a series is looked at. Each tells how rare the latest value makes it, as minus the logarithm of a
//! probability to the base 10, by the view's own past.

use crate::average::{Average, mean};
use crate::recent::Recent;
use crate::tail::Sides;
use serde::{Deserialize, Serialize};

/// Windows whose mean is compared with the past, in values.
pub const WINDOWS: [usize; 4] = [1, 4, 16, 96];
/// By how much the past that they are compared with follows, a value.
pub const SHARES: [f64; 2] = [0.003, 0.001];
/// Averages of fewer values are no past.
const PAST_MIN: u32 = 20;

/// The mean of the latest values against a long average of those before them, for every window and share.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Levels {
    recent: Recent<96>,
    /// The same values, as averages take them in: an outage is no new level at once.
    tamed: Recent<97>,
    views: [(Average, Sides); WINDOWS.len() * SHARES.len()],
}

impl Levels {
    /// Takes in a value, and what averages should take it for; gives the mean of the views' rarities.
    pub fn judge(&mut self, value: f64, tamed: f64, memory: u32) -> f64 {
        self.tamed.put(tamed);
        self.recent.put(value);
        let kinds = WINDOWS.iter().flat_map(|window| SHARES.iter().map(move |share| (*window, *share)));
        let rarities = self.views.iter_mut().zip(kinds).map(|((past, sides), (window, share))| {
            if let Some(left) = self.tamed.before(window) {
                past.put(left, share);
            }
            if past.seen() < PAST_MIN { 0.0 } else { sides.judge(self.recent.mean(window) - past.mean(), memory) }
        });
        mean(rarities)
    }

    /// Gives the level that the next value is compared with, and how far values lie from it.
    #[must_use]
    pub fn usual(&self) -> Option<(f64, &Sides)> {
        let (past, sides) = self.views.first()?;
        (past.seen() >= PAST_MIN).then_some((past.mean(), sides))
    }
}

/// The spread of the latest values against its own long average: restless, and lifeless.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Spread {
    recent: Recent<24>,
    past: Average,
    sides: Sides,
}

impl Spread {
    /// The latest values that are looked at.
    const WINDOW: usize = 24;
    const SHARE: f64 = 0.005;
    /// Below this part of the average a spread is none.
    const LEAST: f64 = 1e-3;
    /// The average takes no spread for more than so many times itself.
    const MOST: f64 = 8.0;

    /// Takes in a value; gives how rare the spread is.
    pub fn judge(&mut self, value: f64, memory: u32) -> f64 {
        let full = self.recent.before(Self::WINDOW - 1).is_some();
        self.recent.put(value);
        if !full {
            return 0.0;
        }
        let middle = self.recent.mean(Self::WINDOW);
        let spread = mean(self.recent.last(Self::WINDOW).map(|value| (value - middle) * (value - middle))).sqrt();
        let past = self.past.mean();
        let rarity =
            if past > 0.0 { self.sides.judge(libm::log((spread + Self::LEAST * past) / past), memory) } else { 0.0 };
        let most = if self.past.seen() < PAST_MIN || past <= 0.0 { f64::MAX } else { Self::MOST * past };
        self.past.put(spread.min(most), Self::SHARE);
        rarity
    }
}

/// What lies outside everything that was seen, by how far.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Range {
    bounds: Option<(f64, f64)>,
    level: Average,
    distance: Average,
}

impl Range {
    const SHARE: f64 = 0.001;
    const SEEN_MIN: u32 = 50;
    const MOST: f64 = 4.0;

    /// Takes in a value, and what averages should take it for; gives the logarithm to the base 2 of one plus the distance from the range, in mean distances
    /// of a value from the level; at most 4.
    pub fn judge(&mut self, value: f64, tamed: f64) -> f64 {
        let (low, high) = self.bounds.unwrap_or((value, value));
        let outside = (value - high).max(low - value).max(0.0);
        let unit = self.distance.mean();
        let known = self.distance.seen() >= Self::SEEN_MIN && outside > 0.0;
        self.bounds = Some((low.min(value), high.max(value)));
        self.distance.put((tamed - self.level.mean()).abs(), Self::SHARE);
        self.level.put(tamed, Self::SHARE);
        if known { libm::log2(1.0 + outside / unit.max(1e-12)).min(Self::MOST) } else { 0.0 }
    }

    /// Whether there was no value below zero.
    #[must_use]
    pub fn never_negative(&self) -> bool {
        self.bounds.is_some_and(|(low, _)| low >= 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Noise without a random source: a low-discrepancy sequence in -1 to 1.
    fn noise(step: usize) -> f64 {
        (step as f64 * 0.618_033_988_749_895).fract() * 2.0 - 1.0
    }

    #[test]
    fn a_level_of_its_own_is_rare() {
        let mut levels = Levels::default();
        let usual: Vec<f64> =
            (0..1_000).map(|step| levels.judge(100.0 + noise(step), 100.0 + noise(step), 20_160)).collect();
        let (level, _) = levels.usual().expect("known");
        assert!((level - 100.0).abs() < 0.1, "{level}");
        assert!(usual[500..].iter().all(|rarity| *rarity < 2.0));
        assert!(levels.judge(110.0, 110.0, 20_160) > 2.5);
    }

    #[test]
    fn restless_and_lifeless_are_rare() {
        for (amplitude, name) in [(8.0, "restless"), (0.0, "lifeless")] {
            let mut spread = Spread::default();
            let value = |step| if step < 1_000 { noise(step) } else { amplitude * noise(step) };
            let last = (0..1_024).map(|step| spread.judge(value(step), 20_160)).last().expect("a value");
            assert!(last > 2.0, "{name}: {last}");
        }
    }

    #[test]
    fn only_what_was_never_seen_is_outside() {
        let mut range = Range::default();
        assert!((0..200).all(|step| range.judge(5.0 + noise(step), 5.0 + noise(step)) < 0.1 || step < 60));
        assert_eq!(range.judge(5.5, 5.5), 0.0);
        assert!(range.judge(60.0, 9.0) > 3.0 && range.judge(59.0, 9.0) == 0.0);
        assert!(range.never_negative());
        range.judge(-1.0, -1.0);
        assert!(!range.never_negative());
    }
}
