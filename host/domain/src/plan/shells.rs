//! The generic shells of one class: they are held for all its personas together, on the sum of what each may need above
//! the instances that it has of its own. What is uncertain of one persona evens out over many, so that fewer are needed
//! than each would hold for itself.
//!
//! The sum is the convolution of the personas' level probabilities, as if their forecasts erred independently: what they
//! have in common, such as the time of day, is in the forecasts. Levels beyond [`UNITS`] are counted in larger units,
//! each rounded to the nearest (the method of rounding: Gerber 1982; Klugman, Panjer and Willmot, *Loss Models*, 9.6.5).

use super::level::highest;
use super::{Chances, Economy, Programme, Standby};
use crate::instance::Tier;

/// The most units in which a sum is counted.
const UNITS: usize = 256;
/// Where a sum is counted in larger units, they reach this many standard deviations above its mean.
const SPREAD: f64 = 8.0;
/// Chances below this are taken for none: the error of a sum is below this times the personas.
const NEGLIGIBLE: f64 = 1e-9;
/// Levels at which a persona's mean and spread are sampled at the most.
const SAMPLES: u32 = 64;

/// What one persona may need of the shells of its class.
#[derive(Debug, Clone, Copy)]
pub struct ShellDemand<'a> {
    /// Its load to come.
    pub chances: Chances<'a>,
    /// The load that one instance serves.
    pub capacity: f64,
    /// Instances that it has of its own: ready and parked ones, as planned.
    pub covered: u32,
    /// The most instances that it may have.
    pub max: u32,
    /// Its costs, with the tier shell among the standby tiers.
    pub economy: &'a Economy,
    /// Shells that it would hold for itself.
    pub alone: u32,
}

/// How many shells to hold for a class, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct ShellPlan {
    /// Shells to hold.
    pub wanted: u32,
    /// What its personas would hold, each for itself.
    pub alone: u32,
    /// Why, in a sentence.
    pub reason: String,
}

impl ShellDemand<'_> {
    /// The most that it may need above its own.
    fn most(&self) -> u32 {
        self.chances.most(self.capacity).min(self.max).saturating_sub(self.covered)
    }

    /// P(it needs at least `count` above its own) at `step`.
    fn chance(&self, count: u32, step: usize) -> f64 {
        let level = f64::from(self.covered) + f64::from(count);
        self.chances.of((level - 1.0) * self.capacity)(step)
    }

    /// Mean and variance of what it needs above its own at `step`, sampled where that may be much.
    fn moments(&self, most: u32, step: usize) -> (f64, f64) {
        let stride = most.div_ceil(SAMPLES).max(1);
        let (mut mean, mut square) = (0.0, 0.0);
        for count in (1..=most).step_by(stride as usize) {
            let chance = self.chance(count, step) * f64::from(stride);
            mean += chance;
            square += (2.0 * f64::from(count) - 1.0) * chance;
        }
        (mean, (square - mean * mean).max(0.0))
    }
}

