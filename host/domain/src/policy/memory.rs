//! What the rules remember of the demand: the last hour, the hours of two weeks, and how long it was idle.

use crate::time::{HOUR_MS, TimestampMs};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Steps that are remembered one by one.
pub(super) const RECENT_STEPS: usize = 60;
/// Days that the hourly means look back.
const DAYS: usize = 14;
const HOURS: usize = 24;
/// Hourly means that are kept: one more than two weeks, so that the hour to come finds its own hour of all days.
const HOURS_KEPT: usize = DAYS * HOURS + 1;
/// Idle times from this many steps on are out of the histogram's range: four hours of minutes.
const IDLE_BINS: usize = 240;
/// The least share of idle times within the range for the histogram to be used (Shahrad et al. 2020).
const IN_RANGE: f64 = 0.5;
/// Idle times that are needed for the histogram to be used.
const IDLE_TIMES_MIN: u32 = 10;

/// What has been measured, in instances.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Memory {
    /// The demand of the last steps, the newest last.
    demands: VecDeque<u32>,
    /// The load of the last steps, in the series' unit, the newest last.
    loads: VecDeque<f64>,
    /// The mean demand per hour that has ended, the newest last.
    hours: VecDeque<f64>,
    /// The hour under way: when it began, its sum and its steps.
    hour: (TimestampMs, f64, u32),
    idle: IdleTimes,
}

/// How long the demand was zero, as a histogram of one step a bin.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct IdleTimes {
    bins: Vec<u32>,
    beyond: u32,
    /// Steps since there was demand last; `None` before the first.
    since: Option<u32>,
    /// The highest demand of the last stretch of use.
    peak: u32,
}

impl Memory {
    /// Notes the load of the step that began at `at` and the demand in instances.
    pub fn note(&mut self, at: TimestampMs, load: f64, demand: u32) {
        push(&mut self.demands, demand, RECENT_STEPS);
        push(&mut self.loads, load, RECENT_STEPS);
        self.note_hour(at.floor(HOUR_MS), f64::from(demand));
        self.idle.note(demand);
    }

    fn note_hour(&mut self, hour: TimestampMs, demand: f64) {
        if hour > self.hour.0 && self.hour.2 > 0 {
            let (began, sum, steps) = self.hour;
            push(&mut self.hours, sum / f64::from(steps), HOURS_KEPT);
            // Hours that were not measured are like the one before.
            let missing = (hour.since(began) / HOUR_MS - 1).clamp(0, HOURS_KEPT as i64);
            (0..missing).for_each(|_| push(&mut self.hours, sum / f64::from(steps), HOURS_KEPT));
            self.hour = (hour, 0.0, 0);
        } else if self.hour.2 == 0 {
            self.hour.0 = hour;
        }
        self.hour.1 += demand;
        self.hour.2 += 1;
    }

    /// The highest demand of the last `steps`.
    pub(super) fn highest(&self, steps: usize) -> Option<u32> {
        self.demands.iter().rev().take(steps).max().copied()
    }

    /// The loads of the last `steps`, rising.
    pub(super) fn sorted_loads(&self, steps: usize) -> Vec<f64> {
        let mut sorted: Vec<f64> = self.loads.iter().rev().take(steps).copied().collect();
        sorted.sort_by(f64::total_cmp);
        sorted
    }

    /// The mean demand of the hour of `at` on up to 14 days before; zero where none was measured.
    pub(super) fn usual_in_hour_of(&self, at: TimestampMs) -> f64 {
        // The hour under way has index `hours.len()`.
        let ahead = (at.floor(HOUR_MS).since(self.hour.0) / HOUR_MS) as usize;
        let of_day =
            |day: usize| (self.hours.len() + ahead).checked_sub(day * HOURS).and_then(|hour| self.hours.get(hour));
        let (sum, days) = (1..=DAYS).filter_map(of_day).fold((0.0, 0), |(sum, days), mean| (sum + mean, days + 1));
        if days == 0 { 0.0 } else { sum / f64::from(days) }
    }

    /// What the histogram of idle times wants held while there is no demand; `None` while there is, or where too little
    /// is known or most of it is out of range.
    pub(super) fn wish_while_idle(&self) -> Option<u32> {
        self.idle.wish()
    }
}

impl IdleTimes {
    fn note(&mut self, demand: u32) {
        match (demand, self.since) {
            (0, Some(steps)) => self.since = Some(steps.saturating_add(1)),
            (0, None) => {}
            (demand, since) => {
                if let Some(idle) = since.filter(|idle| *idle > 0) {
                    self.count(idle as usize);
                    self.peak = 0;
                }
                self.peak = self.peak.max(demand);
                self.since = Some(0);
            }
        }
    }

