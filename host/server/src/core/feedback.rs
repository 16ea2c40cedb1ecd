//! Feedback: predicted against actual per persona, how long boots and starts really take, and what tiers saved.

use super::Core;
use super::catalog::Catalog;
use super::pool::Served;
use crate::store::{Store, StoreError, Write};
use forewarm_domain::id::PersonaName;
use forewarm_domain::instance::Tier;
use forewarm_domain::outcome::Outcome;
use forewarm_domain::plan::Stock;
use forewarm_domain::series::quantile;
use forewarm_domain::time::{HOUR_MS, TimestampMs};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Boots that count towards the lead time of a persona.
const BOOTS_KEPT: usize = 64;
/// The share of boots that the lead time has to cover.
const BOOT_QUANTILE: f64 = 0.95;

/// A start from parked is taken to be so many times as quick as a boot until one was measured; so is specialising a shell.
/// Too slow a guess would keep a tier from ever being tried; a measured one follows with the first use.
const ASSUMED_START: i64 = 4;
const ASSUMED_SPECIALISE: i64 = 2;

/// What is remembered of one persona.
#[derive(Default)]
struct Memory {
    /// By hour, the hour under way and the one before.
    outcomes: BTreeMap<TimestampMs, Outcome>,
    boots_ms: VecDeque<i64>,
    boots_unsaved: bool,
    /// By the tier that instances came from.
    activations_ms: BTreeMap<Tier, VecDeque<i64>>,
    activations_unsaved: bool,
    /// Claims that found no warm instance since the start of this host.
    cold_starts: u64,
}

/// See the module's description.
pub(super) struct Feedback(Mutex<HashMap<PersonaName, Memory>>);

impl Feedback {
    /// Takes up the hour that was under way when the last run ended.
    pub(super) async fn open(store: &Store, catalog: &Catalog, now: TimestampMs) -> Result<Self, StoreError> {
        let hour = now.floor(HOUR_MS);
        let mut memories = HashMap::new();
        for persona in catalog.list() {
            let name = persona.spec.name.clone();
            let outcomes = store.outcomes(&name, hour - HOUR_MS, hour + HOUR_MS).await?;
            let outcomes = outcomes.into_iter().map(|outcome| (outcome.hour, outcome)).collect();
            let boots = store.setting(&boots_key(&name)).await?;
            let boots_ms = boots.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
            let activations = store.setting(&activations_key(&name)).await?;
            let activations_ms = activations.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
            memories.insert(name, Memory { outcomes, boots_ms, activations_ms, ..Memory::default() });
        }
        Ok(Self(Mutex::new(memories)))
    }

    fn memories(&self) -> MutexGuard<'_, HashMap<PersonaName, Memory>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a claim that was served.
    pub(super) fn served(&self, served: &Served, now: TimestampMs) {
        let mut memories = self.memories();
        let memory = memories.entry(served.persona.clone()).or_default();
        let outcome = memory.outcome_at(&served.persona, now);
        if served.warm {
            outcome.claims_warm += 1;
        } else {
            outcome.claims_cold += 1;
            outcome.wait_ms_sum += served.wait_ms;
        }
    }

    /// Counts a claim that found no warm instance.
    pub(super) fn queued(&self, persona: &PersonaName) {
        self.memories().entry(persona.clone()).or_default().cold_starts += 1;
    }

    /// Notes how long a boot took.
    pub(super) fn booted(&self, persona: &PersonaName, boot_ms: i64) {
        let mut memories = self.memories();
        let memory = memories.entry(persona.clone()).or_default();
        keep_last(&mut memory.boots_ms, boot_ms);
        memory.boots_unsaved = true;
    }

    /// Notes how long it took to bring an instance from a cheaper tier.
    pub(super) fn activated(&self, persona: &PersonaName, from: Tier, took_ms: i64) {
        let mut memories = self.memories();
        let memory = memories.entry(persona.clone()).or_default();
        keep_last(memory.activations_ms.entry(from).or_default(), took_ms);
        memory.activations_unsaved = true;
    }

    fn boot_ms(&self, persona: &PersonaName) -> Option<i64> {
        high(&self.memories().get(persona)?.boots_ms)
    }

