//! Work that comes again after an interval of its own, like a job that starts so long after the one before: peaks or dips
//! on a steady load that keep to no time of the day. It is taken for a renewal process (Cox 1962): its interval wanders,
//! so that the next time is counted from the last one and from no calendar.

use super::stats;
use std::f64::consts::TAU;

/// How many of the latest steps are looked at.
pub const LOOKED_AT: usize = 672;
/// Steps whose median is the steady load that peaks and dips stand out from.
const STEADY: usize = 25;
/// The largest heights are one in so many, but at least so many.
const LARGEST: (usize, usize) = (40, 8);
/// What stands out is this part of the largest ones high, and so many deviations of what does not.
const PART: f64 = 0.5;
const DEVIATIONS: f64 = 3.0;
/// From a median absolute deviation to the standard deviation of a normal distribution.
const NORMAL: f64 = 1.4826;
/// No peak counts more than so many usual ones.
const AREA_MAX: f64 = 2.0;
/// The fewest times.
const TIMES_MIN: usize = 6;
/// The shortest interval in steps.
const INTERVAL_MIN: f64 = 4.0;
/// How far an interval may lie from the usual one, as a part of it.
const OFF_MAX: f64 = 0.16;
/// What a missed time costs, in usual peaks.
const MISSED: f64 = 0.5;
/// The least part of the expected times that was seen.
const SEEN_MIN: f64 = 0.75;
/// The least part of all that stands out that belongs to them.
const OWN_MIN: f64 = 0.55;
/// After so many intervals without a time it is over.
const OVER: f64 = 2.3;
/// Times that keep to the calendar by more than this are a season's: the mean resultant length of their phases, 0 to 1.
const SEASONAL: f64 = 0.7;
/// How many of the latest intervals say how long the next one is.
const LATEST: usize = 12;

/// Times at which something comes again.
#[derive(Debug, Clone, PartialEq)]
pub struct Recurring {
    /// The times in steps, rising, with those between that were missed; at least six.
    pub times: Vec<f64>,
    /// The interval in steps.
    pub interval: f64,
    /// The standard deviation of an interval in steps.
    pub spread: f64,
}

impl Recurring {
    /// Looks through the latest values for what comes again after an interval of its own, at no fixed times of the shortest
    /// `season`.
    #[must_use]
    pub fn find(values: &[f64], season: Option<usize>) -> Option<Self> {
        let from = values.len().saturating_sub(LOOKED_AT);
        let beside = beside_steady(&values[from..]);
        let peaks = [peaks(&beside), peaks(&beside.iter().map(|value| -value).collect::<Vec<_>>())];
        let chains = peaks.iter().flat_map(|peaks| {
            intervals(peaks, beside.len())
                .filter_map(|interval| Chain::best(peaks, interval, beside.len())?.judged(peaks))
        });
        let (_, mut found) = chains.max_by(|a, b| a.0.total_cmp(&b.0))?;
        if season.is_some_and(|season| found.keeps_to(season as f64)) {
            return None;
        }
        found.times.iter_mut().for_each(|time| *time += from as f64);
        Some(found)
    }

    /// Whether the times keep to phases of the multiple or the part of a season that is nearest to the interval.
    fn keeps_to(&self, season: f64) -> bool {
        let nearest = season * (self.interval / season).round().max(1.0) / (season / self.interval).round().max(1.0);
        let phase = |time: &f64| TAU * time / nearest;
        let mean =
            |of: fn(f64) -> f64| self.times.iter().map(|time| of(phase(time))).sum::<f64>() / self.times.len() as f64;
        libm::hypot(mean(libm::cos), mean(libm::sin)) > SEASONAL
    }
}

/// The values beside the median of those around them.
fn beside_steady(values: &[f64]) -> Vec<f64> {
    let half = STEADY / 2;
    let around = |at: usize| &values[at.saturating_sub(half)..(at + half + 1).min(values.len())];
    values.iter().enumerate().map(|(at, value)| value - stats::median(around(at))).collect()
}

/// Something that stands out.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Peak {
    /// Its centre of mass, in steps.
    at: f64,
    /// Its area, in usual ones.
    area: f64,
}