    fn count(&mut self, idle: usize) {
        self.bins.resize(IDLE_BINS, 0);
        match self.bins.get_mut(idle) {
            Some(bin) => *bin = bin.saturating_add(1),
            None => self.beyond = self.beyond.saturating_add(1),
        }
    }

    /// The idle time, in steps, below which `share` of those in range lie.
    fn percentile(&self, share: f64) -> f64 {
        let known: u32 = self.bins.iter().sum();
        let mut left = share * f64::from(known);
        let at = self.bins.iter().position(|count| {
            left -= f64::from(*count);
            left <= 0.0 && *count > 0
        });
        at.unwrap_or(IDLE_BINS) as f64
    }

    fn wish(&self) -> Option<u32> {
        let idle = f64::from(self.since.filter(|since| *since > 0)?);
        let known: u32 = self.bins.iter().sum();
        let in_range = f64::from(known) / f64::from((known + self.beyond).max(1));
        if known < IDLE_TIMES_MIN || in_range < IN_RANGE {
            return None;
        }
        let (warm_from, keep_until) = (0.9 * self.percentile(0.05), 1.1 * self.percentile(0.99));
        Some(if idle >= warm_from.floor() && idle <= keep_until.ceil() { self.peak } else { 0 })
    }
}

fn push<T>(ring: &mut VecDeque<T>, value: T, most: usize) {
    if ring.len() == most {
        ring.pop_front();
    }
    ring.push_back(value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{DAY_MS, MINUTE_MS};

    fn remember(demands: impl IntoIterator<Item = u32>) -> Memory {
        let mut memory = Memory::default();
        let noted = demands.into_iter().enumerate();
        noted.for_each(|(step, demand)| memory.note(TimestampMs(step as i64 * MINUTE_MS), f64::from(demand), demand));
        memory
    }

    #[test]
    fn the_usual_demand_of_an_hour_is_that_of_the_days_before() {
        // Ten in the first hour of each day, two otherwise; three days and half an hour.
        let memory = remember((0..3 * 1_440 + 30).map(|step| if step % 1_440 < 60 { 10 } else { 2 }));
        let day = |day: i64, minute: i64| TimestampMs(day * DAY_MS + minute * MINUTE_MS);
        assert_eq!(memory.usual_in_hour_of(day(3, 30)), 10.0);
        assert_eq!(memory.usual_in_hour_of(day(3, 65)), 2.0);
        assert_eq!(memory.usual_in_hour_of(day(4, 5)), 10.0, "tomorrow's hour under way is not known yet");
        assert_eq!(remember([]).usual_in_hour_of(day(0, 0)), 0.0);
    }

    #[test]
    fn an_hour_s_mean_is_not_rounded_up() {
        // 2 in 59 of the 60 minutes and 3 in one: 14 days of it share out to just that, and at a target of this very
        // mean one instance is wanted, not two.
        let memory = remember((0..14 * 1_440).map(|step| if step % 60 == 0 { 3 } else { 2 }));
        let usual = memory.usual_in_hour_of(TimestampMs(14 * DAY_MS + 30 * MINUTE_MS));
        assert!((usual / (121.0 / 60.0)).ceil() <= 1.0, "{usual}");
    }

    #[test]
    fn a_gap_does_not_shift_the_hours() {
        let mut memory = Memory::default();
        let mut note = |minute: i64, demand| memory.note(TimestampMs(minute * MINUTE_MS), 1.0, demand);
        (0..60).for_each(|minute| note(minute, 7));
        (60 * 5..1_441).for_each(|minute| note(minute, 3));
        assert_eq!(memory.usual_in_hour_of(TimestampMs(DAY_MS)), 7.0);
    }

    #[test]
    fn idle_times_say_when_to_warm_again() {
        // Two steps of use every thirty.
        let cycles = |steps: usize| (0..steps).map(|step| if step % 30 < 2 { 4 } else { 0 });
        assert_eq!(remember(cycles(600 + 2)).wish_while_idle(), None, "in use");
        assert_eq!(remember(cycles(600 + 10)).wish_while_idle(), Some(0));
        assert_eq!(remember(cycles(600 + 29)).wish_while_idle(), Some(4));
        assert_eq!(remember(cycles(90 + 20)).wish_while_idle(), None, "too little is known");
        assert_eq!(remember((0..20).flat_map(|_| std::iter::once(1).chain(vec![0; 300]))).wish_while_idle(), None);
    }
}
