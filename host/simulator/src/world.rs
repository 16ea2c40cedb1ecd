//! What is replayed: the load of one series, the demand in instances that follows from it, and where scoring begins.

use crate::clairvoyant::{Costs, least_cost};
use crate::trace::{Gap, Trace};
use forewarm_domain::plan::instances_for;
use forewarm_domain::series::quantile;
use forewarm_domain::time::TimestampMs;

/// The fewest steps that a trace may have.
pub const STEPS_MIN: usize = 120;
/// A busy series needs this many instances at the 95th percentile of its load, where no capacity is given.
const BUSY_INSTANCES: f64 = 40.0;
/// Steps of history, at least, before anything is forecast.
const WARM_UP_STEPS: usize = 1_500;
/// The share of the history that is left unforecast.
const WARM_UP_SHARE: f64 = 0.4;

/// One series and its demand. Policies see the load of steps that have ended, and nothing else.
#[derive(Debug, Clone, PartialEq)]
pub struct World {
    /// The series' name.
    pub name: String,
    /// The beginning of the first step.
    pub start: TimestampMs,
    /// The length of a step in milliseconds.
    pub step_ms: i64,
    /// The load per step.
    pub loads: Vec<f64>,
    /// Where the trace had no rows, so that the last value is held.
    pub gaps: Vec<Gap>,
    /// The load that one instance serves.
    pub capacity: f64,
    /// Instances needed per step: at least 1.
    pub demand: Vec<u32>,
    /// From this step on policies are scored; what came before is history, on which they may be tuned.
    pub split: usize,
    /// From this step on the history is forecast, so that policies can compete before they are scored.
    pub warm_up: usize,
}

/// Why a trace can't be replayed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum WorldError {
    /// Too little of it.
    #[error("the trace has {steps} minutes: at least {STEPS_MIN} are needed, half of them history")]
    TooShort {
        /// How many there are.
        steps: usize,
    },
    /// Nothing to size an instance by.
    #[error(
        "the load is zero nearly all through the trace's first half: give the load that one instance serves with --capacity"
    )]
    NoLoad,
    /// The fleet would be out of all proportion.
    #[error("a load of {load} needs more than {most} instances of {capacity}: give a larger --capacity")]
    TooMany {
        /// The highest load.
        load: f64,
        /// What one instance serves.
        capacity: f64,
        /// The limit.
        most: u32,
    },
}

/// The most instances that a world may need at a time.
pub const INSTANCES_MAX: u32 = 10_000_000;

impl World {
    /// The benchmark's demand: `max(1, ceil(load / capacity))`, the first half of the trace being history. Without a
    /// `capacity` it is a fortieth of the history's 95th percentile.
    ///
    /// # Errors
    /// [`WorldError`] for traces that are too short, have no load, or need too many instances.
    pub fn new(trace: Trace, capacity: Option<f64>) -> Result<Self, WorldError> {
        let Trace { name, start, step_ms, values: loads, gaps } = trace;
        if loads.len() < STEPS_MIN {
            return Err(WorldError::TooShort { steps: loads.len() });
        }
        let split = loads.len() / 2;
        let busy = || quantile(&loads[..split], 0.95).map(|busy| busy / BUSY_INSTANCES);
        let capacity = capacity.or_else(busy).filter(|capacity| *capacity > 0.0).ok_or(WorldError::NoLoad)?;
        let highest = loads.iter().copied().fold(0.0, f64::max);
        if highest / capacity > f64::from(INSTANCES_MAX) {
            return Err(WorldError::TooMany { load: highest, capacity, most: INSTANCES_MAX });
        }
        let demand = loads.iter().map(|load| instances_for(*load, capacity).max(1)).collect();
        let warm_up = WARM_UP_STEPS.max((split as f64 * WARM_UP_SHARE) as usize).min(split - 2);
        Ok(Self { name, start, step_ms, loads, gaps, capacity, demand, split, warm_up })
    }

    /// The beginning of a step.
    #[must_use]
    pub fn at(&self, step: usize) -> TimestampMs {
        self.start + self.step_ms * step as i64
    }

    /// Instances that are ready when step `from` begins.
    #[must_use]
    pub fn ready_at(&self, from: usize) -> u32 {
        self.demand.get(from.saturating_sub(1)).copied().unwrap_or(1)
    }

    /// What perfect foresight would have paid in the scored part.
    #[must_use]
    pub fn least_cost(&self, costs: Costs) -> f64 {
        least_cost(&self.demand[self.split..], self.ready_at(self.split), costs)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use forewarm_domain::time::MINUTE_MS;

    pub(crate) fn world(loads: Vec<f64>, capacity: Option<f64>) -> Result<World, WorldError> {
        World::new(
            Trace { name: "web".into(), start: TimestampMs(0), step_ms: MINUTE_MS, values: loads, gaps: vec![] },
            capacity,
        )
    }

    #[test]
    fn demand_is_load_over_capacity_and_at_least_one() {
        let loads: Vec<f64> = (0..200).map(|step| if step < 100 { 80.0 } else { f64::from(step % 3) }).collect();
        let world = world(loads, None).expect("long enough");
        assert_eq!((world.capacity, world.split, world.warm_up), (2.0, 100, 98));
        assert_eq!((world.demand[0], world.demand[102], world.demand[101]), (40, 1, 1));
        assert_eq!(world.ready_at(world.split), 40);
    }

    #[test]
    fn what_cannot_be_replayed_is_refused() {
        assert_eq!(world(vec![1.0; 60], None), Err(WorldError::TooShort { steps: 60 }));
        assert_eq!(world(vec![0.0; 600], None), Err(WorldError::NoLoad));
        assert!(matches!(world(vec![1e9; 600], Some(1.0)), Err(WorldError::TooMany { .. })));
        assert!(world(vec![0.0; 600], Some(1.0)).is_ok(), "with a capacity, no load is a load");
    }
}
