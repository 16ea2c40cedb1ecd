//! Generic shells: planned for all personas of a class together, at the end of each planning round.

use super::Core;
use super::cycle::CycleReport;
use super::pool::{Changes, Followed};
use crate::store::StoreError;
use forewarm_domain::calendar::Allowed;
use forewarm_domain::id::PersonaName;
use forewarm_domain::instance::Tier;
use forewarm_domain::persona::{Mode, Persona, ShellClass};
use forewarm_domain::plan::{
    Chances, Economy, Outlook, Plan, Reason, ReasonCode, ShellDemand, ShellPlan, Snapshot, plan_shells,
};
use forewarm_domain::time::TimestampMs;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use utoipa::ToSchema;

/// How the generic shells of one class stand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ShellStatus {
    /// What they are made of.
    pub class: ShellClass,
    /// The personas that may use them.
    pub personas: u32,
    /// Shells that exist or are being created.
    pub held: u32,
    /// Of these, the ones that are being created.
    pub building: u32,
    /// Shells wanted in all.
    pub wanted: u32,
    /// Shells that its personas would hold, each for itself.
    pub alone: u32,
    /// Why so many.
    pub reason: String,
}

/// The newest plan of each class.
#[derive(Default)]
pub(super) struct ShellPlans(Mutex<BTreeMap<ShellClass, (u32, ShellPlan)>>);

impl ShellPlans {
    fn plans(&self) -> MutexGuard<'_, BTreeMap<ShellClass, (u32, ShellPlan)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a persona's plan says of the shells that it shares, where any are held or would be.
    pub(super) fn reason(&self, persona: &Persona) -> Option<Reason> {
        let plans = self.plans();
        let (_, plan) = plans.get(&persona.spec.shell_class())?;
        let detail = plan.reason.clone();
        (plan.wanted > 0 || plan.alone > 0).then_some(Reason { code: ReasonCode::ShellPool, detail })
    }
}

/// One persona of a class, as it was planned in this round.
struct Member {
    persona: PersonaName,
    snapshot: Arc<Snapshot>,
    plan: Arc<Plan>,
    economy: Economy,
}

impl Member {
    fn demand(&self) -> Option<ShellDemand<'_>> {
        let Outlook::Forecast(fan) = &self.snapshot.outlook else { return None };
        Some(ShellDemand {
            chances: Chances { fan, recent: None },
            capacity: self.snapshot.capacity_per_instance,
            covered: self.plan.wanted.saturating_add(self.plan.standby.parked),
            max: self.snapshot.scaling.max,
            economy: &self.economy,
            alone: self.plan.standby.shell,
        })
    }
}

/// What becomes of a class's shells.
struct Order {
    class: ShellClass,
    /// For whom new ones are created: any of the class may follow.
    persona: PersonaName,
    wanted: u32,
}

impl Core {
    /// Plans every class's shells on what its personas may need above what was planned for each, and begins what
    /// follows. Where nothing is known of a class, as after a start, its shells stay.
    pub(super) async fn keep_shells(&self, now: TimestampMs, report: &mut CycleReport) -> Result<(), StoreError> {
        let mut classes = self.members();
        // Shells that nobody may use any more.
        let orphaned = self.pool().shell_classes().into_iter().filter(|class| !self.is_in_use(class));
        let orphaned: Vec<ShellClass> = orphaned.collect();
        let mut plans = BTreeMap::new();
        let mut orders = Vec::new();
        for (class, members) in classes.drain() {
            let (have, _) = self.pool().shells(&class);
            let demands: Vec<ShellDemand<'_>> = members.iter().filter_map(Member::demand).collect();
            let Some(first) = members.iter().min_by(|a, b| a.persona.cmp(&b.persona)) else { continue };
            let plan = plan_shells(&demands, have);
            // Without a forecast of all of them nothing is given up.
            let least = if demands.len() < members.len() { have } else { 0 };
            let wanted = bounded(&members, have, plan.wanted.max(least), now);
            orders.push(Order { class: class.clone(), persona: first.persona.clone(), wanted });
            plans.insert(class, (u32::try_from(members.len()).unwrap_or(u32::MAX), plan));
        }
        *self.shells.plans() = plans;
        let changed = orders.iter().any(|order| self.pool().shells(&order.class).0 != order.wanted);
        if !changed && orphaned.is_empty() {
            return Ok(());
        }
        let done = self.change(|pool| {
            let mut all = Followed::default();
            for order in &orders {
                let done = pool.follow_shells(&order.class, &order.persona, order.wanted, now);
                (all.launched, all.released) = (all.launched + done.launched, all.released + done.released);
            }
            for class in &orphaned {
                all.released += pool.give_up_shells(class, u32::MAX, now);
            }
            (all, Changes::default())
        });
        report.add(done.await?);
        Ok(())
    }

    /// The personas whose plans are carried out and that may use shells, by class.
    fn members(&self) -> HashMap<ShellClass, Vec<Member>> {
        let mut classes: HashMap<ShellClass, Vec<Member>> = HashMap::new();
        for persona in self.catalog.list() {
            let views = self.views();
            let Some(view) = views.get(&persona.spec.name) else { continue };
            let may_use = view.snapshot.standby.iter().any(|standby| standby.tier == Tier::Shell);
            if may_use && view.plan.mode == Mode::Apply {
                let economy = view.snapshot.economy();
                let (snapshot, plan) = (Arc::clone(&view.snapshot), Arc::clone(&view.plan));
                let member = Member { persona: persona.spec.name.clone(), snapshot, plan, economy };
                classes.entry(persona.spec.shell_class()).or_default().push(member);
            }
        }
        classes
    }

    fn is_in_use(&self, class: &ShellClass) -> bool {
        self.catalog.list().iter().any(|persona| persona.spec.shell_class() == *class)
    }

    pub(super) fn shell_status(&self) -> Vec<ShellStatus> {
        let plans = self.shells.plans().clone();
        let status = |(class, (personas, plan)): (ShellClass, (u32, ShellPlan))| {
            let (held, building) = self.pool().shells(&class);
            let ShellPlan { wanted, alone, reason } = plan;
            ShellStatus { class, personas, held, building, wanted, alone, reason }
        };
        plans.into_iter().map(status).collect()
    }
}

/// A class's shells within what bounds its personas: a freeze of one keeps all as they are, a quota leaves so many more.
fn bounded(members: &[Member], have: u32, wanted: u32, now: TimestampMs) -> u32 {
    let limits = || members.iter().map(|member| &member.snapshot.limits);
    let mut holds = limits().flat_map(|limits| &limits.holds).filter(|hold| hold.holds(now)).peekable();
    if holds.peek().is_some() {
        return if holds.any(|hold| hold.allows == Allowed::Nothing) { have } else { wanted.max(have) };
    }
    if wanted > have && limits().any(|limits| limits.out_of_capacity.is_some()) {
        return have;
    }
    let left = limits().filter_map(|limits| limits.quota).map(|quota| quota.most.saturating_sub(quota.used)).min();
    wanted.min(have.saturating_add(left.unwrap_or(u32::MAX)))
}
