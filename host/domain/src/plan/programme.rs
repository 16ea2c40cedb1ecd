//! The probabilistic level programme: level k is "the k-th instance", needed at step t with probability P(D_t >= k).
//!
//! Costs are linear, so the problem splits by level, and each level is a small dynamic programme over its tier (off, a
//! standby tier, warm) and the forecast's horizon. One idle warm instance-step costs 1; everything else is in that unit.
//! A level that is likelier never leaves warm, so the border of what is warm is found by bisection: a plan costs as many
//! solutions as the fleet's size has binary digits.

use crate::instance::Tier;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// Costs closer than this are equal.
const EPSILON: f64 = 1e-9;

/// What holding, starting and missing an instance cost, in units of one idle warm instance-step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Economy {
    /// One instance-step unserved: c / h.
    pub unserved: f64,
    /// Steps from a launch until the instance serves.
    pub boot_steps: usize,
    /// Tiers between off and warm that may be used, at most one of each.
    pub standby: Vec<Standby>,
}

/// A tier between off and warm.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Standby {
    /// [`Tier::Parked`] or [`Tier::Shell`].
    pub tier: Tier,
    /// Holding one for a step, relative to a warm one: 0 to 1.
    pub hold: f64,
    /// Until one serves, in steps; less than one where it is quicker than that.
    pub latency_steps: f64,
    /// Until one stands in this tier that did not exist, in steps; where it takes a boot, no more than that, so that it is
    /// no quicker by way of warm.
    pub build_steps: usize,
}

impl Economy {
    /// Two tiers, off and warm, under a critical ratio c / (c + h).
    #[must_use]
    pub fn of_ratio(critical_ratio: f64, boot_steps: usize) -> Self {
        Self { unserved: critical_ratio / (1.0 - critical_ratio), boot_steps, standby: Vec::new() }
    }

    /// Tiers from the least to the most ready; off is the first, warm the last. A standby tier beside which another is no
    /// dearer and no slower is left out: it would never be the better one.
    fn ladder(&self) -> Vec<Rung> {
        let off = Rung {
            tier: Tier::Cold,
            hold: 0.0,
            idle: 0.0,
            exposure: self.unserved,
            to_warm: self.boot_steps,
            build: 0,
            fall: 0.0,
        };
        let warm = Rung {
            tier: Tier::Warm,
            hold: 0.0,
            idle: 1.0,
            exposure: 0.0,
            to_warm: 0,
            build: self.boot_steps,
            fall: 0.0,
        };
        let mut standby: Vec<Rung> = self.standby.iter().map(|standby| Rung::of(standby, self)).collect();
        standby.sort_by(|a, b| a.slowness().partial_cmp(&b.slowness()).unwrap_or(Ordering::Equal));
        let mut useful: Vec<Rung> = Vec::new();
        for rung in standby {
            if useful.iter().all(|quicker| quicker.hold > rung.hold) && rung.to_warm < off.to_warm {
                useful.push(rung);
            }
        }
        std::iter::once(off).chain(useful.into_iter().rev()).chain(std::iter::once(warm)).collect()
    }
}

/// One tier as the programme sees it. A step in it costs `hold + idle (1 - p) + exposure p`.
#[derive(Debug, Clone, Copy)]
struct Rung {
    tier: Tier,
    hold: f64,
    idle: f64,
    exposure: f64,
    to_warm: usize,
    build: usize,
    /// What it costs to come here from a more ready tier.
    fall: f64,
}

impl Rung {
    /// The quicker, the less.
    fn slowness(&self) -> (usize, f64, f64) {
        (self.to_warm, self.exposure, self.hold)
    }

    fn of(standby: &Standby, economy: &Economy) -> Self {
        // A need that is met from here goes unserved while the instance starts, which is at most this step in full:
        // what comes after is the next step's.
        let share = standby.latency_steps.clamp(0.0, 1.0);
        let to_warm = standby.latency_steps.ceil() as usize;
        Self {
            tier: standby.tier,
            hold: standby.hold,
            idle: 0.0,
            exposure: economy.unserved * share,
            to_warm,
            build: standby.build_steps,
            // Parking is taken to last as long as starting, at a warm instance's cost. What was made for a persona is no
            // shell any more.
            fall: if standby.tier == Tier::Shell {
                f64::INFINITY
            } else {
                standby.latency_steps * (1.0 - standby.hold)
            },
        }
    }
}

/// What one level should be, and what that costs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verdict {
    /// The tier to be in, or on the way to, as an index into [`Programme::tiers`].
    pub rung: usize,
    /// Expected cost over the horizon of being warm, or launching now.
    pub cost_with: f64,
    /// Expected cost over the horizon of the best other choice.
    pub cost_without: f64,
}

