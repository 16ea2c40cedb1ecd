//! One planning round: forecast and decide for every persona, then launch or release what the plans say.

use super::feedback::Step;
use super::limits::{may_hurry, to_hold};
use super::pool::{Changes, Followed, Pool, Target, Ways};
use super::tiers::Offer;
use super::view::View;
use super::{Core, contests};
use crate::store::{StoreError, Write};
use forewarm_bus::message::EventTopic;
use forewarm_domain::persona::{Mode, Persona, Policy};
use forewarm_domain::plan::{Move, Plan, Snapshot, decide};
use forewarm_domain::policy::Switch;
use forewarm_domain::time::{HOUR_MS, TimestampMs};
use futures::StreamExt;
use futures::stream;
use std::sync::{Arc, PoisonError};
use std::time::Instant;
use tracing::info;

/// Loads that the rules look back upon.
const RECENT_STEPS: usize = 60;
/// Personas whose plans are saved in one transaction: small, so that a claim never waits for long behind one.
const PLANS_PER_COMMIT: usize = 16;

/// What one planning round did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CycleReport {
    /// Personas planned for.
    pub personas: usize,
    /// Instances launched.
    pub launched: u32,
    /// Instances brought from a cheaper tier.
    pub activated: u32,
    /// Instances parked.
    pub parked: u32,
    /// Instances let go.
    pub released: u32,
}

impl CycleReport {
    pub(super) fn add(&mut self, done: Followed) {
        self.launched += done.launched;
        self.activated += done.activated;
        self.parked += done.parked;
        self.released += done.released;
    }
}

/// A plan, and whether it differs from the one before in what it wants.
struct Decided {
    persona: Arc<Persona>,
    snapshot: Snapshot,
    plan: Arc<Plan>,
    /// The tiers on offer; `None` while its driver has not told.
    offer: Option<Offer>,
    ways: Ways,
    /// Idle instances that are worth moving to a cheaper placement.
    moves: Vec<Move>,
    is_news: bool,
    /// The rule of the plan before, where it was another one.
    policy_before: Option<Policy>,
    /// The change of the rule that decides, where there is one.
    switch: Option<Switch>,
}

impl Core {
    /// Plans for every persona and records the intents that follow; [`Core::dispatch`] carries them out.
    ///
    /// # Errors
    /// [`StoreError`] when plans or intents can't be saved; what was decided is then tried again in the next round.
    pub async fn cycle(&self) -> Result<CycleReport, StoreError> {
        let now = self.clock.now();
        let started = Instant::now();
        let plans = stream::iter(self.catalog.list()).map(|persona| self.plan_one(persona, now));
        let mut batches = plans.buffer_unordered(self.settings.parallel_calls.max(1)).ready_chunks(PLANS_PER_COMMIT);
        let mut report = CycleReport::default();
        while let Some(batch) = batches.next().await {
            let done = self.carry_out_plans(batch, now).await?;
            report.personas += done.personas;
            report.launched += done.launched;
            report.activated += done.activated;
            report.parked += done.parked;
            report.released += done.released;
        }
        self.keep_shells(now, &mut report).await?;
        self.metrics.cycle_done(started.elapsed());
        Ok(report)
    }

    async fn plan_one(&self, persona: Arc<Persona>, now: TimestampMs) -> Decided {
        let outlook = self.outlook(&persona, now).await;
        let name = &persona.spec.name;
        let offer = self.offer(&persona, now).await;
        let stock = self.stock(name);
        self.spending.count(name, self.spend_rate(&persona, offer, stock), now);
        // Before the snapshot is put together: it locks the pool itself.
        let limits = self.limits(&persona, now);
        let mut snapshot = Snapshot {
            persona: name.clone(),
            persona_version: persona.version,
            at: now,
            step_ms: self.settings.step_ms,
            scaling: persona.spec.scaling,
            capacity_per_instance: persona.spec.demand.capacity_per_instance,
            lead_ms: self.lead_ms(name),
            stock,
            recent_load: self.recent_load(&persona, now),
            outlook,
            standby: offer.map(|offer| self.standby(&persona, offer)).unwrap_or_default(),
            choice: None,
            limits,
        };
        snapshot.limits.leased = self.pool().leased(name).kept;
        snapshot.limits.booked = self.booked(name, now);
        snapshot.choice = self.contests.choose(&snapshot);
        let recalled = self.recall(&persona, &mut snapshot).await;
        let mut plan = decide(&snapshot);
        plan.reasons.extend(recalled);
        plan.reasons.extend(self.tries_one(&persona, &plan));
        plan.reasons.extend(self.driver_down(&persona.spec.plugins.driver));
        plan.reasons.extend(self.shells.reason(&persona));
        plan.saved_per_hour = offer.and_then(|offer| offer.saved_per_hour(plan.standby.parked));
        let moves = self.consolidation(&persona, &snapshot, &mut plan);
        let plan = Arc::new(plan);
        let before = self.views().get(name).map(|view| (view.plan.wanted, view.plan.policy, view.plan.standby));
        let switch = contests::switch(&plan, snapshot.choice.as_ref(), before.map(|(_, policy, _)| policy));
        let is_news = before != Some((plan.wanted, plan.policy, plan.standby));
        let policy_before = before.map(|(_, policy, _)| policy).filter(|policy| *policy != plan.policy);
        let ways = self.ways(&persona);
        Decided { persona, snapshot, plan, offer, ways, moves, is_news, policy_before, switch }
    }

