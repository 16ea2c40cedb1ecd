//! A cloud that has cheaper tiers, in virtual time: surplus is parked where the plan says so, and what is missing comes
//! from the quickest tier that has one before anything is launched, as in a host. A demand that finds nothing ready has
//! one brought for it at once, where there is one; a launch waits for the next plan, as in a cloud without tiers.

use super::{Offer, Tiers, Usage};
use crate::boots::steps;
use crate::cloud::{Faults, launch, launch_about, normal};
use forewarm_domain::instance::Tier;
use forewarm_domain::plan::Stock;
use forewarm_domain::policy::Underway;
use rand::SeedableRng;
use rand::rngs::StdRng;

/// Times closer to zero than this are over.
const EPSILON: f64 = 1e-9;
/// A latency is at most so many times its median.
const LATENCY_FACTOR_MAX: f64 = 100.0;

/// What a plan wants held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// Ready ones, those on their way included.
    pub wanted: u32,
    /// Parked ones beyond them.
    pub parked: u32,
    /// Shells beyond them.
    pub shells: u32,
}

/// How one step went.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct TieredStep {
    /// Instances that exist at its end, by tier; ready ones are those that served from its beginning on.
    pub ready: u32,
    /// On their way from off.
    pub booting: u32,
    /// On their way from a cheaper tier to warm.
    pub starting: u32,
    /// On their way from warm to parked.
    pub parking: u32,
    /// Parked.
    pub parked: u32,
    /// Shells.
    pub shells: u32,
    /// Launches of the step.
    pub launches: u32,
    /// What became of all of them in it.
    pub usage: Usage,
}

/// Instances that become ready together.
#[derive(Debug, Clone, Copy)]
struct Start {
    /// Steps until then.
    left: f64,
    count: u32,
}

/// One policy's instances.
#[derive(Debug)]
pub struct TieredCloud {
    tiers: Tiers,
    boot_steps: usize,
    step_ms: i64,
    faults: Faults,
    random: StdRng,
    ready: u32,
    /// To become ready, parked, and shells.
    booting: Underway,
    preparing: Underway,
    building: Underway,
    starting: Vec<Start>,
    parking: Underway,
    parked: u32,
    shells: u32,
    /// What the last step needed: so many are in use when a plan is carried out.
    in_use: u32,
    /// Of the step under way.
    usage: Usage,
    /// Launches that failed so far.
    pub failed_boots: u64,
}

impl TieredCloud {
    /// `ready` instances and nothing in a cheaper tier; boots take `boot_steps` at the median. The same seed draws the same.
    #[must_use]
    pub fn new(ready: u32, boot_steps: usize, step_ms: i64, tiers: Tiers, faults: Faults, seed: u64) -> Self {
        Self {
            tiers,
            boot_steps,
            step_ms,
            faults,
            random: StdRng::seed_from_u64(seed),
            ready,
            booting: Underway::default(),
            preparing: Underway::default(),
            building: Underway::default(),
            starting: Vec::new(),
            parking: Underway::default(),
            parked: 0,
            shells: 0,
            in_use: ready,
            usage: Usage::of(&tiers),
            failed_boots: 0,
        }
    }

    /// A step begins: what is due has arrived.
    pub fn advance(&mut self) {
        let (booted, prepared, built) = (self.booting.advance(), self.preparing.advance(), self.building.advance());
        self.ready += booted.good;
        self.parked += prepared.good + self.parking.advance().good;
        self.shells += built.good;
        self.failed_boots += [booted, prepared, built].iter().map(|ends| u64::from(ends.doomed)).sum::<u64>();
        let arrived = self.starting.extract_if(.., |start| start.left <= EPSILON);
        self.ready += arrived.map(|start| start.count).sum::<u32>();
        self.usage = Usage::of(&self.tiers);
    }

    /// What a planner is told of them, and how many shells there are, those that are being built included.
    #[must_use]
    pub fn stock(&self) -> (Stock, u32) {
        let booting = self.booting.count() + self.starting();
        let stock = Stock { warm: self.ready, booting, parked: self.all_parked(), ..Stock::default() };
        (stock, self.shells + self.building.count())
    }

