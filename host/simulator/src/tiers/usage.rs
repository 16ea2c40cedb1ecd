//! What became of a policy's instances in a cloud with cheaper tiers: instance-steps by tier that served nobody, and what
//! was brought from there.

use super::{Offer, Tiers};
use std::ops::AddAssign;

/// Sums over some steps; times are in instance-steps and may be parts of one.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Usage {
    /// Ready and idle.
    pub warm: f64,
    /// On their way from off to warm, to being parked or to being a shell.
    pub booting: f64,
    /// On their way from a cheaper tier to warm.
    pub activating: f64,
    /// On their way from warm to parked.
    pub parking: f64,
    /// Parked.
    pub parked: f64,
    /// Shells.
    pub shell: f64,
    /// Missing.
    pub unserved: f64,
    /// Parked instances that were started, and shells that were specialised.
    pub started: u64,
    /// See [`Self::started`].
    pub specialised: u64,
    /// Of these, the ones that were begun for a demand that found nothing ready: it waited for them, not for a boot.
    pub shortened: u64,
    /// How long those waited in all, in steps.
    pub waited: f64,
    /// What a parked one and a shell cost, relative to a warm one.
    holds: (f64, f64),
}

impl Usage {
    /// Nothing yet, at the prices of `tiers`.
    #[must_use]
    pub fn of(tiers: &Tiers) -> Self {
        let hold = |offer: Option<Offer>| offer.map_or(0.0, |offer| offer.hold);
        Self { holds: (hold(tiers.parked), hold(tiers.shell)), ..Self::default() }
    }

    /// What was paid for, by tier, in units of one idle warm instance-step: the same sums, those of cheaper tiers at their
    /// prices, and what is missing at `unserved` each.
    #[must_use]
    pub fn paid(&self, unserved: f64) -> Self {
        Self {
            parked: self.parked * self.holds.0,
            shell: self.shell * self.holds.1,
            unserved: self.unserved * unserved,
            ..*self
        }
    }

    /// The cost in units of one idle warm instance-step, with `unserved` for one that is missing.
    #[must_use]
    pub fn cost(&self, unserved: f64) -> f64 {
        self.paid(unserved).sum()
    }

    /// All of it, each instance-step the same.
    #[must_use]
    pub fn sum(&self) -> f64 {
        self.warm + self.booting + self.activating + self.parking + self.parked + self.shell + self.unserved
    }
}

impl AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.warm += other.warm;
        self.booting += other.booting;
        self.activating += other.activating;
        self.parking += other.parking;
        self.parked += other.parked;
        self.shell += other.shell;
        self.unserved += other.unserved;
        self.started += other.started;
        self.specialised += other.specialised;
        self.shortened += other.shortened;
        self.waited += other.waited;
    }
}