    /// The loads of the last steps before `now`; `NaN` for those that are not known (yet). A last step whose load is
    /// still on its way, within the lag of the measurement, is left out.
    fn recent_load(&self, persona: &Persona, now: TimestampMs) -> Vec<f64> {
        let step_ms = self.settings.step_ms;
        let Some(window) = self.series.window(&persona.spec.demand.series, RECENT_STEPS) else { return vec![] };
        let missing = now.floor(step_ms).since(window.end()) / step_ms;
        let tolerated = i64::from(self.settings.metric_lag_ms > 0);
        let mut loads = window.values;
        if missing > tolerated {
            loads.extend((0..missing.min(RECENT_STEPS as i64)).map(|_| f64::NAN));
        }
        loads.split_off(loads.len().saturating_sub(RECENT_STEPS))
    }

    async fn carry_out_plans(&self, batch: Vec<Decided>, now: TimestampMs) -> Result<CycleReport, StoreError> {
        let (report, records) = self
            .change(|pool| {
                let mut report = CycleReport { personas: batch.len(), ..CycleReport::default() };
                let mut records = Vec::new();
                for decided in &batch {
                    let Decided { persona, plan, offer, is_news, switch, .. } = decided;
                    let name = &persona.spec.name;
                    let done = self.carry_out(pool, decided, now);
                    report.add(done);
                    records.extend(self.count_step(persona, pool, (done.launched, *offer), now));
                    records.extend(self.spending.unsaved(name));
                    records.extend(switch.clone().and_then(|switch| self.contests.note_switch(name, switch)));
                    records.extend(self.contests.unsaved(name, now, self.settings.step_ms));
                    if *is_news {
                        records.push(Write::Plan(plan.as_ref().clone()));
                    }
                }
                ((report, records), Changes::default())
            })
            .await?;
        self.store.commit(records).await?;
        for decided in batch {
            self.publish_plan(decided).await;
        }
        Ok(report)
    }

    /// Brings a persona's instances to its plan.
    fn carry_out(&self, pool: &mut Pool, decided: &Decided, now: TimestampMs) -> Followed {
        let Decided { persona, snapshot, plan, offer, ways, moves, .. } = decided;
        let (name, driver) = (&persona.spec.name, &persona.spec.plugins.driver);
        let mut room = self.room(pool, persona, now);
        let wanted = to_hold(plan, pool.stock(name));
        let parked = offer.filter(|_| plan.mode == Mode::Apply).map(|_| plan.standby.parked);
        let needed = if may_hurry(plan, &snapshot.limits) { snapshot.needed() } else { snapshot.stock.promised() };
        let target = Target { wanted, needed, parked, room: &mut room };
        let mut done = pool.follow(name, driver, target, ways, now);
        let most = persona.spec.scaling.max_moves;
        done.launched += pool.consolidate(name, driver, moves, (wanted, most), &mut room, now);
        self.shortages.tried(persona, room.taken(), now);
        done
    }

    /// The outcome of the step that has just ended.
    fn count_step(
        &self,
        persona: &Persona,
        pool: &Pool,
        (launches, offer): (u32, Option<Offer>),
        now: TimestampMs,
    ) -> Vec<Write> {
        let stock = pool.own_stock(&persona.spec.name);
        let at = now.floor(self.settings.step_ms) - self.settings.step_ms;
        let name = persona.spec.name.clone();
        let latest = self.series.latest(&persona.spec.demand.series);
        let load =
            latest.filter(|(last, _)| last.floor(self.settings.step_ms) == at).map_or(f64::NAN, |(_, load)| load);
        let predicted = self.analyst.predicted(&name, at);
        let hours = self.settings.step_ms as f64 / HOUR_MS as f64;
        let saved = offer.and_then(|offer| offer.saved_per_hour(stock.parked)).unwrap_or(0.0) * hours;
        let placement_saved = self.placement_saved_per_hour(pool, persona, now) * hours;
        self.feedback.count_step(&Step { persona: name, at, stock, load, predicted, launches, saved, placement_saved })
    }

    async fn publish_plan(&self, decided: Decided) {
        let Decided { persona, snapshot, plan, is_news, policy_before, .. } = decided;
        let name = persona.spec.name.clone();
        self.metrics.planned(&plan);
        if let Some(spent) = self.spent_of_budget(&persona) {
            self.metrics.spent(&name, spent.period.as_str(), spent.spent);
        }
        self.views().insert(name.clone(), View { plan: Arc::clone(&plan), snapshot: Arc::new(snapshot) });
        let reason = plan.reasons.iter().map(|reason| reason.detail.as_str()).collect::<Vec<_>>().join("; ");
        if policy_before.is_some() {
            info!(persona = %name, to = plan.policy.as_str(), reason, "planned by another rule");
            self.metrics.policy_switched(&name, plan.policy.as_str());
            let data = serde_json::json!({ "from": policy_before, "to": plan.policy });
            self.tell(EventTopic::PolicySwitched, name.to_string(), reason.clone(), data).await;
        }
        if is_news && plan.mode != Mode::ForecastOnly {
            let data = serde_json::json!({
                "wanted": plan.wanted, "standby": plan.standby, "stock": plan.stock, "policy": plan.policy, "mode": plan.mode, "at": plan.at,
            });
            self.tell(EventTopic::PlanChanged, name.to_string(), reason, data).await;
        }
    }

    pub(super) fn views(&self) -> std::sync::MutexGuard<'_, super::Views> {
        self.views.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