/// Plans the shells of one class of which there are `have`.
#[must_use]
pub fn plan_shells(demands: &[ShellDemand<'_>], have: u32) -> ShellPlan {
    let alone = demands.iter().fold(0_u32, |sum, demand| sum.saturating_add(demand.alone));
    let horizon = demands.iter().map(|demand| demand.chances.fan.horizon()).min().unwrap_or(0);
    let needs: Vec<(&ShellDemand<'_>, u32)> =
        demands.iter().map(|demand| (demand, demand.most())).filter(|(_, most)| *most > 0).collect();
    let sums = Sums::of(&needs, horizon);
    let wanted = common(demands, sums.weights).map_or(0, |economy| sums.worth(&economy, horizon, have));
    let reason = format!(
        "{wanted} shells are worth holding for the {} personas of this class: above their own instances they need {:.1} \
         together at the peak of the mean; each for itself would hold {alone} in all",
        demands.len(),
        sums.peak,
    );
    ShellPlan { wanted, alone, reason }
}

/// The class's costs: shortage by how much of the need is whose; what takes time, as long as for the slowest persona,
/// but a launch as short as for the quickest. `None` where nobody needs anything, or may use shells.
fn common(demands: &[ShellDemand<'_>], weights: (f64, f64)) -> Option<Economy> {
    let (weight, weighed) = weights;
    let mut shells =
        demands.iter().filter_map(|demand| demand.economy.standby.iter().find(|standby| standby.tier == Tier::Shell));
    let first = *shells.next()?;
    let slowest = shells.fold(first, |slowest, shell| Standby {
        tier: Tier::Shell,
        hold: slowest.hold.max(shell.hold),
        latency_steps: slowest.latency_steps.max(shell.latency_steps),
        build_steps: slowest.build_steps.max(shell.build_steps),
    });
    let boot_steps = demands.iter().map(|demand| demand.economy.boot_steps).min()?;
    (weight > 0.0).then(|| Economy { unserved: weighed / weight, boot_steps, standby: vec![slowest] })
}

/// The distribution of what a class needs in all, per step ahead.
struct Sums {
    /// Instances per unit.
    unit: u32,
    /// P(at least so many units), from none on, per step.
    chances: Vec<Vec<f64>>,
    /// The highest mean of a step.
    peak: f64,
    /// Need over all steps, and the same weighed by what each persona's shortage costs.
    weights: (f64, f64),
}

impl Sums {
    fn of(needs: &[(&ShellDemand<'_>, u32)], horizon: usize) -> Self {
        let (mut peak, mut reach, mut weights) = (0.0_f64, 0.0_f64, (0.0, 0.0));
        for step in 0..horizon {
            let (mut mean, mut variance) = (0.0, 0.0);
            for (demand, most) in needs {
                let (own_mean, own_variance) = demand.moments(*most, step);
                mean += own_mean;
                variance += own_variance;
                weights = (weights.0 + own_mean, weights.1 + own_mean * demand.economy.unserved);
            }
            peak = peak.max(mean);
            reach = reach.max(mean + SPREAD * variance.sqrt());
        }
        let possible = needs.iter().map(|(_, most)| f64::from(*most)).sum::<f64>();
        // A float converts to an integer saturating.
        let unit = ((reach.min(possible) / (UNITS - 1) as f64).ceil() as u32).max(1);
        let chances = (0..horizon).map(|step| at_least(&sum(needs, unit, step))).collect();
        Self { unit, chances, peak, weights }
    }

    /// Shells that the programme holds when there are `have`.
    fn worth(&self, economy: &Economy, horizon: usize, have: u32) -> u32 {
        let mut programme = Programme::new(economy, horizon);
        let Some(shell) = programme.tiers().position(|tier| tier == Tier::Shell) else { return 0 };
        let most = self.chances.iter().map(Vec::len).max().unwrap_or(1).saturating_sub(1);
        let units = highest(u32::try_from(most).unwrap_or(u32::MAX), |level| {
            let now = if level.saturating_mul(self.unit) <= have { Tier::Shell } else { Tier::Cold };
            let chance = |step: usize| self.chances[step].get(level as usize).copied().unwrap_or(0.0);
            programme.solve(now, chance).rung >= shell
        });
        units.saturating_mul(self.unit)
    }
}

/// P(the sum is so many units), from none on. What lies beyond the last unit counts as the last.
fn sum(needs: &[(&ShellDemand<'_>, u32)], unit: u32, step: usize) -> Vec<f64> {
    let (mut total, mut next) = (vec![1.0], Vec::new());
    for (demand, most) in needs {
        let part = part(demand, *most, unit, step);
        if part.len() > 1 {
            next.clear();
            next.resize((total.len() + part.len() - 1).min(UNITS), 0.0);
            let last = next.len() - 1;
            for (units, chance) in total.iter().enumerate() {
                for (more, other) in part.iter().enumerate() {
                    next[(units + more).min(last)] += chance * other;
                }
            }
            let useful = next.iter().rposition(|chance| *chance > NEGLIGIBLE).unwrap_or(0) + 1;
            next.truncate(useful);
            std::mem::swap(&mut total, &mut next);
        }
    }
    total
}

/// P(one persona needs so many units), each rounded to the nearest.
fn part(demand: &ShellDemand<'_>, most: u32, unit: u32, step: usize) -> Vec<f64> {
    let mut part = Vec::new();
    let mut before = 1.0;
    for units in 1..UNITS as u64 {
        // The least count that is nearer to `units` than to one unit less.
        let least = ((2 * units - 1) * u64::from(unit)).div_ceil(2);
        let within = u32::try_from(least).ok().filter(|least| *least <= most);
        let chance = within.map_or(0.0, |least| demand.chance(least, step)).min(before);
        part.push(before - chance);
        before = chance;
        if chance <= NEGLIGIBLE {
            break;
        }
    }
    part.push(before);
    part
}

fn at_least(chances: &[f64]) -> Vec<f64> {
    let mut sum = 0.0;
    let mut reversed: Vec<f64> = chances
        .iter()
        .rev()
        .map(|chance| {
            sum += chance;
            sum
        })
        .collect();
    reversed.reverse();
    reversed
}

#[cfg(test)]
mod tests;
