//! The detector: one value after the other, each judged by those before it. What the views say is averaged; an event is
//! told once.

use crate::parameters::Parameters;
use crate::season::Season;
use crate::tail::Sides;
use crate::views::{Levels, Range, Spread};
use forewarm_sdk::words::Verdict;
use serde::{Deserialize, Serialize};

/// How much each view counts: levels, season, spread, range.
const WEIGHTS: [f64; 4] = [4.0, 1.0, 0.5, 1.0];
/// A rarity of this many powers of ten, over all views, scores a half.
const HALF_WAY: f64 = 1.77;
/// What follows an event within the quiet time counts for so much.
const ECHO: f64 = 0.5;
/// What follows an event belongs to it where it is rarer than usual values by this many powers of ten.
const BELONGS: f64 = 2.0;
/// Larger values are taken for this, so that no sum of squares overflows.
const LARGEST: f64 = 1e150;

/// What was learned of one series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Detector {
    parameters: Parameters,
    sensitivity: f64,
    next_ms: i64,
    step_ms: i64,
    levels: Levels,
    season: Season,
    spread: Spread,
    range: Range,
    /// The event that was told last, at any sensitivity: no other is told while it goes on.
    told: Option<Event>,
    /// The event that was found at this sensitivity.
    found: Option<Event>,
}

/// An event, while more values may belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Event {
    /// How far below and above its middle a value was usual, more or less, when the event began: the event itself
    /// changes what is usual.
    down: f64,
    up: f64,
    /// Values for which it goes on.
    left: u16,
}

impl Detector {
    /// Begins with nothing.
    #[must_use]
    pub fn new(parameters: Parameters, sensitivity: f64, start_ms: i64, step_ms: u32) -> Self {
        Self {
            parameters,
            sensitivity,
            next_ms: start_ms,
            step_ms: step_ms.into(),
            levels: Levels::default(),
            season: Season::new(parameters.phases, step_ms),
            spread: Spread::default(),
            range: Range::default(),
            told: None,
            found: None,
        }
    }

    /// Judges one value and learns from it. A missing one is usual.
    pub fn push(&mut self, value: f64) -> Verdict {
        let at_ms = self.next_ms;
        self.next_ms = at_ms.saturating_add(self.step_ms);
        let rarity = HALF_WAY * ((1.0 - self.sensitivity) / self.sensitivity).sqrt();
        let (expected_low, expected_high) = self.bounds(at_ms, rarity);
        let usual = self.usual(at_ms, rarity + BELONGS);
        let score = if value.is_nan() { 0.0 } else { self.score(value.clamp(-LARGEST, LARGEST), at_ms) };
        let begins = score > 1.0 - self.sensitivity;
        self.found = self.found.and_then(Event::next);
        if begins {
            self.found = usual.map(|(_, down, up)| Event::begin(self.found, down, up, self.parameters.quiet));
        }
        let belongs = self.found.zip(usual).is_some_and(|(event, (middle, ..))| event.has(value - middle));
        Verdict { score, anomalous: begins || belongs, expected_low, expected_high }
    }

    /// The score rises with the square of the rarity and is a half at [`HALF_WAY`].
    fn score(&mut self, value: f64, at_ms: i64) -> f64 {
        let memory = self.parameters.memory;
        let level = self.levels.usual().and_then(|level| reach(level, HALF_WAY + BELONGS));
        let tamed = level.map_or(value, |(middle, down, up)| {
            let usual = self.told.unwrap_or(Event { down, up, left: 0 });
            usual.tame(value, middle)
        });
        let views = [
            self.levels.judge(value, tamed, memory),
            self.season.judge(value, tamed, at_ms, memory),
            self.spread.judge(value, memory),
            self.range.judge(value, tamed),
        ];
        let weighted = views.iter().zip(WEIGHTS).map(|(view, weight)| view * weight).sum::<f64>();
        let share = weighted / WEIGHTS.iter().sum::<f64>() / HALF_WAY;
        let score = share * share / (share * share + 1.0);
        self.told = self.told.and_then(Event::next);
        if self.told.is_some() {
            return score * ECHO;
        }
        if share >= 1.0 {
            self.told = level.map(|(_, down, up)| Event { down, up, left: self.parameters.quiet });
        }
        score
    }

    /// What is usual at a time, of that time of day where it is known, else of the level: the middle, and how far below
    /// and above it values lie that are less rare.
    fn usual(&self, at_ms: i64, rarity: f64) -> Option<(f64, f64, f64)> {
        let of_day = self.season.usual(at_ms).and_then(|usual| reach(usual, rarity));
        of_day.or_else(|| self.levels.usual().and_then(|usual| reach(usual, rarity)))
    }

    fn bounds(&self, at_ms: i64, rarity: f64) -> (f64, f64) {
        let Some((middle, down, up)) = self.usual(at_ms, rarity) else { return (f64::MIN, f64::MAX) };
        let (low, high) = (middle - down, middle + up);
        if self.range.never_negative() && high >= 0.0 { (low.max(0.0), high) } else { (low, high) }
    }
}

/// A middle, and how far below and above it values lie that are less rare.
fn reach((middle, sides): (f64, &Sides), rarity: f64) -> Option<(f64, f64, f64)> {
    let (down, up) = sides.reach(rarity)?;
    Some((middle, down.min(LARGEST), up.min(LARGEST)))
}

