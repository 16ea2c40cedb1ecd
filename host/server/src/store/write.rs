//! What can be written, and how the writes of one transaction are put in order: per table, the last word per row.

use super::lent::Lent;
use super::record::{ChunkRecord, Intent, JournalRecord, SeriesRecord, TokenRecord};
use forewarm_domain::calendar::{Entry, EntryKind};
use forewarm_domain::id::{CalendarName, ClaimId, IdempotencyToken, InstanceId, LeaseId, PersonaName, PluginName};
use forewarm_domain::instance::{Claim, Instance};
use forewarm_domain::outcome::Outcome;
use forewarm_domain::persona::Persona;
use forewarm_domain::plan::Plan;
use forewarm_domain::time::TimestampMs;
use std::collections::BTreeMap;

/// One change of the store. Those of one [`commit`](super::Store::commit) happen together or not at all.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "a batch is moved once; a box per write would cost more")]
pub enum Write {
    /// Adds a version of a persona; a version that exists is a conflict.
    Persona(Persona),
    /// Inserts or replaces an instance.
    Instance(Instance),
    /// Removes an instance.
    InstanceGone(InstanceId),
    /// Inserts or replaces a claim; a second claim of a tenant with the same idempotency key is a conflict.
    Claim(Claim),
    /// Inserts or replaces a lease of instances.
    Lent(Lent),
    /// Inserts or replaces a driver operation that is about to be sent.
    Intent(Intent),
    /// Removes a driver operation that is known to be done.
    IntentDone(IdempotencyToken),
    /// Inserts or replaces a plan, by persona and instant. Its levels are not kept.
    Plan(Plan),
    /// Inserts or replaces an outcome, by persona and hour.
    Outcome(Outcome),
    /// Adds an access token; a name that exists is a conflict.
    Token(TokenRecord),
    /// Revokes an access token; one that is revoked keeps its first date.
    TokenRevoked {
        /// Which.
        name: String,
        /// When.
        at: TimestampMs,
    },
    /// Sets or, with `None`, removes a value of a plugin.
    PluginState {
        /// Whose.
        plugin: PluginName,
        /// Its key.
        key: String,
        /// The value.
        value: Option<Vec<u8>>,
    },
    /// Sets or, with `None`, removes a value of the host itself.
    Setting {
        /// Its key.
        key: String,
        /// The value.
        value: Option<String>,
    },
    /// Inserts or replaces an entry of the calendar, by kind and name.
    Calendar(Entry),
    /// Removes an entry of the calendar.
    CalendarGone {
        /// Its kind.
        kind: EntryKind,
        /// Its name.
        name: CalendarName,
    },
    /// Adds a series; a number or key that exists is a conflict.
    Series(SeriesRecord),
    /// Adds acknowledged samples; a sequence number that exists is a conflict.
    Journal(JournalRecord),
    /// Removes acknowledged samples up to and including a sequence number.
    JournalDone {
        /// The last one that goes.
        through: i64,
    },
    /// Adds a sealed span; one that begins at the same step is a conflict.
    Chunk(ChunkRecord),
    /// Removes what is older than the retention allows.
    Prune(Prune),
}

/// What is older than the retention allows; `None` keeps all of that kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Prune {
    /// Claims that ended and were asked for before this instant.
    pub claims_before: Option<TimestampMs>,
    /// Leases that ended before this instant.
    pub leases_before: Option<TimestampMs>,
    /// Plans made before this instant.
    pub plans_before: Option<TimestampMs>,
    /// Outcomes of hours before this instant.
    pub outcomes_before: Option<TimestampMs>,
    /// Sealed spans that end before this instant.
    pub chunks_before: Option<TimestampMs>,
    /// Entries of the calendar that end before this instant.
    pub calendar_before: Option<TimestampMs>,
}

/// The writes of one transaction, grouped by table. A row named twice keeps the last write.
#[derive(Default)]
pub(crate) struct Grouped<'w> {
    pub personas: Vec<&'w Persona>,
    pub instances: BTreeMap<InstanceId, Option<&'w Instance>>,
    pub claims: BTreeMap<ClaimId, &'w Claim>,
    pub lent: BTreeMap<LeaseId, &'w Lent>,
    pub intents: BTreeMap<IdempotencyToken, Option<&'w Intent>>,
    pub plans: BTreeMap<(&'w PersonaName, TimestampMs), &'w Plan>,
    pub outcomes: BTreeMap<(&'w PersonaName, TimestampMs), &'w Outcome>,
    pub tokens: Vec<&'w TokenRecord>,
    pub revoked: Vec<(&'w str, TimestampMs)>,
    pub plugin_state: BTreeMap<(&'w PluginName, &'w str), Option<&'w [u8]>>,
    pub settings: BTreeMap<&'w str, Option<&'w str>>,
    pub calendar: BTreeMap<(EntryKind, &'w CalendarName), Option<&'w Entry>>,
    pub series: Vec<&'w SeriesRecord>,
    pub journal: Vec<&'w JournalRecord>,
    pub journal_done: Option<i64>,
    pub chunks: Vec<&'w ChunkRecord>,
    pub prunes: Vec<Prune>,
}

impl<'w> Grouped<'w> {
    pub(crate) fn of(writes: impl Iterator<Item = &'w Write>) -> Self {
        let mut grouped = Self::default();
        for write in writes {
            grouped.add(write);
        }
        grouped
    }

    fn add(&mut self, write: &'w Write) {
        match write {
            Write::Persona(persona) => self.personas.push(persona),
            Write::Instance(instance) => drop(self.instances.insert(instance.id, Some(instance))),
            Write::InstanceGone(id) => drop(self.instances.insert(*id, None)),
            Write::Claim(claim) => drop(self.claims.insert(claim.id, claim)),
            Write::Lent(lent) => drop(self.lent.insert(lent.lease, lent)),
            Write::Intent(intent) => drop(self.intents.insert(intent.token, Some(intent))),
            Write::IntentDone(token) => drop(self.intents.insert(*token, None)),
            Write::Plan(plan) => drop(self.plans.insert((&plan.persona, plan.at), plan)),
            Write::Outcome(outcome) => drop(self.outcomes.insert((&outcome.persona, outcome.hour), outcome)),
            Write::Token(token) => self.tokens.push(token),
            Write::TokenRevoked { name, at } => self.revoked.push((name, *at)),
            Write::PluginState { plugin, key, value } => {
                self.plugin_state.insert((plugin, key), value.as_deref());
            }
            Write::Setting { key, value } => {
                self.settings.insert(key, value.as_deref());
            }
            Write::Calendar(entry) => drop(self.calendar.insert((entry.what.kind(), &entry.name), Some(entry))),
            Write::CalendarGone { kind, name } => drop(self.calendar.insert((*kind, name), None)),
            Write::Series(series) => self.series.push(series),
            Write::Journal(journal) => self.journal.push(journal),
            Write::JournalDone { through } => self.journal_done = self.journal_done.max(Some(*through)),
            Write::Chunk(chunk) => self.chunks.push(chunk),
            Write::Prune(prune) => self.prunes.push(*prune),
        }
    }
}