    fn starting(&self) -> u32 {
        self.starting.iter().map(|start| start.count).sum()
    }

    fn all_parked(&self) -> u32 {
        self.parked + self.parking.count() + self.preparing.count()
    }

    /// Ready ones and those that will be.
    fn total(&self) -> u32 {
        self.ready + self.booting.count() + self.starting()
    }

    /// All that exist.
    #[must_use]
    pub fn existing(&self) -> u32 {
        self.total() + self.all_parked() + self.shells + self.building.count()
    }

    /// Moves towards `target`, meets what is demanded as far as it can, and tells how the step went.
    pub fn follow(&mut self, target: Target, demand: u32) -> TieredStep {
        let mut launches = self.grow(target.wanted);
        let surplus = self.total().saturating_sub(target.wanted);
        let room = target.parked.saturating_sub(self.all_parked());
        let kept = surplus.min(room);
        self.release(surplus - kept);
        self.park(kept);
        self.give_up_parked(target.parked);
        // What is in use yet is parked later; only what no surplus will make up for is launched.
        launches += self.prepare(room - kept);
        launches += self.keep_shells(target.shells);
        self.meet(demand);
        self.tell(demand, launches)
    }

    /// Brings what is missing: what is parked is started, then come those that were to be parked, else launches. Shells are
    /// kept for what nobody foresaw.
    fn grow(&mut self, wanted: u32) -> u32 {
        let missing = wanted.saturating_sub(self.total());
        let missing = missing - self.activate(missing, &[Tier::Parked]).0;
        let missing = missing - self.preparing.hand_over_soonest(missing, &mut self.booting);
        self.launch(missing, |cloud| &mut cloud.booting, None)
    }

    /// Launches up to `count` as far as the quota allows, each taking `steps` or a boot. Gives how many.
    fn launch(&mut self, count: u32, to: impl Fn(&mut Self) -> &mut Underway, steps: Option<usize>) -> u32 {
        let room = self.faults.quota.map_or(u32::MAX, |quota| quota.saturating_sub(self.existing()));
        let count = count.min(room);
        if !self.faults.boots_by_chance() {
            let steps = steps.unwrap_or(self.boot_steps);
            to(self).add_surely(count, steps);
            return count;
        }
        for _ in 0..count {
            let Self { boot_steps, step_ms, faults, random, .. } = self;
            let one = match steps {
                Some(steps) => launch_about(steps, faults, random),
                None => launch(*boot_steps, *step_ms, faults, random),
            };
            to(self).add(one);
        }
        count
    }

    /// Starts parked instances and specialises shells, up to `count`, the quickest tier first. Gives how many, and how many
    /// steps they take in all.
    fn activate(&mut self, count: u32, tiers: &[Tier]) -> (u32, f64) {
        let offer = |tier: &Tier| if *tier == Tier::Parked { self.tiers.parked } else { self.tiers.shell };
        let mut tiers: Vec<(Tier, Offer)> = tiers.iter().filter_map(|tier| Some((*tier, offer(tier)?))).collect();
        tiers.sort_by(|a, b| a.1.planned_s().total_cmp(&b.1.planned_s()));
        let (mut left, mut steps) = (count, 0.0);
        for (tier, offer) in tiers {
            let held = if tier == Tier::Parked { &mut self.parked } else { &mut self.shells };
            let taken = left.min(*held);
            *held -= taken;
            left -= taken;
            let activated = if tier == Tier::Parked { &mut self.usage.started } else { &mut self.usage.specialised };
            *activated += u64::from(taken);
            steps += self.start(taken, offer);
        }
        (count - left, steps)
    }

    /// Puts `count` on their way to warm. Gives how many steps they take in all.
    fn start(&mut self, count: u32, offer: Offer) -> f64 {
        let median = offer.latency_s * 1_000.0 / self.step_ms as f64;
        if offer.spread == 0.0 {
            self.starting.extend((count > 0).then_some(Start { left: median, count }));
            return median * f64::from(count);
        }
        let drawn = (0..count).map(|_| {
            let left = median * (offer.spread * normal(&mut self.random)).exp().min(LATENCY_FACTOR_MAX);
            self.starting.push(Start { left, count: 1 });
            left
        });
        drawn.sum()
    }

