//! An owner of capacity: one demand series, a fleet that is paid for anyway, and what its forecasts say can be spared.

use crate::setting::Setting;
use forewarm_domain::forecast::Fan;
use forewarm_domain::lending::{DeliveryWindow, RECLAIMABLE_LEVEL, SurplusInput, SurplusSplit, surplus};
use forewarm_domain::plan::instances_for;
use forewarm_domain::time::TimestampMs;
use forewarm_simulator::run::Forecaster;
use forewarm_simulator::world::World;

/// One owner through the scored half of its series.
#[derive(Debug, Clone, PartialEq)]
pub struct Owner {
    /// The series' name.
    pub name: String,
    /// When the first window begins.
    pub start: TimestampMs,
    /// The length of a step in milliseconds.
    pub step_ms: i64,
    /// Instances that it keeps: its history's highest demand.
    pub fleet: u32,
    /// Instances that it needs itself, per step.
    pub demand: Vec<u32>,
    /// What it can spare, per window, as the forecast said just before.
    pub listings: Vec<SurplusSplit>,
    /// Instances that it likely needs within a notice from each step on.
    pub likely: Vec<u32>,
}

/// Why a series has no owner.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum OwnerError {
    /// Not one whole window.
    #[error(
        "{name}: half of the trace is {steps} minutes, less than one window of {window}: give a longer trace or shorten the window"
    )]
    TooShort {
        /// The series.
        name: String,
        /// Scored steps.
        steps: usize,
        /// Steps of a window.
        window: usize,
    },
}

impl Owner {
    /// Follows a world's scored half with a forecaster. Steps without a forecast list nothing, and a window whose forecast
    /// failed is not called back either. `progress` is told how many steps are done.
    ///
    /// # Errors
    /// [`OwnerError`] where there is not one whole window.
    pub fn look(
        world: &World,
        setting: &Setting,
        forecaster: &mut dyn Forecaster,
        progress: &mut dyn FnMut(usize),
    ) -> Result<Self, OwnerError> {
        let (scored, window) = (world.loads.len() - world.split, setting.window_steps);
        let windows = scored / window;
        if windows == 0 {
            return Err(OwnerError::TooShort { name: world.name.clone(), steps: scored, window });
        }
        let fleet = world.demand[..world.split].iter().copied().max().unwrap_or(1);
        let (mut listings, mut likely) = (Vec::with_capacity(windows), Vec::with_capacity(windows * window));
        for step in 0..windows * window {
            let at = world.split + step;
            let fan = forecaster.forecast(&world.loads[..at]).ok();
            if step % window == 0 {
                let listed = fan.as_ref().and_then(|fan| listing(world, setting, fleet, at, fan));
                listings.push(listed.unwrap_or_default());
            }
            likely.push(fan.map_or(0, |fan| likely_within(&fan, setting.notice_steps, world.capacity)));
            progress(step + 1);
        }
        Ok(Self {
            name: world.name.clone(),
            start: world.at(world.split),
            step_ms: world.step_ms,
            fleet,
            demand: world.demand[world.split..world.split + windows * window].to_vec(),
            listings,
            likely,
        })
    }
}

/// All instances are the owner's at a window's beginning: leases end with theirs.
fn listing(world: &World, setting: &Setting, fleet: u32, at: usize, fan: &Fan) -> Option<SurplusSplit> {
    let window = DeliveryWindow::new(world.at(at), world.at(at + setting.window_steps)).ok()?;
    Some(surplus(&SurplusInput {
        window,
        fans: &[fan],
        capacity_per_instance: world.capacity,
        ready: fleet,
        warm: fleet,
        leased: 0,
        keep_min: 0,
        limit: u32::MAX,
        classes: (true, true),
    }))
}

/// What is likely needed at any step until a notice given now is over, and in the one after.
fn likely_within(fan: &Fan, notice_steps: usize, capacity: f64) -> u32 {
    let steps = 0..fan.horizon().min(notice_steps + 1);
    steps.map(|step| instances_for(fan.quantile(step, RECLAIMABLE_LEVEL), capacity)).max().unwrap_or(0)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use forewarm_domain::time::MINUTE_MS;
    use forewarm_simulator::trace::Trace;

    /// Says that the next hour will be like the last step, give or take a fifth.
    pub(crate) struct Persistent;

    impl Forecaster for Persistent {
        fn forecast(&mut self, seen: &[f64]) -> Result<Fan, String> {
            let last = seen.last().copied().unwrap_or(0.0);
            let start = TimestampMs(MINUTE_MS * seen.len() as i64);
            let paths = [0.8, 1.0, 1.2].map(|factor| vec![last * factor; 60]);
            Fan::from_paths(start, MINUTE_MS, &[0.05, 0.5, 0.99], &paths).map_err(|error| error.to_string())
        }
    }

    /// Days of a wave between 10 and 30 instances.
    pub(crate) fn world(name: &str, days: usize) -> World {
        let wave = |step: usize| 20.0 + 10.0 * (step as f64 / 1_440.0 * std::f64::consts::TAU).sin();
        let values = (0..days * 1_440).map(wave).collect();
        let trace = Trace { name: name.into(), start: TimestampMs(0), step_ms: MINUTE_MS, values, gaps: Vec::new() };
        World::new(trace, Some(1.0)).expect("long enough")
    }

    pub(crate) fn owner(name: &str) -> Owner {
        Owner::look(&world(name, 4), &Setting::default(), &mut Persistent, &mut |_| {}).expect("windows")
    }

    #[test]
    fn the_surplus_is_what_the_forecast_leaves_of_the_fleet() {
        let owner = owner("web");
        assert_eq!((owner.fleet, owner.listings.len(), owner.demand.len()), (30, 96, 2_880));
        // At midnight 20 are needed, and 24 at most; at noon the same; at 6:00 30, which leaves none.
        let split = owner.listings[0];
        assert_eq!((split.firm, split.firm + split.reclaimable), (6, 7));
        assert_eq!((owner.listings[12].firm, owner.listings[12].reclaimable), (0, 0));
        assert!(owner.likely.iter().zip(&owner.demand).all(|(likely, demand)| likely + 1 >= *demand));
    }

    #[test]
    fn without_a_forecast_nothing_is_listed() {
        struct Dead;
        impl Forecaster for Dead {
            fn forecast(&mut self, _: &[f64]) -> Result<Fan, String> {
                Err("dead".into())
            }
        }
        let (world, setting) = (world("web", 1), Setting::default());
        let owner = Owner::look(&world, &setting, &mut Dead, &mut |_| {}).expect("windows");
        assert!(owner.listings.iter().all(|listing| *listing == SurplusSplit::default()));
    }
}
