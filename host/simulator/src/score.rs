//! What following a policy cost: sums that anyone can recompute from the steps, and how long claims waited.

use crate::tiers::{TieredStep, Usage};
use forewarm_domain::policy::Tally;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// One step of a policy, as it is written to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Instances needed.
    pub demand: u32,
    /// Instances asked for, booting ones included.
    pub wanted: u32,
    /// Instances that serve.
    pub ready: u32,
    /// Instances on their way.
    pub booting: u32,
}

/// The sums of one policy over the scored part.
#[derive(Debug, Clone, Default)]
pub struct Score {
    /// Idle, booting and missing instance-steps, and launches; of these the launches alone in a cloud with cheaper tiers.
    tally: Tally,
    /// What became of the instances of a cloud with cheaper tiers.
    usage: Option<Usage>,
    /// Instance-steps of demand.
    pub demand: u64,
    /// Instances that came to be needed.
    pub arrivals: u64,
    /// Those of them that found none ready.
    pub cold: u64,
    demand_before: Option<u32>,
    short_before: u32,
    /// Who waits: since which step, and how many.
    waiting: VecDeque<(u64, u32)>,
    /// By steps waited: how many.
    waits: Vec<u64>,
    step: u64,
}

/// How long instances that came to be needed waited for one that serves, in steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Waits {
    /// 95 of 100 waited no longer.
    pub p95: u64,
    /// 99 of 100 waited no longer.
    pub p99: u64,
}

impl Score {
    /// Counts one step, in which `ready` were there.
    pub fn count(&mut self, demand: u32, ready: u32, tally: Tally) {
        self.tally += tally;
        self.serve(demand, ready);
    }

    /// [`Self::count`] in a cloud with cheaper tiers.
    pub fn count_tiered(&mut self, demand: u32, step: &TieredStep) {
        self.tally.launches += u64::from(step.launches);
        match &mut self.usage {
            Some(usage) => *usage += step.usage,
            None => self.usage = Some(step.usage),
        }
        self.serve(demand, step.ready);
    }

    /// What became of the instances of a cloud with cheaper tiers; `None` where there are no such tiers.
    #[must_use]
    pub fn usage(&self) -> Option<&Usage> {
        self.usage.as_ref()
    }

    /// The cost in units of one idle instance-step, with `unserved` for one that is missing.
    #[must_use]
    pub fn cost(&self, unserved: f64) -> f64 {
        self.usage.map_or_else(|| self.tally.cost(unserved), |usage| usage.cost(unserved))
    }

    /// Instance-steps that were ready and idle.
    #[must_use]
    pub fn idle(&self) -> f64 {
        self.usage.map_or(self.tally.idle as f64, |usage| usage.warm)
    }

    /// Instance-steps on their way from off.
    #[must_use]
    pub fn booting(&self) -> f64 {
        self.usage.map_or(self.tally.booting as f64, |usage| usage.booting)
    }

    /// Instance-steps of demand that went unserved.
    #[must_use]
    pub fn unserved(&self) -> f64 {
        self.usage.map_or(self.tally.unserved as f64, |usage| usage.unserved)
    }

    /// Launches.
    #[must_use]
    pub fn launches(&self) -> u64 {
        self.tally.launches
    }

    fn serve(&mut self, demand: u32, ready: u32) {
        self.demand += u64::from(demand);
        let short = demand.saturating_sub(ready);
        let arrivals = demand.saturating_sub(self.demand_before.unwrap_or(demand));
        self.arrivals += u64::from(arrivals);
        self.cold += u64::from(arrivals.min(short));
        self.wait(short, arrivals);
        self.demand_before = Some(demand);
        self.step += 1;
    }

    /// First come, first served: who is short joins the end, who is no longer leaves from the front.
    fn wait(&mut self, short: u32, arrivals: u32) {
        let more = short.saturating_sub(self.short_before);
        if more > 0 {
            self.waiting.push_back((self.step, more));
        }
        self.record(0, arrivals.saturating_sub(more));
        let mut served = self.short_before.saturating_sub(short);
        while let Some((since, count)) = self.waiting.front_mut().filter(|_| served > 0) {
            let now = served.min(*count);
            let waited = self.step - *since;
            *count -= now;
            served -= now;
            let gone = *count == 0;
            self.record(waited, now);
            if gone {
                self.waiting.pop_front();
            }
        }
        self.short_before = short;
    }

    fn record(&mut self, waited: u64, count: u32) {
        let slot = waited as usize;
        if count > 0 && self.waits.len() <= slot {
            self.waits.resize(slot + 1, 0);
        }
        if let Some(waits) = self.waits.get_mut(slot) {
            *waits += u64::from(count);
        }
    }

    /// The share of instances that came to be needed and found none ready; 0 where none came.
    #[must_use]
    pub fn cold_start_rate(&self) -> f64 {
        if self.arrivals == 0 { 0.0 } else { self.cold as f64 / self.arrivals as f64 }
    }

    /// How long was waited; those who still wait count with what they have waited so far.
    #[must_use]
    pub fn waits(&self) -> Waits {
        let mut all = self.clone();
        while let Some((since, count)) = all.waiting.pop_front() {
            all.record(all.step - since, count);
        }
        Waits { p95: percentile(&all.waits, 0.95), p99: percentile(&all.waits, 0.99) }
    }
}

fn percentile(counts: &[u64], share: f64) -> u64 {
    let total: u64 = counts.iter().sum();
    let enough = (share * total as f64).ceil() as u64;
    let mut seen = 0;
    let reached = counts.iter().position(|count| {
        seen += count;
        seen >= enough
    });
    reached.unwrap_or(0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(steps: &[(u32, u32)]) -> Score {
        let mut score = Score::default();
        for (demand, ready) in steps {
            score.count(*demand, *ready, Tally::default());
        }
        score
    }

    #[test]
    fn arrivals_that_find_none_ready_are_cold() {
        let score = score(&[(2, 2), (5, 3), (5, 5), (1, 5), (4, 5)]);
        assert_eq!((score.arrivals, score.cold, score.demand), (6, 2, 17));
        assert!((score.cold_start_rate() - 2.0 / 6.0).abs() < 1e-12);
    }

    #[test]
    fn the_first_to_wait_is_the_first_served() {
        // Ten come, none ready; five are served after three steps, five after six.
        let steps = [(0, 0), (10, 0), (10, 0), (10, 0), (10, 5), (10, 5), (10, 5), (10, 10)];
        assert_eq!(score(&steps).waits(), Waits { p95: 6, p99: 6 });
        assert_eq!(score(&steps[..5]).waits(), Waits { p95: 4, p99: 4 }, "five still wait");
        assert_eq!(score(&[(1, 1), (9, 9)]).waits(), Waits::default());
    }
}