    fn activation_ms(&self, persona: &PersonaName, from: Tier) -> Option<i64> {
        high(self.memories().get(persona)?.activations_ms.get(&from)?)
    }

    /// Counts a step and gives what has to be saved of it.
    pub(super) fn count_step(&self, step: &Step) -> Vec<Write> {
        let mut memories = self.memories();
        let memory = memories.entry(step.persona.clone()).or_default();
        let outcome = memory.outcome_at(&step.persona, step.at);
        outcome.launches += step.launches;
        let is_new = step.at > outcome.through;
        outcome.count_step(step.at, step.stock, step.load, step.predicted);
        if is_new {
            outcome.saved += step.saved;
            outcome.placement_saved += step.placement_saved;
        }
        let mut writes = vec![Write::Outcome(outcome.clone())];
        if std::mem::take(&mut memory.boots_unsaved) {
            let value = serde_json::to_string(&memory.boots_ms).ok();
            writes.push(Write::Setting { key: boots_key(&step.persona), value });
        }
        if std::mem::take(&mut memory.activations_unsaved) {
            let value = serde_json::to_string(&memory.activations_ms).ok();
            writes.push(Write::Setting { key: activations_key(&step.persona), value });
        }
        writes
    }
}

/// What happened to one persona in one planning step.
pub(super) struct Step {
    pub persona: PersonaName,
    /// The beginning of the step.
    pub at: TimestampMs,
    /// What stood at its end.
    pub stock: Stock,
    /// Its load; `NaN` where it is not known.
    pub load: f64,
    /// What had been forecast of it.
    pub predicted: Option<forewarm_domain::outcome::ScoredQuantiles>,
    pub launches: u32,
    /// What parked instances cost less than warm ones would have in it, in the driver's currency.
    pub saved: f64,
    /// What instances in placements cost less in it than as the persona stands.
    pub placement_saved: f64,
}

impl Memory {
    fn outcome_at(&mut self, persona: &PersonaName, at: TimestampMs) -> &mut Outcome {
        let hour = at.floor(HOUR_MS);
        self.outcomes.retain(|kept, _| *kept >= hour - HOUR_MS);
        self.outcomes.entry(hour).or_insert_with(|| Outcome::empty(persona.clone(), hour))
    }
}

/// Keeps the last [`BOOTS_KEPT`].
fn keep_last(kept: &mut VecDeque<i64>, newest: i64) {
    kept.push_back(newest);
    while kept.len() > BOOTS_KEPT {
        kept.pop_front();
    }
}

/// What [`BOOT_QUANTILE`] of them do not exceed.
fn high(kept: &VecDeque<i64>) -> Option<i64> {
    let values: Vec<f64> = kept.iter().map(|took| *took as f64).collect();
    quantile(&values, BOOT_QUANTILE).map(|took| took.ceil() as i64)
}

fn activations_key(persona: &PersonaName) -> String {
    format!("activations/{persona}")
}

fn boots_key(persona: &PersonaName) -> String {
    format!("boots/{persona}")
}

impl Core {
    /// Claims on a persona that found no warm instance since the start of this host.
    #[must_use]
    pub fn cold_starts(&self, persona: &PersonaName) -> u64 {
        self.feedback.memories().get(persona).map_or(0, |memory| memory.cold_starts)
    }

    /// How long a boot is expected to take, 95th percentile, in milliseconds.
    pub(super) fn boot_ms(&self, persona: &PersonaName) -> i64 {
        self.feedback.boot_ms(persona).unwrap_or(self.settings.default_boot_ms)
    }

    /// How long it is expected to take to bring an instance from a cheaper tier, 95th percentile, in milliseconds; as a part of
    /// a boot while none was measured.
    pub(super) fn activation_ms(&self, persona: &PersonaName, from: Tier) -> i64 {
        let measured = self.feedback.activation_ms(persona, from);
        measured.unwrap_or_else(|| {
            self.boot_ms(persona) / if from == Tier::Parked { ASSUMED_START } else { ASSUMED_SPECIALISE }
        })
    }

    /// How long it takes from a change in the load to an instance that serves it.
    pub(super) fn lead_ms(&self, persona: &PersonaName) -> i64 {
        self.boot_ms(persona) + self.settings.metric_lag_ms
    }
}