/// What rises above the rest: stretches of half the height that is wanted which reach all of it.
fn peaks(beside: &[f64]) -> Vec<Peak> {
    let heights: Vec<f64> = beside.iter().map(|value| value.max(0.0)).collect();
    let noise = NORMAL * stats::median(&beside.iter().map(|value| value.abs()).collect::<Vec<_>>());
    let least = PART * largest(&heights);
    let mut found: Vec<Peak> = Vec::new();
    if least <= DEVIATIONS * noise {
        return found;
    }
    let mut at = 0;
    while at < heights.len() {
        let length = heights[at..].iter().take_while(|height| **height > least / 2.0).count();
        if heights[at..at + length].iter().any(|height| *height > least) {
            let around = at.saturating_sub(1)..(at + length + 1).min(heights.len());
            let area: f64 = heights[around.clone()].iter().sum();
            let moment: f64 = around.map(|step| step as f64 * heights[step]).sum();
            found.push(Peak { at: moment / area, area });
        }
        at += length + 1;
    }
    let usual = stats::median(&found.iter().map(|peak| peak.area).collect::<Vec<_>>());
    found.iter_mut().for_each(|peak| peak.area = (peak.area / usual).min(AREA_MAX));
    found
}

/// The mean of the largest heights.
fn largest(heights: &[f64]) -> f64 {
    let mut sorted = heights.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let count = (sorted.len() / LARGEST.0).max(LARGEST.1).min(sorted.len());
    stats::mean(&sorted[sorted.len() - count..])
}

/// The intervals that peaks may have if none or every other one is not of the kind: the median from each to the next, and
/// to the one after that.
fn intervals(peaks: &[Peak], steps: usize) -> impl Iterator<Item = f64> {
    let median = |apart: usize| {
        let gaps: Vec<f64> = peaks.windows(apart + 1).map(|some| some[apart].at - some[0].at).collect();
        stats::median(&gaps)
    };
    let longest = steps as f64 / TIMES_MIN as f64;
    [1, 2].map(median).into_iter().filter(move |interval| (INTERVAL_MIN..=longest).contains(interval))
}

/// Peaks that follow each other after one or two intervals.
struct Chain {
    /// Indices of the peaks, oldest first, and after how many intervals each follows.
    links: Vec<(usize, usize)>,
    interval: f64,
}

impl Chain {
    /// The chain of the largest peaks at the most even intervals that still goes on, by dynamic programming.
    fn best(peaks: &[Peak], interval: f64, steps: usize) -> Option<Self> {
        let mut sums: Vec<f64> = peaks.iter().map(|peak| peak.area).collect();
        let mut before: Vec<Option<(usize, usize)>> = vec![None; peaks.len()];
        for (at, peak) in peaks.iter().enumerate() {
            let gap = |earlier: &usize| (peak.at - peaks[*earlier].at) / interval;
            for earlier in (0..at).rev().take_while(|earlier| gap(earlier) < 2.5) {
                let count = gap(&earlier).round();
                let off = (gap(&earlier) - count) / OFF_MAX;
                let sum = sums[earlier] + peak.area - MISSED * (count - 1.0) - off * off / 2.0;
                if count >= 1.0 && off * off <= count && sum > sums[at] {
                    sums[at] = sum;
                    before[at] = Some((earlier, count as usize));
                }
            }
        }
        let lives = |at: &usize| peaks[*at].at > steps as f64 - OVER * interval;
        let mut at = (0..peaks.len()).filter(lives).max_by(|a, b| sums[*a].total_cmp(&sums[*b]))?;
        let mut links = Vec::new();
        while let Some((earlier, count)) = before[at] {
            links.push((at, count));
            at = earlier;
        }
        links.push((at, 0));
        links.reverse();
        Some(Self { links, interval })
    }

    /// How good it is, and its times. `None` where it is too short, misses too many, or leaves out too much.
    fn judged(&self, peaks: &[Peak]) -> Option<(f64, Recurring)> {
        let of = |links: &[(usize, usize)]| links.iter().map(|(at, _)| peaks[*at].area).sum::<f64>();
        let first = peaks[self.links[0].0].at - OFF_MAX * self.interval;
        let all: f64 = peaks.iter().filter(|peak| peak.at > first).map(|peak| peak.area).sum();
        let times = self.times(peaks);
        let (seen, own) = (self.links.len() as f64 / times.len() as f64, of(&self.links) / all);
        if self.links.len() < TIMES_MIN || seen < SEEN_MIN || own < OWN_MIN {
            return None;
        }
        let intervals: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let spread = stats::variance(&intervals).sqrt();
        let long = libm::log(self.links.len() as f64 / TIMES_MIN as f64);
        let interval = stats::mean(&intervals[intervals.len().saturating_sub(LATEST)..]);
        Some((seen * own - 2.0 * spread / interval + 0.1 * long, Recurring { times, interval, spread }))
    }

