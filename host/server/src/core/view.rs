//! What can be looked at: plans and what they rest on, instances, outcomes, drafts, and the status of the whole.

use super::{Anomaly, Core, ShellStatus};
use crate::store::{Prune, StoreError, Write};
use forewarm_bus::message::ProfileCall;
use forewarm_domain::forecast::Fan;
use forewarm_domain::id::{PersonaName, PluginName, ResourceName};
use forewarm_domain::instance::{Claim, Instance, Tier};
use forewarm_domain::outcome::Outcome;
use forewarm_domain::persona::{Persona, PersonaSpec, Policy};
use forewarm_domain::plan::{
    Alternative, ExpectedCost, Plan, ReasonCode, Snapshot, StandbyCounts, Stock, alternatives, expected_cost,
};
use forewarm_domain::plugin::{PersonaDraft, PluginError, Usage, Workload};
use forewarm_domain::policy::{Standing, Switch};
use forewarm_domain::series::SeriesKey;
use forewarm_domain::time::TimestampMs;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// The newest plan of a persona and what it was decided upon.
pub(super) struct View {
    pub plan: Arc<Plan>,
    pub snapshot: Arc<Snapshot>,
}

/// How the whole host stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// The host's time, which is virtual in a replay.
    pub at: TimestampMs,
    /// One entry per persona, by name.
    pub personas: Vec<PersonaStatus>,
    /// One entry per class of generic shells that are held, or that its personas could use.
    #[serde(default)]
    pub shells: Vec<ShellStatus>,
}

/// How one persona stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PersonaStatus {
    /// Its name.
    pub name: PersonaName,
    /// Its newest version.
    pub version: u32,
    /// Instances and claims by state.
    pub stock: Stock,
    /// The last measured load.
    pub load: Option<f64>,
    /// Instances wanted by the newest plan.
    pub wanted: Option<u32>,
    /// Instances wanted in cheaper tiers beyond those.
    #[serde(default)]
    pub standby: Option<StandbyCounts>,
    /// The rule that the newest plan followed.
    pub policy: Option<Policy>,
    /// The bounds that acted on the newest plan, in the order in which they did.
    #[serde(default)]
    pub bounds: Vec<ReasonCode>,
    /// What its instances have cost: in the period of its budget, where it has one, else in the present month.
    pub spent: Option<super::Spent>,
}

/// What a plan is expected to cost, and what it would have been and cost under each other rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PlanCosts {
    /// Whose plan.
    pub persona: PersonaName,
    /// When it was decided.
    pub at: TimestampMs,
    /// The planning step in milliseconds: costs are in idle instance-steps.
    pub step_ms: i64,
    /// How many idle instance-steps one costs that is missing.
    pub missing_cost: f64,
    /// What a warm instance costs per hour, in units of the driver's currency; `None` where the driver tells none.
    pub warm_per_hour: Option<f64>,
    /// Instances wanted.
    pub wanted: u32,
    /// What that is expected to cost over the forecast's horizon; `None` without a forecast.
    pub expected: Option<ExpectedCost>,
    /// What the plan would have been under each rule, the one that decides first, then the cheapest.
    pub alternatives: Vec<Alternative>,
}

impl PlanCosts {
    /// A cost in idle instance-steps as money of the driver's currency.
    #[must_use]
    pub fn money(&self, cost: f64) -> Option<f64> {
        self.warm_per_hour.map(|price| cost * price * self.step_ms as f64 / 3_600_000.0)
    }
}

/// Why no drafts could be made.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// Nothing was measured of a resource.
    #[error("nothing was measured of {0} in that time")]
    UnknownResource(ResourceName),
    /// The history could not be read.
    #[error("the history could not be read: {0}")]
    History(String),
    /// The profiler failed.
    #[error(transparent)]
    Plugin(#[from] PluginError),
}

impl Core {
    /// Applies a persona: its newest version is planned for from the next round on.
    ///
    /// # Errors
    /// [`super::ApplyError`]; nothing changes then.
    pub async fn apply(
        &self,
        spec: PersonaSpec,
        by: &str,
        expected_version: Option<u32>,
    ) -> Result<super::Applied, super::ApplyError> {
        let applied = self.catalog.apply(spec, by, expected_version, self.clock.now()).await?;
        if applied.changed {
            self.applied.notify_one();
            let persona = &applied.persona;
            let reason = format!("version {} applied by {by}", persona.version);
            let data = serde_json::to_value(persona).unwrap_or_default();
            let topic = forewarm_bus::message::EventTopic::PersonaApplied;
            self.tell(topic, persona.spec.name.to_string(), reason, data).await;
        }
        Ok(applied)
    }

    /// The instances of a persona, the oldest first.
    #[must_use]
    pub fn instances(&self, persona: &PersonaName) -> Vec<Instance> {
        self.pool().instances_of(persona)
    }

    /// The open claims on a persona, the oldest first.
    #[must_use]
    pub fn open_claims(&self, persona: &PersonaName) -> Vec<Claim> {
        self.pool().open_claims(persona)
    }

    /// What exists of a persona and is asked for.
    #[must_use]
    pub fn stock(&self, persona: &PersonaName) -> Stock {
        self.pool().stock(persona)
    }

    /// The newest plan of a persona; `None` before the first round.
    #[must_use]
    pub fn plan(&self, persona: &PersonaName) -> Option<Arc<Plan>> {
        self.views().get(persona).map(|view| Arc::clone(&view.plan))
    }

