//! Drives one replay step by step. Each step can be repeated after a crash without losing or doubling anything: samples
//! are idempotent, claims are brought to the demanded number, plans act on what exists.

use super::ReplayError;
use super::summary::{PolicySummary, Summary};
use crate::core::{ClaimRequest, Core};
use crate::ingest::Sample;
use forewarm_domain::id::{PersonaName, ResourceName, TenantName};
use forewarm_domain::instance::{Claim, ClaimState, Tier};
use forewarm_domain::outcome::Outcome;
use forewarm_domain::persona::{Allocation, Demand, PersonaSpec, Policy, Scaling};
use forewarm_domain::plan::{Stock, instances_for};
use forewarm_domain::series::{Metric, SeriesKey, quantile};
use forewarm_domain::time::{ManualClock, TimestampMs};
use forewarm_simulator::clairvoyant::{Costs, least_cost};
use forewarm_simulator::trace::Trace;
use futures::future::try_join_all;
use std::sync::Arc;
use std::time::Duration;

/// Steps before the first claim, in which the fleet warms up as it would before a host goes into service.
const WARM_UP_STEPS: usize = 15;
/// Steps of demand that a replay has to have at least.
const LEAST_STEPS: usize = 30;
/// The load is scaled so that 95% of the history needs at most this many instances.
const INSTANCES_AT_P95: f64 = 40.0;
/// Samples handed over at a time while the history is given.
const HISTORY_BATCH: usize = 10_000;

/// How a replay stands after a step.
#[derive(Debug, Clone)]
pub struct Progress {
    /// Virtual time.
    pub at: TimestampMs,
    /// Steps done and steps in all.
    pub step: usize,
    /// Steps in all.
    pub steps: usize,
    /// Instances demanded.
    pub demand: u32,
    /// What the planned persona has.
    pub stock: Stock,
    /// What the plan wants.
    pub wanted: u32,
    /// Claims that were not served at once so far.
    pub cold_starts: u64,
    /// What was paid so far for idle, booting and parked instances, in the driver's currency.
    pub cost: f64,
}

/// See the module's description.
pub(super) struct Driver {
    core: Arc<Core>,
    clock: Arc<ManualClock>,
    trace: Trace,
    series: SeriesKey,
    tenant: TenantName,
    /// The persona that forewarm plans, and the one that the reactive rule plans.
    personas: [PersonaName; 2],
    capacity: f64,
    price_per_hour: f64,
    /// What a parked instance costs, relative to a warm one.
    parked_share: f64,
    /// The first step that claims are made at.
    first: usize,
    next: usize,
    resumed: bool,
    /// Cold starts before this run of the replay.
    cold_starts_before: u64,
    /// Idle instance-steps so far, and parked ones.
    idle_steps: u64,
    parked_steps: u64,
}

impl Driver {
    pub(super) async fn prepare(
        core: Arc<Core>,
        clock: Arc<ManualClock>,
        trace: Trace,
        history: f64,
    ) -> Result<Self, ReplayError> {
        let steps = trace.values.len();
        let first = ((steps as f64 * history.clamp(0.0, 0.95)) as usize).max(WARM_UP_STEPS + 2);
        if first + LEAST_STEPS > steps {
            return Err(ReplayError::TooShort { steps, history: first, least: LEAST_STEPS });
        }
        let p95 = quantile(&trace.values[..first], 0.95).filter(|load| *load > 0.0).ok_or(ReplayError::NoLoad)?;
        let series = SeriesKey { resource: parse::<ResourceName>(&resource(&trace.name))?, metric: Metric::Requests };
        let stem = label(&trace.name);
        let mut driver = Self {
            core,
            clock,
            series,
            tenant: parse("replay")?,
            personas: [parse(&stem)?, parse(&format!("{stem}-reactive"))?],
            capacity: p95 / INSTANCES_AT_P95,
            price_per_hour: 0.0,
            parked_share: 0.0,
            first,
            next: first - WARM_UP_STEPS,
            resumed: false,
            cold_starts_before: 0,
            idle_steps: 0,
            parked_steps: 0,
            trace,
        };
        driver.begin().await?;
        Ok(driver)
    }

    pub(super) fn is_resumed(&self) -> bool {
        self.resumed
    }

    /// Gives the history, or finds where an interrupted replay was; applies the personas; plans a first time.
    async fn begin(&mut self) -> Result<(), ReplayError> {
        let known = self.core.series().latest(&self.series).map(|(at, _)| self.index_of(at) + 1);
        // History that was cut off half-way is given again: samples are idempotent.
        self.resumed = known.is_some_and(|known| known > self.next);
        if self.resumed {
            self.next = known.unwrap_or(self.next);
        } else {
            self.clock.advance_to(self.trace.at(self.next));
            for batch in (0..self.next).collect::<Vec<_>>().chunks(HISTORY_BATCH) {
                self.ingest(batch).await?;
            }
        }
        for (name, policy) in self.personas.clone().into_iter().zip([Policy::LevelProgramme, Policy::Reactive]) {
            self.core.apply(self.spec(name, policy), "replay", None).await.map_err(host)?;
        }
        let persona = self.core.catalog().get(&self.personas[0]);
        if let Some(persona) = persona {
            let prices = self.core.prices(&persona).await?;
            let price = |tier: Tier| prices.iter().find(|price| price.tier == tier).map_or(0.0, |price| price.per_hour);
            self.price_per_hour = price(Tier::Warm);
            self.parked_share = if self.price_per_hour > 0.0 { price(Tier::Parked) / self.price_per_hour } else { 0.0 };
        }
        self.clock.advance_to(self.trace.at(self.next));
        if self.resumed {
            self.recount().await?;
        }
        self.plan().await
    }

