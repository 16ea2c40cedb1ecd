//! Where a persona's instances are created, and whether idle ones are moved to where they cost less: gathers what the choice
//! rests on, which is pure (`forewarm_domain::plan`), and carries it out.

use super::Core;
use super::limits::launches;
use super::pool::Pool;
use forewarm_domain::id::{InstanceId, PlacementName};
use forewarm_domain::instance::{Instance, Tier};
use forewarm_domain::persona::{Mode, Persona};
use forewarm_domain::plan::{Move, Offering, Placing, Plan, Snapshot, moves};
use forewarm_domain::time::{HOUR_MS, TimestampMs};

impl Core {
    /// The places of a persona in the order in which they are taken, each with its price per hour where that is known.
    pub(super) fn choices(&self, persona: &Persona) -> Vec<(Option<PlacementName>, Option<f64>)> {
        if persona.spec.placements.is_empty() {
            return vec![(None, None)];
        }
        let of = |offering: &Offering| (offering.placement.clone(), offering.per_hour);
        Placing::new(self.offerings(persona)).offerings().iter().map(of).collect()
    }

    /// The places of a persona as they are listed, with their prices and nothing in them.
    fn offerings(&self, persona: &Persona) -> Vec<Offering> {
        let names = persona.spec.choices().map(|choice| choice.map(|placement| placement.name.clone()));
        let offering = |placement: Option<PlacementName>| {
            let per_hour = self.price_book.placed(persona, placement.as_ref(), Tier::Warm);
            Offering { placement, per_hour, room: 0, held: 0, idle: 0 }
        };
        names.map(offering).collect()
    }

    /// How a persona's places stand; `None` where it has no placements.
    fn placing(&self, pool: &Pool, persona: &Persona, now: TimestampMs) -> Option<Placing> {
        if persona.spec.placements.is_empty() {
            return None;
        }
        let held = pool.held_in(&persona.spec.name);
        let in_all = launches(self.shortages.leave_in_all(&persona.spec.plugins.driver, now));
        let mut offerings = self.offerings(persona);
        for offering in &mut offerings {
            let there = held.get(&offering.placement).copied().unwrap_or_default();
            let leave = self.shortages.leave_in(persona, offering.placement.as_ref(), now);
            (offering.room, offering.held, offering.idle) = (launches(leave).min(in_all), there.serving, there.idle);
        }
        Some(Placing::new(offerings))
    }

    /// Tells in a plan where its instances are, and gives the moves that are worth making now.
    pub(super) fn consolidation(&self, persona: &Persona, snapshot: &Snapshot, plan: &mut Plan) -> Vec<Move> {
        let placing = self.placing(&self.pool(), persona, plan.at);
        let Some(placing) = placing else { return Vec::new() };
        plan.placements = placing.placed();
        plan.placement_saved_per_hour = placing.saved_per_hour();
        plan.reasons.push(placing.reason());
        // While the plan grows, launches go to the cheapest; while it shrinks, the dearest are let go.
        if plan.wanted != snapshot.stock.total() {
            return Vec::new();
        }
        let most = snapshot.scaling.max_moves.saturating_sub(snapshot.stock.moving);
        let boot_hours = self.boot_ms(&persona.spec.name) as f64 / HOUR_MS as f64;
        let kept = |level| snapshot.kept_hours(plan.wanted, level);
        let worth = moves(placing.offerings(), most, boot_hours, kept);
        let held_up = self.held_up(persona, snapshot, plan);
        plan.reasons.extend(Placing::explain(&worth, held_up.as_deref()));
        if held_up.is_some() { Vec::new() } else { worth }
    }

    /// Why nothing is moved at present, if so.
    fn held_up(&self, persona: &Persona, snapshot: &Snapshot, plan: &Plan) -> Option<String> {
        let ends = plan.at + snapshot.lead_ms + snapshot.step_ms;
        let hold = snapshot.limits.holds.iter().find(|hold| hold.from < ends && plan.at < hold.until);
        if let Some(hold) = hold {
            return Some(format!("`{}` holds or begins soon", hold.name));
        }
        let stock = snapshot.stock;
        let beside = stock.total().saturating_add(stock.moving);
        if beside >= snapshot.scaling.max {
            return Some(format!("there are {beside}, and scaling.max leaves no room for one more while it boots"));
        }
        if plan.mode != Mode::Apply {
            return Some(format!("the persona's mode is {}", plan.mode.as_str()));
        }
        self.drivers_down.of(&persona.spec.plugins.driver).map(|_| "the driver can't be called".to_owned())
    }

    /// What instances in placements save per hour against the persona as it stands, less what those cost that are on their
    /// way to take another's place; nothing while a price is not known.
    pub(super) fn placement_saved_per_hour(&self, pool: &Pool, persona: &Persona, now: TimestampMs) -> f64 {
        let saved = self.placing(pool, persona, now).and_then(|placing| placing.saved_per_hour());
        let Some(saved) = saved else { return 0.0 };
        let held = pool.held_in(&persona.spec.name);
        let beside = held.iter().filter(|(_, held)| held.moving > 0).filter_map(|(placement, held)| {
            let price = self.price_book.placed(persona, placement.as_ref(), Tier::Warm)?;
            Some(price * f64::from(held.moving))
        });
        saved - beside.sum::<f64>()
    }

    /// Creates an instance that its driver has no capacity for in the persona's next place that has some.
    pub(super) fn fall_over(&self, pool: &mut Pool, failed: &Instance, now: TimestampMs) {
        let Some(persona) = self.catalog.get(&failed.persona) else { return };
        if persona.spec.placements.is_empty() || persona.spec.plugins.driver != failed.driver {
            return;
        }
        let mut room = self.room(pool, &persona, now);
        pool.fall_over(failed, &mut room, now);
        self.shortages.tried(&persona, room.taken(), now);
    }

    /// In a freeze or a maintenance window an instance that was to take another's place stays beside it: nothing is let go.
    pub(super) fn keep_both_in_a_hold(&self, pool: &mut Pool, id: InstanceId, now: TimestampMs) {
        let Some(instance) = pool.instance(id).filter(|instance| instance.replaces.is_some()) else { return };
        let holds = self.calendar.holds(&instance.persona, &instance.driver, now);
        if holds.iter().any(|hold| hold.holds(now)) {
            pool.stay_beside(id);
        }
    }
}