/// The programme for one forecast. Its columns are kept between levels: no allocation per level.
pub struct Programme {
    ladder: Vec<Rung>,
    horizon: usize,
    /// One column per tier: what the rest of the horizon costs from a step on.
    value: Vec<Vec<f64>>,
    /// One column per tier: what its steps cost up to a step.
    spent: Vec<Vec<f64>>,
    probabilities: Vec<f64>,
}

impl Programme {
    /// For forecasts of `horizon` steps, at least 1.
    #[must_use]
    pub fn new(economy: &Economy, horizon: usize) -> Self {
        let ladder = economy.ladder();
        let columns = || vec![vec![0.0; horizon + 1]; ladder.len()];
        Self { horizon, value: columns(), spent: columns(), probabilities: vec![0.0; horizon], ladder }
    }

    /// The tiers in use, from the least to the most ready: off first, warm last.
    pub fn tiers(&self) -> impl Iterator<Item = Tier> {
        self.ladder.iter().map(|rung| rung.tier)
    }

    /// P(D_t >= k) per step of the level that was solved last.
    #[must_use]
    pub fn probabilities(&self) -> &[f64] {
        &self.probabilities
    }

    /// What the level should be whose chance to be needed at step `t` is `chance(t)` and that is in tier `now`.
    pub fn solve(&mut self, now: Tier, chance: impl Fn(usize) -> f64) -> Verdict {
        for (step, probability) in self.probabilities.iter_mut().enumerate() {
            *probability = chance(step);
        }
        self.spend();
        for step in (0..self.horizon).rev() {
            self.settle(step);
        }
        self.choose(self.ladder.iter().rposition(|rung| rung.tier == now).unwrap_or(0))
    }

    /// Sums what each tier's steps cost.
    fn spend(&mut self) {
        for (rung, spent) in self.ladder.iter().zip(&mut self.spent) {
            let (fixed, slope) = (rung.hold + rung.idle, rung.exposure - rung.idle);
            let mut sum = 0.0;
            for (probability, spent) in self.probabilities.iter().zip(&mut spent[1..]) {
                sum += fixed + slope * probability;
                *spent = sum;
            }
        }
    }

    /// The values at `step`, when those of later steps are known.
    fn settle(&mut self, step: usize) {
        let mut cheapest_below = f64::INFINITY;
        for tier in 0..self.ladder.len() {
            // One step on, the level may stay or fall.
            let stays = self.value[tier][step + 1];
            let here = self.spent[tier][step + 1] - self.spent[tier][step];
            self.value[tier][step] = here + cheapest_below.min(stays);
            cheapest_below = cheapest_below.min(stays + self.ladder[tier].fall);
        }
        for tier in 0..self.ladder.len() {
            let climb = self.climb(tier, step).0;
            self.value[tier][step] = self.value[tier][step].min(climb);
        }
    }

    /// The cheapest way up from a tier at `step`, and where it leads: until it is there, the level costs a warm
    /// instance's holding on top of its own tier's exposure.
    fn climb(&self, tier: usize, step: usize) -> (f64, usize) {
        let warm = self.ladder.len() - 1;
        let ways = (tier + 1..=warm).map(|to| {
            let steps = match (tier, to) {
                (from, to) if to == warm => self.ladder[from].to_warm,
                (0, to) => self.ladder[to].build,
                // From one standby tier to another there is no way but through warm.
                _ => return (f64::INFINITY, to),
            };
            let there = (step + steps.max(1)).min(self.horizon);
            let underway = (there - step) as f64 * (1.0 - self.ladder[tier].hold);
            (underway + self.spent[tier][there] - self.spent[tier][step] + self.value[to][there], to)
        });
        // Of ways that cost the same, the one that leads least high: a way to warm costs no more than one to a standby tier
        // where the instance would fall there at once.
        ways.fold((f64::INFINITY, tier), |best, way| if way.0 < best.0 - EPSILON { way } else { best })
    }

    /// The choice of the present step. A level stays up on a tie, and climbs only for a gain: no flapping.
    fn choose(&self, now: usize) -> Verdict {
        let warm = self.ladder.len() - 1;
        let fallen = |lower: usize, step: usize| self.value[lower][step] + self.ladder[lower].fall;
        let next = |tier: usize| (0..tier).map(|lower| fallen(lower, 1)).fold(self.value[tier][1], f64::min);
        let stay = |tier: usize| self.spent[tier][1] + next(tier);
        let (climb, to) = self.climb(now, 0);
        // Falling is done at once: the lower tier's own best from this step on.
        let lower = (0..now).rev().map(|tier| (fallen(tier, 0), tier));
        let below = lower.fold((f64::INFINITY, now), |best, way| if way.0 < best.0 - EPSILON { way } else { best });
        let here = stay(now);
        let tier = if climb < here && climb < below.0 {
            to
        } else if here <= below.0 + EPSILON {
            now
        } else {
            // From there it may be on the way up again at once: what is released here may be worth a shell.
            self.choose(below.1).rung
        };
        let (with, without) = if now == warm { (here, below.0) } else { (self.to_warm(now), here.min(below.0)) };
        Verdict { rung: tier, cost_with: with, cost_without: without }
    }