    /// The figures so far of an interrupted replay.
    async fn recount(&mut self) -> Result<(), ReplayError> {
        let claims = self.claims(&self.personas[0]).await?;
        self.cold_starts_before = claims.iter().filter(|claim| is_cold(claim)).count() as u64;
        let outcomes = self.outcomes(&self.personas[0]).await?;
        self.idle_steps = outcomes.iter().map(|outcome| outcome.idle + outcome.booting).sum();
        self.parked_steps = outcomes.iter().map(|outcome| outcome.parked).sum();
        Ok(())
    }

    fn spec(&self, name: PersonaName, policy: Policy) -> PersonaSpec {
        PersonaSpec {
            name,
            description: format!("one instance serves {:.3} of the replayed load", self.capacity),
            allocation: Allocation { cpu_millis: 1_000, memory_mib: 2_048, storage_gib: 10, network_mbps: 0 },
            system: Default::default(),
            security: Default::default(),
            expected: Default::default(),
            demand: Demand { series: self.series.clone(), capacity_per_instance: self.capacity },
            scaling: Scaling { min: 1, max: 4_000, policy, ..Scaling::default() },
            schedules: Vec::new(),
            placements: Vec::new(),
            plugins: Default::default(),
            claims: Default::default(),
            lending: None,
        }
    }

    /// One minute: what became ready serves, the demand claims and releases, its load is measured, plans follow.
    pub(super) async fn step(&mut self) -> Result<Option<Progress>, ReplayError> {
        let index = self.next;
        if index >= self.trace.values.len() {
            return Ok(None);
        }
        self.clock.advance_to(self.trace.at(index));
        self.core.observe().await.map_err(host)?;
        let demand = if index < self.first { 0 } else { self.demand(index) };
        for persona in &self.personas {
            self.demand_of(persona, demand).await?;
        }
        self.core.dispatch().await.map_err(host)?;
        self.core.sweep().await.map_err(host)?;
        self.ingest(&[index]).await?;
        self.next += 1;
        self.clock.advance_to(self.trace.at(self.next));
        self.plan().await?;
        Ok(Some(self.progress(index, demand)))
    }

    async fn plan(&self) -> Result<(), ReplayError> {
        self.core.cycle().await.map_err(host)?;
        self.core.dispatch().await.map_err(host)?;
        self.core.watch().await;
        Ok(())
    }

    fn demand(&self, index: usize) -> u32 {
        instances_for(self.trace.values[index], self.capacity).max(1)
    }

    /// Brings the open claims on a persona to the demanded number.
    async fn demand_of(&self, persona: &PersonaName, demand: u32) -> Result<(), ReplayError> {
        let mut open = self.core.open_claims(persona);
        let missing = (demand as usize).saturating_sub(open.len());
        let request = || ClaimRequest {
            persona: persona.clone(),
            tenant: self.tenant.clone(),
            idempotency_key: None,
            lifetime_s: None,
        };
        try_join_all((0..missing).map(|_| self.core.claim(request()))).await.map_err(host)?;
        // Those who still wait leave first, then those who came first.
        open.sort_by_key(|claim| matches!(claim.state, ClaimState::Served { .. }));
        let surplus = open.len().saturating_sub(demand as usize);
        try_join_all(open.iter().take(surplus).map(|claim| self.core.release(claim.id, None))).await.map_err(host)?;
        Ok(())
    }

    async fn ingest(&self, indices: &[usize]) -> Result<(), ReplayError> {
        let sample = |index: &usize| Sample {
            key: self.series.clone(),
            at: self.trace.at(*index),
            value: self.trace.values[*index],
        };
        let report = self.core.series().ingest(indices.iter().map(sample).collect()).await.map_err(host)?;
        match report.refused.first() {
            None => Ok(()),
            Some(refusal) => Err(host(&refusal.detail)),
        }
    }

    fn progress(&mut self, index: usize, demand: u32) -> Progress {
        let persona = &self.personas[0];
        let stock = self.core.stock(persona);
        self.idle_steps += u64::from(stock.warm + stock.resetting + stock.booting);
        self.parked_steps += u64::from(stock.parked);
        Progress {
            at: self.trace.at(index),
            step: index + 1 - (self.first - WARM_UP_STEPS),
            steps: self.trace.values.len() - (self.first - WARM_UP_STEPS),
            demand,
            stock,
            wanted: self.core.plan(persona).map_or(0, |plan| plan.wanted),
            cold_starts: self.cold_starts_before + self.core.cold_starts(persona),
            cost: self.paid_hours(self.idle_steps as f64, self.parked_steps as f64) * self.price_per_hour,
        }
    }