    /// Lets go of ready ones and those on their way: those first that would serve last.
    fn release(&mut self, count: u32) {
        let mut left = count - self.booting.give_up(count);
        self.starting.sort_by(|a, b| a.left.total_cmp(&b.left));
        for start in self.starting.iter_mut().rev() {
            let gone = left.min(start.count);
            start.count -= gone;
            left -= gone;
        }
        self.starting.retain(|start| start.count > 0);
        self.ready -= left.min(self.ready);
    }

    /// Parks idle ones, then the newest boots as soon as they are there; none that is in use.
    fn park(&mut self, count: u32) {
        let Some(offer) = self.tiers.parked else { return };
        let idle = count.min(self.ready.saturating_sub(self.in_use));
        self.ready -= idle;
        self.parking.add_surely(idle, steps(offer.enter_s.unwrap_or(offer.latency_s), self.step_ms));
        self.booting.hand_over_latest(count - idle, &mut self.preparing);
    }

    /// Launches some only to be parked.
    fn prepare(&mut self, count: u32) -> u32 {
        if self.tiers.parked.is_none() { 0 } else { self.launch(count, |cloud| &mut cloud.preparing, None) }
    }

    /// Gives up what is parked, or on its way there, beyond `wanted`.
    fn give_up_parked(&mut self, wanted: u32) {
        let surplus = self.all_parked().saturating_sub(wanted);
        let surplus = surplus - self.preparing.give_up(surplus);
        let gone = surplus.min(self.parked);
        self.parked -= gone;
        self.parking.give_up(surplus - gone);
    }

    /// Builds shells that are missing, and gives up what is too much.
    fn keep_shells(&mut self, wanted: u32) -> u32 {
        let Some(offer) = self.tiers.shell else { return 0 };
        let have = self.shells + self.building.count();
        let surplus = have.saturating_sub(wanted);
        self.shells -= surplus - self.building.give_up(surplus);
        let built = offer.enter_s.map(|enter_s| steps(enter_s, self.step_ms));
        self.launch(wanted.saturating_sub(have), |cloud| &mut cloud.building, built)
    }

    /// Brings an instance for each that is needed and neither ready nor starting yet: a boot may still take long.
    fn meet(&mut self, demand: u32) {
        let missing = demand.saturating_sub(self.ready + self.starting());
        let (brought, waited) = self.activate(missing, &[Tier::Parked, Tier::Shell]);
        self.usage.shortened += u64::from(brought);
        self.usage.waited += waited;
    }

    /// Sums the step up: one that starts within it serves for the rest of it, where it is needed.
    fn tell(&mut self, demand: u32, launches: u32) -> TieredStep {
        let mut short = demand.saturating_sub(self.ready);
        self.in_use = demand;
        let usage = &mut self.usage;
        usage.warm = f64::from(self.ready.saturating_sub(demand));
        usage.unserved = f64::from(short);
        self.starting.sort_by(|a, b| a.left.total_cmp(&b.left));
        for Start { left, count } in &mut self.starting {
            let (on_the_way, served) = (left.min(1.0), short.min(*count));
            usage.activating += on_the_way * f64::from(*count);
            usage.unserved -= (1.0 - on_the_way) * f64::from(served);
            usage.warm += (1.0 - on_the_way) * f64::from(*count - served);
            short -= served;
            *left -= 1.0;
        }
        let booting = self.booting.count() + self.preparing.count() + self.building.count();
        let parking = self.parking.count();
        usage.booting = f64::from(booting);
        usage.parking = f64::from(parking);
        usage.parked = f64::from(self.parked);
        usage.shell = f64::from(self.shells);
        let (ready, starting, parked, shells) = (self.ready, self.starting(), self.parked, self.shells);
        TieredStep { ready, booting, starting, parking, parked, shells, launches, usage: self.usage }
    }
}

#[cfg(test)]
mod tests;