    /// What the newest plan of a persona was decided upon.
    #[must_use]
    pub fn snapshot(&self, persona: &PersonaName) -> Option<Snapshot> {
        self.views().get(persona).map(|view| Snapshot::clone(&view.snapshot))
    }

    /// The newest forecast of a persona's load.
    #[must_use]
    pub fn forecast(&self, persona: &PersonaName) -> Option<Arc<Fan>> {
        self.analyst.forecast(persona)
    }

    /// How the rules that compete for a persona stand, the one that decides first; empty where none compete.
    #[must_use]
    pub fn standings(&self, persona: &PersonaName) -> Vec<Standing> {
        self.contests.standings(persona)
    }

    /// The last changes of the rule that decides for a persona, the newest first.
    #[must_use]
    pub fn switches(&self, persona: &PersonaName) -> Vec<Switch> {
        self.contests.switches(persona)
    }

    /// What the newest plan of a persona is expected to cost, beside what it would have been under every other rule; `None`
    /// before the first round.
    pub async fn plan_costs(&self, persona: &Persona) -> Option<PlanCosts> {
        let name = &persona.spec.name;
        let (plan, snapshot) = self.views().get(name).map(|view| (Arc::clone(&view.plan), view.snapshot.clone()))?;
        // Costs are told without money where the driver does not answer.
        let prices = self.prices(persona).await.unwrap_or_default();
        // What competed under another policy of the persona's says nothing of this plan.
        let competes = snapshot.choice.is_some();
        let candidates = if competes { self.contests.candidates(name) } else { Vec::new() };
        let warm = prices.iter().find(|price| price.tier == Tier::Warm);
        Some(PlanCosts {
            persona: name.clone(),
            at: plan.at,
            step_ms: snapshot.step_ms,
            // Without the last digits, which are an error of the division.
            missing_cost: (snapshot.economy().unserved * 1e6).round() / 1e6,
            warm_per_hour: warm.map(|price| price.per_hour),
            wanted: plan.wanted,
            expected: expected_cost(&snapshot, plan.wanted),
            alternatives: alternatives(&snapshot, &candidates),
        })
    }

    /// The newest anomalies of a persona's load, the newest first.
    #[must_use]
    pub fn anomalies(&self, persona: &PersonaName) -> Vec<Anomaly> {
        self.watchman.anomalies(persona)
    }

    /// The outcomes of a persona's hours from `from` up to, not including, `to`.
    ///
    /// # Errors
    /// [`StoreError`] when the store can't be read.
    pub async fn outcomes(
        &self,
        persona: &PersonaName,
        from: TimestampMs,
        to: TimestampMs,
    ) -> Result<Vec<Outcome>, StoreError> {
        self.store.outcomes(persona, from, to).await
    }

    /// Removes ended claims, plans, outcomes, measurements and entries of the calendar from before `before`.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is removed then.
    pub async fn prune(&self, before: TimestampMs) -> Result<(), StoreError> {
        self.calendar.prune(before);
        let before = Some(before);
        let prune = Prune {
            claims_before: before,
            leases_before: before,
            plans_before: before,
            outcomes_before: before,
            chunks_before: before,
            calendar_before: before,
        };
        self.store.commit(vec![Write::Prune(prune)]).await
    }

    /// How the whole host stands.
    #[must_use]
    pub fn status(&self) -> Status {
        let personas = self.catalog.list().into_iter().map(|persona| {
            let name = persona.spec.name.clone();
            let plan = self.plan(&name);
            PersonaStatus {
                version: persona.version,
                stock: self.stock(&name),
                load: self.series.latest(&persona.spec.demand.series).map(|(_, load)| load),
                wanted: plan.as_ref().map(|plan| plan.wanted),
                standby: plan.as_ref().map(|plan| plan.standby),
                policy: plan.as_ref().map(|plan| plan.policy),
                bounds: plan.as_ref().map(|plan| plan.bounds()).unwrap_or_default(),
                spent: self.spent_of_budget(&persona),
                name,
            }
        });
        Status { at: self.clock.now(), personas: personas.collect(), shells: self.shell_status() }
    }

    /// Drafts personas from what was measured of `resources` since `since`.
    ///
    /// # Errors
    /// [`ProfileError`] names the resource or the plugin that stood in the way.
    pub async fn profile(
        &self,
        profiler: &PluginName,
        resources: Vec<ResourceName>,
        since: TimestampMs,
    ) -> Result<Vec<PersonaDraft>, ProfileError> {
        let mut workloads = Vec::with_capacity(resources.len());
        for resource in resources {
            workloads.push(self.workload(resource, since).await?);
        }
        let ask = ProfileCall { plugin: profiler.clone(), workloads };
        Ok(self.ask(&ask).await?)
    }

    async fn workload(&self, resource: ResourceName, since: TimestampMs) -> Result<Workload, ProfileError> {
        let mut usages = Vec::new();
        for metric in forewarm_domain::series::Metric::ALL {
            let key = SeriesKey { resource: resource.clone(), metric };
            if self.series.latest(&key).is_none() {
                continue;
            }
            let history = self.series.history(&key, since, self.clock.now()).await;
            usages.push(Usage { metric, history: history.map_err(|error| ProfileError::History(error.to_string()))? });
        }
        if usages.is_empty() {
            return Err(ProfileError::UnknownResource(resource));
        }
        Ok(Workload { resource, allocation: None, usages })
    }
}