    /// Hours of idle instances that cost as much as so many idle and parked instance-steps.
    fn paid_hours(&self, idle: f64, parked: f64) -> f64 {
        (idle + self.parked_share * parked) / 60.0
    }

    pub(super) async fn summary(&self, took: Duration) -> Result<Summary, ReplayError> {
        let [planned, reactive] = &self.personas;
        let served: Vec<u32> = (self.first..self.next).map(|index| self.demand(index)).collect();
        let steps = self.next.saturating_sub(self.first);
        let costs = Costs { idle: 1.0, unserved: 19.0, boot_steps: 5 };
        let ready = served.first().copied().unwrap_or(0);
        let floor = least_cost(&served, ready, costs);
        Ok(Summary {
            trace: self.trace.name.clone(),
            from: self.trace.at(self.first),
            steps,
            took,
            forewarm: self.policy(planned, floor, costs).await?,
            reactive: self.policy(reactive, floor, costs).await?,
        })
    }

    async fn policy(&self, persona: &PersonaName, floor: f64, costs: Costs) -> Result<PolicySummary, ReplayError> {
        let claims = self.claims(persona).await?;
        let outcomes = self.outcomes(persona).await?;
        let waits: Vec<f64> = claims.iter().map(|claim| self.waited_s(claim)).collect();
        let warm = claims.iter().filter(|claim| !is_cold(claim)).count();
        let sum = |part: fn(&Outcome) -> u64| outcomes.iter().map(part).sum::<u64>() as f64;
        let (idle, booting, unserved) =
            (sum(|outcome| outcome.idle), sum(|outcome| outcome.booting), sum(|outcome| outcome.unserved));
        let parked = sum(|outcome| outcome.parked);
        let paid = self.paid_hours(idle + booting, parked);
        let weighed = costs.idle * 60.0 * paid + costs.unserved * unserved;
        let scored = sum(|outcome| outcome.forecast_steps.into());
        Ok(PolicySummary {
            claims: claims.len(),
            warm_share: warm as f64 / claims.len().max(1) as f64,
            wait_p95_s: quantile(&waits, 0.95).unwrap_or(0.0),
            wait_p99_s: quantile(&waits, 0.99).unwrap_or(0.0),
            idle_hours: idle / 60.0,
            booting_hours: booting / 60.0,
            unserved_hours: unserved / 60.0,
            launches: sum(|outcome| outcome.launches.into()) as u64,
            cost: paid * self.price_per_hour,
            cost_ratio: (floor > 0.0).then(|| weighed / floor),
            coverage: (scored > 0.0).then(|| sum(|outcome| outcome.covered.into()) / scored),
        })
    }

    /// Seconds from the request to being served; for one that never was, to its end or to now.
    fn waited_s(&self, claim: &Claim) -> f64 {
        let until = match claim.state {
            ClaimState::Ended { ended_at, .. } => ended_at,
            _ => self.trace.at(self.next),
        };
        claim.wait_ms().unwrap_or_else(|| until.since(claim.requested_at)) as f64 / 1_000.0
    }

    async fn claims(&self, persona: &PersonaName) -> Result<Vec<Claim>, ReplayError> {
        self.core.store().claims_of(persona, u64::from(u32::MAX)).await.map_err(host)
    }

    /// What was counted from the first claim on.
    async fn outcomes(&self, persona: &PersonaName) -> Result<Vec<Outcome>, ReplayError> {
        let from = self.trace.at(self.first - WARM_UP_STEPS);
        self.core.outcomes(persona, from - 3_600_000, TimestampMs::MAX).await.map_err(host)
    }

    fn index_of(&self, at: TimestampMs) -> usize {
        usize::try_from(at.since(self.trace.start) / self.trace.step_ms).unwrap_or(usize::MAX)
    }
}

fn is_cold(claim: &Claim) -> bool {
    !matches!(claim.state, ClaimState::Served { warm: true, .. } | ClaimState::Ended { warm: true, .. })
}

fn host(error: impl std::fmt::Display) -> ReplayError {
    ReplayError::Host(error.to_string())
}

fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, ReplayError> {
    text.parse().map_err(host)
}

/// A DNS label made of a file's stem, with room for a suffix.
fn label(stem: &str) -> String {
    let lower = stem.to_ascii_lowercase();
    let plain: String = lower.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(50).collect();
    let trimmed = plain.trim_matches('-');
    if trimmed.is_empty() { "trace".into() } else { trimmed.into() }
}

fn resource(stem: &str) -> String {
    format!("replay/{}", label(stem))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_stem_becomes_a_name() {
        for (stem, expected) in
            [("service-00", "service-00"), ("My File.v2", "my-file-v2"), ("___", "trace"), ("é", "trace")]
        {
            assert_eq!(label(stem), expected);
            assert!(label(stem).parse::<PersonaName>().is_ok());
        }
    }
}