impl Event {
    /// A value that would begin one while another goes on makes it longer, and no more tolerant: what is found at one
    /// sensitivity is then also found at a higher one.
    fn begin(before: Option<Self>, down: f64, up: f64, left: u16) -> Self {
        let (before_down, before_up) = before.map_or((down, up), |event| (event.down, event.up));
        Self { down: down.min(before_down), up: up.min(before_up), left }
    }

    fn next(self) -> Option<Self> {
        let left = self.left.checked_sub(1).filter(|left| *left > 0)?;
        Some(Self { left, ..self })
    }

    /// The nearest value to this one that does not belong to the event.
    fn tame(self, value: f64, middle: f64) -> f64 {
        value.max(middle - self.down).min(middle + self.up)
    }

    fn has(self, deviation: f64) -> bool {
        deviation < -self.down || deviation > self.up
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE_MS: u32 = 60_000;

    /// Noise without a random source: a low-discrepancy sequence in -1 to 1.
    fn noise(step: usize) -> f64 {
        (step as f64 * 0.618_033_988_749_895).fract() * 2.0 - 1.0
    }

    fn judge(sensitivity: f64, step_ms: u32, values: impl IntoIterator<Item = f64>) -> Vec<Verdict> {
        let mut detector = Detector::new(Parameters::default(), sensitivity, 0, step_ms);
        values.into_iter().map(|value| detector.push(value)).collect()
    }

    fn found(verdicts: &[Verdict]) -> Vec<usize> {
        (0..verdicts.len()).filter(|step| verdicts[*step].anomalous).collect()
    }

    #[test]
    fn a_spike_stands_out_and_noise_does_not() {
        let value = |step| if step == 900 { 200.0 } else { 100.0 + 5.0 * noise(step) };
        let verdicts = judge(0.5, MINUTE_MS, (0..1_000).map(value));
        assert_eq!(found(&verdicts), [900]);
        assert!(verdicts[900].expected_high < 120.0 && verdicts[900].expected_low > 80.0, "{:?}", verdicts[900]);
    }

    #[test]
    fn a_monstrous_value_is_forgotten_at_once() {
        let value = |step| if step == 900 { 1e12 } else { 100.0 + 5.0 * noise(step) };
        let verdicts = judge(0.5, MINUTE_MS, (0..2_000).map(value));
        assert_eq!(found(&verdicts), [900]);
        let after = verdicts[901..].iter().filter(|verdict| verdict.expected_high > 150.0).count();
        assert_eq!(after, 0, "{:?}", verdicts[901]);
    }

    #[test]
    fn an_outage_is_one_event_of_all_its_values() {
        let value = |step| if (900..930).contains(&step) { 2.0 } else { 100.0 + 5.0 * noise(step) };
        let verdicts = judge(0.5, MINUTE_MS, (0..1_000).map(value));
        assert_eq!(found(&verdicts), (900..930).collect::<Vec<_>>());
        assert_eq!(verdicts.iter().filter(|verdict| verdict.score > 0.5).count(), 1);
    }

    #[test]
    fn a_night_load_at_noon_is_odd_once_the_day_is_known() {
        let load = |step: usize| if step % 24 < 12 { 10.0 } else { 100.0 } + noise(step);
        let mut values: Vec<f64> = (0..24 * 40).map(load).collect();
        values[24 * 39 + 18] = 10.0;
        let verdicts = judge(0.8, 3_600_000, values);
        let odd = verdicts[24 * 39 + 18];
        assert!(odd.anomalous && odd.expected_low > 50.0, "{odd:?}");
        assert!(!verdicts[24 * 39 + 6].anomalous && verdicts[24 * 39 + 6].expected_high < 50.0);
    }

    #[test]
    fn heavy_tails_are_not_full_of_anomalies() {
        let heavy = |step: usize| 100.0 + 30.0 * noise(step).powi(9);
        let verdicts = judge(0.5, MINUTE_MS, (0..4_000).map(heavy));
        assert!(found(&verdicts[600..]).len() < 34, "at most one per cent");
    }

    #[test]
    fn too_little_and_missing_is_usual() {
        let verdicts = judge(0.99, MINUTE_MS, [1.0, 1e9, f64::NAN, -5.0]);
        assert!(verdicts.iter().all(|verdict| !verdict.anomalous && verdict.score == 0.0));
    }

    #[test]
    fn a_level_shift_becomes_usual() {
        let values = (0..4_000).map(|step| if step < 2_000 { 10.0 } else { 50.0 } + noise(step));
        let verdicts = judge(0.5, MINUTE_MS, values);
        assert!(verdicts[2_000].anomalous);
        assert!(found(&verdicts[3_000..]).is_empty(), "{:?}", verdicts[3_999]);
    }

    #[test]
    fn the_largest_numbers_are_judged() {
        for values in [[f64::MAX, f64::MIN, 0.0].repeat(200), vec![f64::MAX; 600], vec![f64::MIN_POSITIVE; 600]] {
            for verdict in judge(0.5, MINUTE_MS, values) {
                assert!(verdict.score.is_finite() && verdict.expected_low <= verdict.expected_high, "{verdict:?}");
                assert!(verdict.expected_low.is_finite() && verdict.expected_high.is_finite(), "{verdict:?}");
            }
        }
    }
}
