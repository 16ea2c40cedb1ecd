//! The seasons of a series: candidates by calendar (day, week, month) and by data (peaks of the periodogram), kept only
//! where autocorrelation and periodogram agree, the backtest error falls, and two full cycles were seen.

use crate::spectrum::{autocorrelation, periodogram, prepared};
use forewarm_domain::time::DAY_MS;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The most values that are looked at, the latest ones: eight weeks of minutes, or nine years of hours.
pub const VALUES_MAX: usize = 80_640;
/// The most seasons of one series.
pub const SEASONS_MAX: usize = 3;
/// The shortest period in steps; less is no season but noise.
const PERIOD_MIN: usize = 3;
/// How many peaks of the periodogram become candidates.
const PEAKS: usize = 4;
/// The least autocorrelation at the period.
const CORRELATION_MIN: f64 = 0.1;
/// How far a peak stands out of the power around it.
const PEAK_OVER_MEDIAN: f64 = 4.0;
/// The error with the season is at most this share of that without it.
const ERROR_SHARE_MAX: f64 = 0.98;
/// Windows of the backtest.
const WINDOWS: usize = 4;

/// What a season is by the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cycle {
    /// 24 hours.
    Day,
    /// Seven days.
    Week,
    /// A twelfth of 365.25 days.
    Month,
    /// Of the data's own.
    Other,
}

/// One season that was found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct FoundSeason {
    /// Its period in steps.
    pub period: usize,
    /// What it is by the calendar.
    pub cycle: Cycle,
    /// The share of the variance that its profile explains, 0 to 1, after the shorter seasons found before it.
    pub strength: f64,
    /// The backtest error with it over that without it, below 1.
    pub error_share: f64,
}

/// Finds the seasons of regular values, NaN where missing; shortest first. Empty for a series without any.
#[must_use]
pub fn find(values: &[f64], step_ms: i64) -> Vec<FoundSeason> {
    let values = &values[values.len().saturating_sub(VALUES_MAX)..];
    let Some(x) = prepared(values) else { return Vec::new() };
    let (mut kept, mut known): (Vec<FoundSeason>, Vec<usize>) = Default::default();
    let mut rest = Analysed::of(x.clone());
    for (period, cycle) in candidates(step_ms, &rest) {
        if kept.len() == SEASONS_MAX || known.iter().any(|known| alike(*known, period)) || !rest.agrees(period) {
            continue;
        }
        let with: Vec<usize> = known.iter().copied().chain([period]).collect();
        let horizon = period.min(x.len() / 8).max(1);
        let error_share = error(&x, &with, horizon) / error(&x, &known, horizon);
        if error_share <= ERROR_SHARE_MAX {
            let (after, _) = without(&rest.x, &[period]);
            kept.push(FoundSeason { period, cycle, strength: explained(&rest.x, &after), error_share });
            // What follows has to show in what this season leaves: twice its period would show before.
            rest = Analysed::of(after);
            known = with;
        }
    }
    kept
}

/// By calendar and by data, shortest first; of periods that can't be told apart the calendar's.
fn candidates(step_ms: i64, of: &Analysed) -> Vec<(usize, Cycle)> {
    let mut candidates = calendar(step_ms);
    let data = peaks(&of.power, of.x.len()).into_iter().map(|period| (period, Cycle::Other));
    for (period, cycle) in data {
        if !candidates.iter().any(|(known, _)| alike(*known, period)) {
            candidates.push((period, cycle));
        }
    }
    candidates.sort_by_key(|(period, _)| *period);
    candidates
}

/// A series, or what is left of it, with both views of what repeats.
struct Analysed {
    x: Vec<f64>,
    correlation: Vec<f64>,
    power: Vec<f64>,
}

impl Analysed {
    fn of(x: Vec<f64>) -> Self {
        Self { correlation: autocorrelation(&x), power: periodogram(&x), x }
    }