    /// The cost of setting out for warm now.
    fn to_warm(&self, tier: usize) -> f64 {
        let warm = self.ladder.len() - 1;
        let there = self.ladder[tier].to_warm.max(1).min(self.horizon);
        there as f64 * (1.0 - self.ladder[tier].hold) + self.spent[tier][there] + self.value[warm][there]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const UNSERVED: f64 = 19.0;

    fn parked(latency_steps: f64) -> Standby {
        Standby { tier: Tier::Parked, hold: 0.2, latency_steps, build_steps: 5 }
    }

    fn economy(standby: Vec<Standby>) -> Economy {
        Economy { unserved: UNSERVED, boot_steps: 5, standby }
    }

    fn tier(economy: &Economy, now: Tier, probabilities: &[f64]) -> Tier {
        let mut programme = Programme::new(economy, probabilities.len());
        let rung = programme.solve(now, |step| probabilities[step]).rung;
        programme.tiers().nth(rung).expect("a tier of the ladder")
    }

    #[test]
    fn sure_need_is_warm_and_none_is_off() {
        for standby in [vec![], vec![parked(1.0)]] {
            let economy = economy(standby);
            for now in [Tier::Cold, Tier::Warm] {
                assert_eq!(tier(&economy, now, &[1.0; 60]), Tier::Warm);
                assert_eq!(tier(&economy, now, &[0.0; 60]), Tier::Cold);
            }
        }
    }

    #[test]
    fn a_vague_need_waits_in_the_cheaper_tier() {
        let economy = economy(vec![parked(0.2)]);
        // Warm costs 0.97 a step, parked 0.2 + 3.8 x 0.03, off 0.57.
        assert_eq!(tier(&economy, Tier::Warm, &[0.03; 60]), Tier::Parked);
        assert_eq!(tier(&economy, Tier::Parked, &[0.03; 60]), Tier::Parked);
        assert_eq!(tier(&economy, Tier::Cold, &[0.03; 60]), Tier::Parked);
    }

    #[test]
    fn what_was_made_for_a_persona_is_no_shell_any_more() {
        let economy = economy(vec![Standby { tier: Tier::Shell, ..parked(0.2) }]);
        assert_eq!(tier(&economy, Tier::Warm, &[0.0; 60]), Tier::Cold);
        // A shell would be the cheapest to hold, and another one has to be built first.
        let vague = [0.03; 60];
        assert_eq!(tier(&economy, Tier::Shell, &vague), Tier::Shell);
        let for_a_while: Vec<f64> = (0..60).map(|step| if step < 5 { 0.0 } else { 0.03 }).collect();
        assert_eq!(tier(&economy, Tier::Cold, &for_a_while), Tier::Shell, "built in time");
        assert_eq!(tier(&economy, Tier::Warm, &for_a_while), Tier::Shell, "released, and another one built");
    }

    #[test]
    fn a_standby_tier_that_starts_as_slowly_as_a_boot_is_not_used() {
        let standby = Standby { hold: 0.9, ..parked(5.0) };
        for probability in [0.0, 0.02, 0.05, 0.3, 1.0] {
            let with = tier(&economy(vec![standby]), Tier::Warm, &[probability; 60]);
            assert_eq!(with, tier(&economy(vec![]), Tier::Warm, &[probability; 60]), "{probability}");
        }
    }

    /// The least expected cost by trying every way through the tiers, step by step.
    fn brute_force(economy: &Economy, from: usize, step: usize, p: &[f64]) -> f64 {
        let ladder = economy.ladder();
        let (warm, rung) = (ladder.len() - 1, ladder[from]);
        if step == p.len() {
            return 0.0;
        }
        let cost = |rung: Rung, step: usize| rung.hold + rung.idle * (1.0 - p[step]) + rung.exposure * p[step];
        let fall = |next: usize| if next == from { 0.0 } else { ladder[next].fall };
        let ways = (0..=from).map(|next| fall(next) + brute_force(economy, next, step + 1, p));
        let stay = ways.fold(f64::INFINITY, f64::min);
        let mut best = cost(rung, step) + stay;
        for (to, higher) in ladder.iter().enumerate().skip(from + 1) {
            let steps = match (from, to) {
                (_, to) if to == warm => rung.to_warm,
                (0, _) => higher.build,
                _ => continue,
            };
            let there = (step + steps.max(1)).min(p.len());
            let underway: f64 = (step..there).map(|at| cost(rung, at) + 1.0 - rung.hold).sum();
            best = best.min(underway + brute_force(economy, to, there, p));
        }
        best
    }

    fn standby() -> impl Strategy<Value = Vec<Standby>> {
        let one = (0.05..0.95, 0.1..3.0, 1_usize..4).prop_map(|(hold, latency_steps, build_steps)| Standby {
            tier: Tier::Parked,
            hold,
            latency_steps,
            build_steps,
        });
        let two = (one.clone(), one.clone()).prop_map(|(a, b)| vec![a, Standby { tier: Tier::Shell, ..b }]);
        prop_oneof![Just(vec![]), one.prop_map(|one| vec![one]), two]
    }

    proptest! {
        #[test]
        fn the_value_equals_brute_force(standby in standby(), p in prop::collection::vec(0.0..=1.0, 1..8), boot in 1_usize..4) {
            let economy = Economy { unserved: UNSERVED, boot_steps: boot, standby };
            let mut programme = Programme::new(&economy, p.len());
            programme.solve(Tier::Cold, |step| p[step]);
            for tier in 0..programme.ladder.len() {
                let exact = brute_force(&economy, tier, 0, &p);
                prop_assert!((programme.value[tier][0] - exact).abs() < 1e-9, "{tier}: {} {exact}", programme.value[tier][0]);
            }
        }

        #[test]
        fn the_value_of_all_four_tiers_equals_brute_force(
            parked in (0.05..0.4, 1.0..2.0), shell in (0.4..0.9, 0.1..0.9), build in 1_usize..4,
            p in prop::collection::vec(0.0..=1.0, 1..7), boot in 3_usize..5, unserved in 1.0..100.0,
        ) {
            let tier = |tier, (hold, latency_steps)| Standby { tier, hold, latency_steps, build_steps: build };
            let standby = vec![tier(Tier::Parked, parked), tier(Tier::Shell, shell)];
            let economy = Economy { unserved, boot_steps: boot, standby };
            let mut programme = Programme::new(&economy, p.len());
            prop_assert_eq!(programme.tiers().collect::<Vec<_>>(), [Tier::Cold, Tier::Parked, Tier::Shell, Tier::Warm]);
            programme.solve(Tier::Cold, |step| p[step]);
            for tier in 0..4 {
                let exact = brute_force(&economy, tier, 0, &p);
                prop_assert!((programme.value[tier][0] - exact).abs() < 1e-9, "{tier}: {} {exact}", programme.value[tier][0]);
            }
        }

        #[test]
        fn what_is_warm_stays_so_with_more_probability(standby in standby(), p in prop::collection::vec((0.0..=1.0, 0.0..=1.0), 1..40), now in 0_usize..4) {
            let economy = Economy { unserved: UNSERVED, boot_steps: 3, standby };
            let ladder = economy.ladder();
            let now = ladder[now.min(ladder.len() - 1)].tier;
            let mut programme = Programme::new(&economy, p.len());
            let low = programme.solve(now, |step| p[step].0 * p[step].1).rung;
            let high = programme.solve(now, |step| p[step].0).rung;
            // Off may be better than standby though need is likelier: when warm is to come soon, by a boot.
            prop_assert!(low + 1 < ladder.len() || high == low, "{high} under {low}");
        }

        #[test]
        fn a_dearer_shortage_never_lowers_the_level(p in prop::collection::vec(0.0..=1.0, 1..40), dearer in 1.0..5.0, has in any::<bool>()) {
            let now = if has { Tier::Warm } else { Tier::Cold };
            let rung = |unserved| {
                let economy = Economy { unserved, boot_steps: 5, standby: vec![] };
                Programme::new(&economy, p.len()).solve(now, |step| p[step]).rung
            };
            prop_assert!(rung(UNSERVED * dearer) >= rung(UNSERVED));
        }

        #[test]
        fn a_longer_boot_never_starts_later(rise in 1_usize..50, boot in 1_usize..20, longer in 1_usize..20) {
            let starts = |boot: usize| {
                let economy = Economy { unserved: UNSERVED, boot_steps: boot, standby: vec![] };
                // The programme is asked again at every step, as it is in production.
                (0..rise).find(|now| {
                    let p: Vec<f64> = (*now..*now + 120).map(|step| if step < rise { 0.0 } else { 1.0 }).collect();
                    tier(&economy, Tier::Cold, &p) == Tier::Warm
                }).unwrap_or(rise)
            };
            prop_assert!(starts(boot + longer) <= starts(boot));
        }
    }
}
