//! What became of instances in cheaper tiers: time and cost by tier, what was brought from there, and whose wait that
//! shortened.

use forewarm_simulator::tiers::Usage;
use serde::Serialize;

/// One policy's instances by tier; absent where it uses no cheaper ones.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(super) struct TierReport {
    /// Instance-minutes that were paid for and served nobody.
    pub(super) instance_minutes: ByTier,
    /// What these cost, in idle warm ones.
    pub(super) cost: ByTier,
    /// The same as money, where a price was given.
    pub(super) money: Option<ByTier>,
    /// Parked instances that were started.
    pub(super) started: u64,
    /// Shells that were specialised.
    pub(super) specialised: u64,
    /// Cold starts that waited for one of these in place of a boot.
    pub(super) shortened_cold_starts: u64,
    /// How long they waited in all, in seconds.
    pub(super) shortened_wait_s: f64,
}

/// One figure of each tier. They sum to the policy's own.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(super) struct ByTier {
    /// Ready and idle.
    pub(super) warm: f64,
    /// On their way from off.
    pub(super) booting: f64,
    /// On their way from a cheaper tier to warm.
    pub(super) activating: f64,
    /// On their way from warm to parked.
    pub(super) parking: f64,
    pub(super) parked: f64,
    pub(super) shell: f64,
    /// Missing.
    pub(super) unserved: f64,
}

impl ByTier {
    fn of(usage: &Usage, factor: f64) -> Self {
        Self {
            warm: usage.warm * factor,
            booting: usage.booting * factor,
            activating: usage.activating * factor,
            parking: usage.parking * factor,
            parked: usage.parked * factor,
            shell: usage.shell * factor,
            unserved: usage.unserved * factor,
        }
    }

    /// Each with its tier in words.
    pub(super) fn named(&self) -> [(&'static str, f64); 7] {
        [
            ("warm and idle", self.warm),
            ("booting", self.booting),
            ("starting", self.activating),
            ("parking", self.parking),
            ("parked", self.parked),
            ("shells", self.shell),
            ("missing", self.unserved),
        ]
    }

    fn plus(self, other: Self) -> Self {
        Self {
            warm: self.warm + other.warm,
            booting: self.booting + other.booting,
            activating: self.activating + other.activating,
            parking: self.parking + other.parking,
            parked: self.parked + other.parked,
            shell: self.shell + other.shell,
            unserved: self.unserved + other.unserved,
        }
    }
}

impl TierReport {
    /// Of steps of `step_ms`, a missing instance-step at `unserved` idle ones, an instance-hour at `price`.
    pub(super) fn of(usage: &Usage, unserved: f64, step_ms: i64, price: Option<f64>) -> Self {
        let minutes = step_ms as f64 / 60_000.0;
        let paid = usage.paid(unserved);
        Self {
            instance_minutes: ByTier::of(usage, minutes),
            cost: ByTier::of(&paid, minutes),
            money: price.map(|price| ByTier::of(&paid, minutes / 60.0 * price)),
            started: usage.started,
            specialised: usage.specialised,
            shortened_cold_starts: usage.shortened,
            shortened_wait_s: usage.waited * step_ms as f64 / 1_000.0,
        }
    }

    /// Over several series.
    pub(super) fn sum(all: impl Iterator<Item = Self>) -> Option<Self> {
        all.reduce(|a, b| Self {
            instance_minutes: a.instance_minutes.plus(b.instance_minutes),
            cost: a.cost.plus(b.cost),
            money: a.money.zip(b.money).map(|(a, b)| a.plus(b)),
            started: a.started + b.started,
            specialised: a.specialised + b.specialised,
            shortened_cold_starts: a.shortened_cold_starts + b.shortened_cold_starts,
            shortened_wait_s: a.shortened_wait_s + b.shortened_wait_s,
        })
    }

    /// How long a cold start that was shortened waited, in seconds.
    pub(super) fn shortened_wait_mean_s(&self) -> f64 {
        self.shortened_wait_s / self.shortened_cold_starts.max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use forewarm_simulator::tiers::Tiers;

    #[test]
    fn tiers_sum_up_over_series() {
        let tiers = Tiers::new("hold=0.5,latency=30s".parse().ok(), None).expect("one");
        let mut usage = Usage::of(&tiers);
        (usage.warm, usage.parked) = (60.0, 30.0);
        (usage.started, usage.shortened, usage.waited) = (2, 1, 0.5);
        let one = TierReport::of(&usage, 19.0, 60_000, Some(2.0));
        assert_eq!((one.instance_minutes.warm, one.money.map(|money| money.warm)), (60.0, Some(2.0)));
        assert_eq!((one.instance_minutes.parked, one.cost.parked), (30.0, 15.0));
        let both = TierReport::sum([one, one].into_iter()).expect("two");
        assert_eq!((both.cost.warm, both.started, both.shortened_wait_mean_s()), (120.0, 4, 30.0));
        assert!(TierReport::sum(std::iter::empty()).is_none());
    }
}