    /// Whether two cycles were seen, the autocorrelation has a hill at the period, and the periodogram a peak.
    fn agrees(&self, period: usize) -> bool {
        if period < PERIOD_MIN || 2 * period > self.x.len() {
            return false;
        }
        let at = |lag: usize| self.correlation.get(lag).copied().unwrap_or(0.0);
        let top = (period - period / 10..=period + period / 10).map(at).fold(f64::MIN, f64::max);
        let valley = (period / 2..period).map(at).fold(f64::MAX, f64::min);
        let hill = at(period) >= CORRELATION_MIN && at(period) >= 0.8 * top && at(period) > valley + 0.05;
        hill && stands_out(period, &self.power, self.x.len())
    }
}

/// The shortest and the longest day or week that is a season without being looked for, in steps.
const USUAL: std::ops::RangeInclusive<usize> = 4..=10_080;

/// A day and a week in steps, where they are whole numbers of them, from 4 to 10,080: the seasons that are taken where
/// none are named.
#[must_use]
pub fn usual(step_ms: i64) -> Vec<usize> {
    let of_days = calendar(step_ms).into_iter().filter(|(_, cycle)| matches!(cycle, Cycle::Day | Cycle::Week));
    of_days.map(|(period, _)| period).filter(|period| USUAL.contains(period)).collect()
}

/// Day, week and month in steps, where they are whole numbers of them; the month is rounded.
fn calendar(step_ms: i64) -> Vec<(usize, Cycle)> {
    let whole = |ms: i64| (step_ms > 0 && ms % step_ms == 0).then(|| (ms / step_ms) as usize);
    let month = (365.25 / 12.0 * DAY_MS as f64 / step_ms.max(1) as f64).round() as usize;
    [(whole(DAY_MS), Cycle::Day), (whole(7 * DAY_MS), Cycle::Week), (Some(month), Cycle::Month)]
        .into_iter()
        .filter_map(|(period, cycle)| Some((period.filter(|period| *period >= PERIOD_MIN)?, cycle)))
        .collect()
}

/// Periods of the highest peaks of the periodogram.
fn peaks(power: &[f64], count: usize) -> Vec<usize> {
    let peak = |at: &usize| power[*at] > power[at - 1] && power.get(at + 1).is_none_or(|next| power[*at] >= *next);
    let mut found: Vec<usize> = (2..power.len()).filter(peak).collect();
    found.sort_by(|a, b| power[*b].total_cmp(&power[*a]));
    let period = |at: &usize| (count as f64 / *at as f64).round() as usize;
    found.iter().take(PEAKS).map(period).filter(|period| *period >= PERIOD_MIN).collect()
}

/// Whether the power at the period or at its first harmonics is far above that around it: a profile with one sharp hour
/// has little power at its own period.
fn stands_out(period: usize, power: &[f64], count: usize) -> bool {
    (1..=3).any(|harmonic| {
        let centre = (harmonic as f64 * count as f64 / period as f64).round() as usize;
        let near = power.get(centre.saturating_sub(1).max(1)..=(centre + 1).min(power.len().saturating_sub(1)));
        let peak = near.unwrap_or_default().iter().copied().fold(0.0, f64::max);
        let around = power.get((centre / 2).max(1)..(2 * centre + 2).min(power.len())).unwrap_or_default();
        let mut sorted = around.to_vec();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).is_some_and(|median| peak > PEAK_OVER_MEDIAN * median)
    })
}

/// Periods that can't be told apart.
fn alike(a: usize, b: usize) -> bool {
    a.abs_diff(b) * 10 <= a.max(b)
}

/// The mean of a series by phase, its own mean taken out.
fn profile(x: &[f64], period: usize) -> Vec<f64> {
    let (mut sums, mut counts) = (vec![0.0; period], vec![0.0; period]);
    for (index, value) in x.iter().enumerate() {
        sums[index % period] += value;
        counts[index % period] += 1.0;
    }
    let mean = x.iter().sum::<f64>() / x.len().max(1) as f64;
    sums.iter().zip(&counts).map(|(sum, count)| if *count > 0.0 { sum / count - mean } else { 0.0 }).collect()
}

