//! A fleet in virtual time: what following a wanted number would have cost. Policies are scored with it in shadow, and
//! the simulator replays whole traces with it.

use super::underway::Underway;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Instances that are ready, and those on their way.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Fleet {
    ready: u32,
    booting: Underway,
}

/// One launch: after how many steps it ends, at least 1, and whether it fails then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Launch {
    /// Steps until it serves.
    pub steps: usize,
    /// Whether it never will.
    pub fails: bool,
}

/// What one step cost, in instance-steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Tally {
    /// Ready beyond the demand.
    pub idle: u64,
    /// On their way.
    pub booting: u64,
    /// Demand beyond what was ready.
    pub unserved: u64,
    /// Launches.
    pub launches: u64,
}

impl Tally {
    /// The cost in units of one idle instance-step, with `unserved` for one that is missing.
    #[must_use]
    pub fn cost(&self, unserved: f64) -> f64 {
        (self.idle + self.booting) as f64 + unserved * self.unserved as f64
    }
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.idle += other.idle;
        self.booting += other.booting;
        self.unserved += other.unserved;
        self.launches += other.launches;
    }
}

impl Fleet {
    /// `ready` instances, none on its way.
    #[must_use]
    pub fn new(ready: u32) -> Self {
        Self { ready, booting: Underway::default() }
    }

    /// Instances that serve.
    #[must_use]
    pub fn ready(&self) -> u32 {
        self.ready
    }

    /// Instances on their way.
    #[must_use]
    pub fn booting(&self) -> u32 {
        self.booting.count()
    }

    /// All instances.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.ready.saturating_add(self.booting())
    }

    /// A step passes: what was due becomes ready. Gives how many launches turned out to have failed.
    pub fn advance(&mut self) -> u32 {
        let due = self.booting.advance();
        self.ready = self.ready.saturating_add(due.good);
        due.doomed
    }

    /// Launches what is missing to `wanted`, each as `launch` says, or lets the surplus go: the newest boots first, then
    /// idle instances. Gives the launches.
    pub fn follow(&mut self, wanted: u32, mut launch: impl FnMut() -> Launch) -> u32 {
        let total = self.total();
        (total..wanted).for_each(|_| self.booting.add(launch()));
        self.shrink(total.saturating_sub(wanted));
        wanted.saturating_sub(total)
    }

    /// [`Self::follow`] where every launch takes `steps` and none fails.
    pub fn follow_surely(&mut self, wanted: u32, steps: usize) -> u32 {
        let total = self.total();
        let launches = wanted.saturating_sub(total);
        self.booting.add_surely(launches, steps);
        self.shrink(total.saturating_sub(wanted));
        launches
    }

    fn shrink(&mut self, surplus: u32) {
        let idle = surplus - self.booting.give_up(surplus);
        self.ready -= idle.min(self.ready);
    }

    /// What this step costs when `demand` instances are needed in it; `launches` are the step's.
    #[must_use]
    pub fn tally(&self, demand: u32, launches: u32) -> Tally {
        Tally {
            idle: u64::from(self.ready.saturating_sub(demand)),
            booting: u64::from(self.booting()),
            unserved: u64::from(demand.saturating_sub(self.ready)),
            launches: u64::from(launches),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(fleet: &mut Fleet, wanted: u32, demand: u32) -> (u64, u64, u64) {
        fleet.advance();
        let launches = fleet.follow_surely(wanted, 2);
        let tally = fleet.tally(demand, launches);
        (tally.idle, tally.booting, tally.unserved)
    }

    #[test]
    fn a_launch_serves_after_its_steps() {
        let mut fleet = Fleet::new(1);
        assert_eq!(step(&mut fleet, 3, 3), (0, 2, 2));
        assert_eq!(step(&mut fleet, 3, 3), (0, 2, 2));
        assert_eq!(step(&mut fleet, 3, 3), (0, 0, 0));
    }

    #[test]
    fn the_newest_boots_go_first() {
        let mut fleet = Fleet::new(5);
        step(&mut fleet, 7, 5);
        step(&mut fleet, 9, 5);
        assert_eq!(step(&mut fleet, 6, 5), (1, 0, 0), "two became ready, then all boots and one idle one went");
        assert_eq!(step(&mut fleet, 0, 5), (0, 0, 5));
    }

    #[test]
    fn a_failed_launch_is_noticed_when_it_was_due() {
        let mut fleet = Fleet::new(0);
        assert_eq!(fleet.follow(2, || Launch { steps: 1, fails: true }), 2);
        assert_eq!((fleet.booting(), fleet.advance(), fleet.total()), (2, 2, 0));
    }

    #[test]
    fn sure_launches_are_launches_one_by_one() {
        let (mut one, mut other) = (Fleet::new(3), Fleet::new(3));
        for wanted in [9, 2, 5, 5, 1, 30] {
            one.advance();
            other.advance();
            assert_eq!(one.follow_surely(wanted, 3), other.follow(wanted, || Launch { steps: 3, fails: false }));
            assert_eq!(one, other);
        }
    }
}
