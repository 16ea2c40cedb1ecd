//! A cloud in virtual time: launches that take as long as boots do, and fail as they do; a quota; telemetry that is
//! missing; a forecaster that dies. Without faults every launch takes the same number of steps.

use crate::boots::Boots;
use forewarm_domain::policy::{Fleet, Launch, Tally};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};
use std::f64::consts::TAU;
use std::sync::Arc;

/// What goes wrong in a simulation, drawn from its seed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Faults {
    /// Boots last as long as one of these, by chance; `None` is as long as the setting says.
    #[serde(skip)]
    pub boots: Option<Arc<Boots>>,
    /// Spread of the boot time: the standard deviation of its logarithm. 0 is always the same; 0.5 makes one in twenty
    /// last 2.3 times the median.
    pub boot_spread: f64,
    /// The share of boots that fail, noticed when they were due; 0 to below 1.
    pub boot_failures: f64,
    /// The most instances that may exist; `None` is no limit.
    pub quota: Option<u32>,
    /// The share of time without telemetry, in gaps of [`GAP_STEPS`]; 0 to below 1.
    pub telemetry_gaps: f64,
    /// The share of the scored part after which the forecaster is dead; `None` is never.
    pub forecaster_dies: Option<f64>,
}

/// How long a gap in the telemetry lasts, in steps.
pub const GAP_STEPS: usize = 30;

impl Faults {
    /// Whether nothing goes wrong.
    #[must_use]
    pub fn none(&self) -> bool {
        *self == Self::default()
    }

    /// Whether boots differ, or fail.
    pub(crate) fn boots_by_chance(&self) -> bool {
        self.boots.is_some() || self.boot_spread > 0.0 || self.boot_failures > 0.0
    }
}

/// One policy's instances in a cloud.
#[derive(Debug)]
pub struct Cloud {
    fleet: Fleet,
    boot_steps: usize,
    step_ms: i64,
    faults: Faults,
    random: StdRng,
    /// Boots that failed so far.
    pub failed_boots: u64,
}

impl Cloud {
    /// `ready` instances; boots take `boot_steps` at the median. The same seed draws the same boots.
    #[must_use]
    pub fn new(ready: u32, boot_steps: usize, step_ms: i64, faults: Faults, seed: u64) -> Self {
        let random = StdRng::seed_from_u64(seed);
        Self { fleet: Fleet::new(ready), boot_steps, step_ms, faults, random, failed_boots: 0 }
    }

    /// A step begins: what is due becomes ready.
    pub fn advance(&mut self) {
        self.failed_boots += u64::from(self.fleet.advance());
    }

    /// Instances that serve, and those on their way.
    #[must_use]
    pub fn stock(&self) -> (u32, u32) {
        (self.fleet.ready(), self.fleet.booting())
    }

    /// Moves towards `wanted` and tells what the step costs when `demand` is needed in it.
    pub fn follow(&mut self, wanted: u32, demand: u32) -> Tally {
        let wanted = self.faults.quota.map_or(wanted, |quota| wanted.min(quota));
        let Self { fleet, boot_steps, step_ms, faults, random, .. } = self;
        let launches = if faults.boots_by_chance() {
            fleet.follow(wanted, || launch(*boot_steps, *step_ms, faults, random))
        } else {
            fleet.follow_surely(wanted, *boot_steps)
        };
        fleet.tally(demand, launches)
    }
}

/// A boot time, one of those that were measured or spread about its median, and whether the boot fails.
pub(crate) fn launch(boot_steps: usize, step_ms: i64, faults: &Faults, random: &mut StdRng) -> Launch {
    let Some(boots) = &faults.boots else { return launch_about(boot_steps, faults, random) };
    let steps = boots.draw(step_ms, random);
    Launch { steps, fails: random.random::<f64>() < faults.boot_failures }
}

/// A time that is log-normal about `median` steps, and whether what takes it fails.
pub(crate) fn launch_about(median: usize, faults: &Faults, random: &mut StdRng) -> Launch {
    let spread = (faults.boot_spread * normal(random)).exp();
    let steps = (median as f64 * spread).round().clamp(1.0, 100.0 * median as f64);
    Launch { steps: steps as usize, fails: random.random::<f64>() < faults.boot_failures }
}

/// A draw from the standard normal distribution (Box and Muller 1958).
pub(crate) fn normal(random: &mut StdRng) -> f64 {
    let (radius, angle): (f64, f64) = (random.random(), random.random());
    (-2.0 * (1.0 - radius).ln()).sqrt() * (TAU * angle).cos()
}

/// Steps without telemetry, of `steps`: the same for every policy.
#[must_use]
pub fn gaps(steps: usize, faults: &Faults, seed: u64) -> Vec<bool> {
    let mut random = StdRng::seed_from_u64(seed ^ 0x6761_7073);
    // Gaps follow each other with a mean distance that leaves the wanted share of the time.
    let begins = faults.telemetry_gaps / (GAP_STEPS as f64 * (1.0 - faults.telemetry_gaps).max(1e-9));
    let mut left = 0;
    let one = |_| {
        if left == 0 && random.random::<f64>() < begins {
            left = GAP_STEPS;
        }
        let missing = left > 0;
        left -= usize::from(missing);
        missing
    };
    (0..steps).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boots_spread_about_their_median() {
        let faults = Faults { boot_spread: 0.5, boot_failures: 0.1, ..Faults::default() };
        let mut random = StdRng::seed_from_u64(1);
        let mut launches: Vec<Launch> = (0..10_001).map(|_| launch(10, 60_000, &faults, &mut random)).collect();
        launches.sort_by_key(|launch| launch.steps);
        assert_eq!(launches[5_000].steps, 10);
        assert!((20..27).contains(&launches[9_500].steps), "{:?}", launches[9_500]);
        let failed = launches.iter().filter(|launch| launch.fails).count();
        assert!((900..1_100).contains(&failed), "{failed}");
    }

    #[test]
    fn a_quota_is_never_passed() {
        let mut cloud = Cloud::new(2, 5, 60_000, Faults { quota: Some(4), ..Faults::default() }, 1);
        cloud.advance();
        assert_eq!(cloud.follow(9, 9).launches, 2);
        assert_eq!(cloud.stock(), (2, 2));
    }

    #[test]
    fn gaps_take_their_share_of_the_time() {
        let faults = Faults { telemetry_gaps: 0.2, ..Faults::default() };
        let missing = gaps(100_000, &faults, 7).iter().filter(|missing| **missing).count();
        assert!((17_000..23_000).contains(&missing), "{missing}");
        assert!(gaps(1_000, &Faults::default(), 7).iter().all(|missing| !missing));
    }
}