    /// The times of the peaks, and evenly between them those that were missed.
    fn times(&self, peaks: &[Peak]) -> Vec<f64> {
        let mut times: Vec<f64> = Vec::new();
        for (at, count) in &self.links {
            let to = peaks[*at].at;
            let from = times.last().copied().unwrap_or(to);
            times.extend((1..*count).map(|part| from + (to - from) * part as f64 / *count as f64));
            times.push(to);
        }
        times
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(step: usize) -> f64 {
        (step as f64 * step as f64 * 0.618_033_988_75).fract() - 0.5
    }

    /// A steady load of 0.5 with a job of one step, `height` above or below, at each of `times`.
    fn load(steps: usize, times: &[f64], height: f64) -> Vec<f64> {
        let share = |step: usize| times.iter().map(|time| (1.0 - (step as f64 - time).abs()).max(0.0)).sum::<f64>();
        (0..steps).map(|step| 0.5 + 0.01 * noise(step) + height * share(step)).collect()
    }

    /// Times from 5 on, an interval of 11.3 apart that wanders by a part of it.
    fn wandering(count: usize, part: f64) -> Vec<f64> {
        let mut at = 5.0;
        (0..count)
            .map(|index| {
                at += 11.3 * (1.0 + part * noise(index + 7));
                at
            })
            .collect()
    }

    #[test]
    fn peaks_and_dips_of_an_own_interval_are_found_where_they_were() {
        for height in [0.3, -0.3] {
            let times = wandering(50, 0.1);
            let found = Recurring::find(&load(580, &times, height), Some(24)).expect("a job");
            assert!((found.interval - 11.3).abs() < 0.4 && (0.1..0.6).contains(&found.spread), "{found:?}");
            let off = |time: &f64| nearest_of(&times, *time);
            assert!(found.times.len() >= 45 && found.times.iter().all(|time| off(time) < 0.2), "{found:?}");
        }
    }

    fn nearest_of(times: &[f64], time: f64) -> f64 {
        times.iter().map(|other| (other - time).abs()).fold(f64::INFINITY, f64::min)
    }

    #[test]
    fn missed_times_are_counted_and_others_between_are_not() {
        let mut times = wandering(50, 0.02);
        let (missed, end) = (times.remove(20), times[48]);
        times.insert(30, (times[29] + times[30]) / 2.0);
        let found = Recurring::find(&load(end as usize + 4, &times, 0.3), None).expect("a job");
        assert_eq!(found.times.len(), 50);
        assert!(nearest_of(&found.times, missed) < 0.5 && nearest_of(&found.times, times[30]) > 4.0, "{found:?}");
    }

    #[test]
    fn it_looks_at_the_latest_steps_and_counts_from_the_first() {
        let times: Vec<f64> = (0..80).map(|time| 3.0 + 12.7 * f64::from(time)).collect();
        let found = Recurring::find(&load(1_000, &times, 0.3), None).expect("a job");
        assert!(found.times[0] > 328.0 && found.times.iter().all(|time| nearest_of(&times, *time) < 0.2), "{found:?}");
    }

    #[test]
    fn seasons_noise_and_what_is_over_are_none() {
        let daily: Vec<f64> = (0..28).map(|day| 9.0 + 24.0 * f64::from(day)).collect();
        assert_eq!(Recurring::find(&load(672, &daily, 0.3), Some(24)), None);
        assert!(Recurring::find(&load(672, &daily, 0.3), None).is_some(), "no season was named");
        let noisy: Vec<f64> = (0..672).map(|step| 0.5 + noise(step)).collect();
        let random: Vec<f64> = (0..40).map(|index| 300.0 + 600.0 * noise(3 * index + 1)).collect();
        let over = wandering(30, 0.1);
        for values in [noisy, load(672, &random, 0.3), load(672, &over, 0.3), vec![0.5; 672], vec![0.0; 3], vec![]] {
            assert_eq!(Recurring::find(&values, Some(24)), None, "{values:?}");
        }
    }
}