/// What is left of a series without the profiles of `periods`, one after the other, and these profiles.
fn without(x: &[f64], periods: &[usize]) -> (Vec<f64>, Vec<Vec<f64>>) {
    let mut rest = x.to_vec();
    let take_out = |period: &usize| {
        let profile = profile(&rest, *period);
        rest.iter_mut().enumerate().for_each(|(index, value)| *value -= profile[index % period]);
        profile
    };
    let profiles = periods.iter().map(take_out).collect();
    (rest, profiles)
}

/// The mean absolute error of level and profiles over the last windows, all fitted before each.
fn error(x: &[f64], periods: &[usize], horizon: usize) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for origin in crate::windows::before(x.len(), horizon, WINDOWS, x.len() / 2) {
        let (rest, profiles) = without(&x[..origin], periods);
        let recent = &rest[origin.saturating_sub(horizon)..];
        let level = recent.iter().sum::<f64>() / recent.len().max(1) as f64;
        for (at, value) in x.iter().enumerate().skip(origin).take(horizon) {
            let seasonal: f64 = profiles.iter().map(|profile| profile[at % profile.len()]).sum();
            sum += (value - level - seasonal).abs();
            count += 1.0;
        }
    }
    if count > 0.0 { sum / count } else { f64::INFINITY }
}

/// The share of the variance that is gone.
fn explained(before: &[f64], after: &[f64]) -> f64 {
    let squares = |values: &[f64]| values.iter().map(|value| value * value).sum::<f64>();
    (1.0 - squares(after) / squares(before).max(f64::MIN_POSITIVE)).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use forewarm_domain::time::HOUR_MS;

    #[test]
    fn days_and_weeks_of_whole_steps_are_usual() {
        let of = |step_ms| usual(step_ms);
        assert_eq!((of(HOUR_MS), of(60_000), of(DAY_MS)), (vec![24, 168], vec![1_440, 10_080], vec![7]));
        assert!(of(7_000_000).is_empty() && of(1_000).is_empty() && of(0).is_empty());
    }

    fn noise(step: usize) -> f64 {
        (step as f64 * 0.618_033_988_75 + (step as f64 * 0.414_213_562).sin()).fract() - 0.5
    }

    fn periods(count: usize, value: impl Fn(usize) -> f64) -> Vec<(usize, Cycle)> {
        let values: Vec<f64> = (0..count).map(value).collect();
        find(&values, HOUR_MS).iter().map(|season| (season.period, season.cycle)).collect()
    }

    fn wave(step: usize, period: f64) -> f64 {
        (step as f64 / period * std::f64::consts::TAU).sin()
    }

    #[test]
    fn day_and_week_are_found_by_the_calendar() {
        let of = |step| 10.0 * wave(step, 24.0) + if step % 168 < 48 { -8.0 } else { 0.0 } + noise(step);
        assert_eq!(periods(1_000, of), [(24, Cycle::Day), (168, Cycle::Week)]);
    }

    #[test]
    fn a_month_needs_two_of_them() {
        let of = |step| 10.0 * wave(step, 730.5) + noise(step);
        assert!(periods(2_500, of).iter().any(|(_, cycle)| *cycle == Cycle::Month));
        assert!(periods(1_200, of).iter().all(|(_, cycle)| *cycle != Cycle::Month));
    }

    #[test]
    fn a_period_of_the_data_is_found_too() {
        assert_eq!(periods(700, |step| 5.0 * wave(step, 10.0) + noise(step)), [(10, Cycle::Other)]);
    }

    #[test]
    fn nothing_is_found_where_nothing_repeats() {
        assert!(periods(1_000, noise).is_empty());
        assert!(periods(1_000, |step| step as f64).is_empty());
        assert!(periods(1_000, |_| 4.0).is_empty());
        assert!(periods(40, |step| wave(step, 24.0)).is_empty(), "less than two cycles");
        assert!(find(&[f64::NAN; 100], HOUR_MS).is_empty() && find(&[], HOUR_MS).is_empty());
    }
}
