//! The detector: one value after the other, each judged by those before it.

use crate::parameters::Parameters;
use crate::window::{Middle, Window};
use forewarm_sdk::words::Verdict;
use serde::{Deserialize, Serialize};

const DAY_MS: i64 = 86_400_000;
/// The fewest values that anything is concluded from.
const VALUES_MIN: usize = 12;
/// A part of the day counts once it was seen on that many days.
const DAYS_MIN: u16 = 3;
/// Normal noise stays within this many standard deviations at the sensitivity 0.5.
const HALF_WAY: f64 = 6.0;
/// The errors that are remembered for the yardstick.
const ERRORS: u16 = 512;
/// Normal noise has 95% of its errors below two standard deviations: longer tails stretch the yardstick.
const NORMAL_P95: f64 = 2.0;
/// Deviations below this share of the median are never told from rounding and the like.
const SHARE_MIN: f64 = 0.01;

/// What was learned of one series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Detector {
    parameters: Parameters,
    sensitivity: f64,
    next_ms: i64,
    step_ms: i64,
    recent: Window,
    phases: Vec<Window>,
    /// The latest errors in standard deviations, against the recent values and against the same part of the day: those
    /// of a series with a daily pattern are much longer while that is not known.
    errors: [Window; 2],
}

impl Detector {
    /// Begins with nothing.
    #[must_use]
    pub fn new(parameters: Parameters, sensitivity: f64, start_ms: i64, step_ms: u32) -> Self {
        let phases = vec![Window::default(); usize::from(parameters.phases.max(1))];
        let (recent, errors) = (Window::default(), <[Window; 2]>::default());
        Self { parameters, sensitivity, next_ms: start_ms, step_ms: step_ms.into(), recent, phases, errors }
    }

    /// Judges one value and learns from it. A missing one is usual.
    pub fn push(&mut self, value: f64) -> Verdict {
        let at_ms = self.next_ms;
        self.next_ms = at_ms.saturating_add(self.step_ms);
        let phase = (at_ms.rem_euclid(DAY_MS) * self.phases.len() as i64 / DAY_MS) as usize;
        let (middle, against) = self.middle(phase);
        let stretch = self.stretch(against);
        let Some(error) = middle.filter(|_| !value.is_nan()).map(|middle| error(value, middle)) else {
            let verdict = self.verdict(0.0, middle, stretch);
            self.learn(value, at_ms, phase);
            return verdict;
        };
        let verdict = self.verdict(error / stretch, middle, stretch);
        self.errors[usize::from(against)].put(error.min(1e9), 0, ERRORS);
        self.learn(value, at_ms, phase);
        verdict
    }

    fn learn(&mut self, value: f64, at_ms: i64, phase: usize) {
        if value.is_nan() {
            return;
        }
        let (day, memory) = (at_ms.div_euclid(DAY_MS), self.parameters.memory);
        self.recent.put(value, day, memory);
        if let Some(window) = self.phases.get_mut(phase) {
            window.put(value, day, memory);
        }
    }

    /// The same part of earlier days (true) where there are enough, else the recent values (false), else nothing.
    fn middle(&self, phase: usize) -> (Option<Middle>, bool) {
        let enough = |window: &&Window| window.len() >= VALUES_MIN && window.days() >= DAYS_MIN;
        let daily = self.phases.get(phase).filter(enough);
        let window = daily.or(Some(&self.recent).filter(|recent| recent.len() >= VALUES_MIN));
        let middle = window.and_then(Window::middle).map(|middle| {
            let least = middle.half_median.abs() * SHARE_MIN;
            Middle { half_spread: middle.half_spread.max(least).max(f64::MIN_POSITIVE), ..middle }
        });
        (middle, daily.is_some())
    }

    /// By how much the series' own errors are longer than those of normal noise, from 1.
    fn stretch(&self, against: bool) -> f64 {
        let errors = &self.errors[usize::from(against)];
        let p95 = errors.quantile(0.95).filter(|_| errors.len() >= VALUES_MIN);
        p95.map_or(1.0, |p95| (p95 / NORMAL_P95).max(1.0))
    }

    /// The score rises with the square of the error and is a half at [`HALF_WAY`]; it is anomalous above
    /// `1 - sensitivity`.
    fn verdict(&self, error: f64, middle: Option<Middle>, stretch: f64) -> Verdict {
        let share = (error / HALF_WAY).min(1e9);
        let score = share * share / (share * share + 1.0);
        let widest = HALF_WAY * ((1.0 - self.sensitivity) / self.sensitivity).sqrt() * stretch;
        let (low, high) = middle.map_or((f64::MIN, f64::MAX), |middle| {
            let bound =
                |side: f64| ((middle.half_median + side * widest * middle.half_spread) * 2.0).clamp(f64::MIN, f64::MAX);
            (bound(-1.0), bound(1.0))
        });
        Verdict { score, anomalous: score > 1.0 - self.sensitivity, expected_low: low, expected_high: high }
    }
}

fn error(value: f64, middle: Middle) -> f64 {
    ((value * 0.5 - middle.half_median) / middle.half_spread).abs().min(1e12)
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

    #[test]
    fn a_spike_stands_out_and_noise_does_not() {
        let value = |step| if step == 400 { 200.0 } else { 100.0 + 5.0 * noise(step) };
        let verdicts = judge(0.5, MINUTE_MS, (0..500).map(value));
        let found: Vec<_> = (0..500).filter(|step| verdicts[*step].anomalous).collect();
        assert_eq!(found, [400]);
        assert!(verdicts[400].expected_high < 200.0 && verdicts[400].expected_low > 0.0, "{:?}", verdicts[400]);
    }

    #[test]
    fn a_night_load_at_noon_is_odd_once_the_day_is_known() {
        let load = |step: usize| if step % 24 < 12 { 10.0 } else { 100.0 } + noise(step);
        let mut values: Vec<f64> = (0..24 * 20).map(load).collect();
        values[24 * 19 + 18] = 10.0;
        let verdicts = judge(0.5, 3_600_000, values);
        assert!(verdicts[24 * 19 + 18].anomalous, "{:?}", verdicts[24 * 19 + 18]);
        let late = verdicts[24 * 15..].iter().filter(|verdict| verdict.anomalous).count();
        assert_eq!(late, 1, "a load that comes every day is usual");
    }

    #[test]
    fn long_tails_stretch_the_yardstick() {
        let heavy = |step: usize| 100.0 + 30.0 * noise(step).powi(9);
        let verdicts = judge(0.5, MINUTE_MS, (0..2_000).map(heavy));
        let late = verdicts[600..].iter().filter(|verdict| verdict.anomalous).count();
        assert!(late < 28, "at most 2% of a heavy-tailed noise are anomalies: {late}");
    }

    #[test]
    fn too_little_and_missing_is_usual() {
        let verdicts = judge(0.99, MINUTE_MS, [1.0, 1e9, f64::NAN, -5.0]);
        assert!(verdicts.iter().all(|verdict| !verdict.anomalous && verdict.score == 0.0));
    }

    #[test]
    fn a_level_shift_becomes_usual() {
        let verdicts = judge(0.5, MINUTE_MS, (0..600).map(|step| if step < 300 { 10.0 } else { 50.0 } + noise(step)));
        assert!(verdicts[300].anomalous);
        assert!(!verdicts[599].anomalous, "{:?}", verdicts[599]);
    }
}
