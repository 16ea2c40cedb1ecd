//! The pool: every instance, open claim and open intent of this host, in memory, and the only place where they change.
//!
//! A change notes the newest state of what it touched as unsaved; the keeper takes the unsaved writes while it still
//! holds the pool, so that the store sees changes in the order in which they happened. Nothing here waits.

mod claims;
mod intents;
mod leaving;
mod lifecycle;
#[cfg(test)]
mod tests;
mod unsaved;

use crate::store::{Intent, Write};
use forewarm_domain::id::{ClaimId, InstanceId, PersonaName, PluginName, TenantName};
use forewarm_domain::instance::{Claim, Instance, InstanceState};
use forewarm_domain::plan::Stock;
use intents::OpenIntent;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use unsaved::Subject;

pub(crate) use claims::NewClaim;

/// What a change did, for those who have to hear of it.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// Claims that were served, with what they waited.
    pub served: Vec<Served>,
    /// Boots that ended, with how long they took in milliseconds.
    pub boots: Vec<(PersonaName, i64)>,
    /// Claims that changed and instances that changed, for events.
    pub notices: Vec<Notice>,
}

impl Changes {
    pub(crate) fn extend(&mut self, more: Self) {
        self.served.extend(more.served);
        self.boots.extend(more.boots);
        self.notices.extend(more.notices);
    }
}

/// One claim that was served.
#[derive(Debug, Clone)]
pub(crate) struct Served {
    pub persona: PersonaName,
    pub warm: bool,
    pub wait_ms: i64,
}

/// Something that happened, for the event stream.
#[derive(Debug, Clone)]
pub(crate) enum Notice {
    Claim(Claim),
    Instance { instance: Instance, reason: String },
}

/// The instances and open claims of one persona, by what can be done with them.
#[derive(Debug, Default)]
struct Shelf {
    /// Ready and idle, the one that became idle last at the end.
    warm: Vec<InstanceId>,
    booting: BTreeSet<InstanceId>,
    resetting: HashSet<InstanceId>,
    active: HashSet<InstanceId>,
    /// In the order of asking: claim ids are time-ordered.
    waiting: BTreeSet<ClaimId>,
}

/// See the module's description.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    shelves: HashMap<PersonaName, Shelf>,
    /// In order, so that a part of them can be looked at at a time.
    instances: BTreeMap<InstanceId, Instance>,
    /// How many instances each driver runs; those that ran some since the start of this host stay.
    drivers: HashMap<PluginName, u32>,
    /// Claimed ones that their driver takes away.
    leaving: HashSet<InstanceId>,
    claims: HashMap<ClaimId, Claim>,
    keys: HashMap<(TenantName, String), ClaimId>,
    /// At most two an instance: one that is being carried out, and the wish that came after it.
    intents: HashMap<InstanceId, Vec<OpenIntent>>,
    unsaved: HashMap<Subject, Write>,
}

impl Pool {
    /// The pool as the store remembers it.
    pub(crate) fn restore(instances: Vec<Instance>, claims: Vec<Claim>, intents: Vec<Intent>) -> Self {
        let mut pool = Self::default();
        for instance in instances {
            pool.put(instance);
        }
        for claim in claims {
            pool.hold(claim);
        }
        for intent in intents {
            let open = OpenIntent { intent, saved: true, in_flight: false };
            pool.intents.entry(open.intent.instance).or_default().push(open);
        }
        pool
    }

    pub(crate) fn stock(&self, persona: &PersonaName) -> Stock {
        let count = |size: usize| u32::try_from(size).unwrap_or(u32::MAX);
        self.shelves.get(persona).map_or_else(Stock::default, |shelf| Stock {
            active: count(shelf.active.len()),
            warm: count(shelf.warm.len()),
            booting: count(shelf.booting.len()),
            resetting: count(shelf.resetting.len()),
            waiting: count(shelf.waiting.len()),
        })
    }

    pub(crate) fn instances_of(&self, persona: &PersonaName) -> Vec<Instance> {
        let mut found: Vec<Instance> =
            self.instances.values().filter(|instance| instance.persona == *persona).cloned().collect();
        found.sort_by_key(|instance| instance.id);
        found
    }

    pub(crate) fn instance(&self, id: InstanceId) -> Option<&Instance> {
        self.instances.get(&id)
    }

    pub(crate) fn claim(&self, id: ClaimId) -> Option<&Claim> {
        self.claims.get(&id)
    }

    pub(crate) fn claim_by_key(&self, tenant: &TenantName, key: &str) -> Option<&Claim> {
        self.keys.get(&(tenant.clone(), key.to_owned())).and_then(|id| self.claims.get(id))
    }

    pub(crate) fn open_claims(&self, persona: &PersonaName) -> Vec<Claim> {
        let mut found: Vec<Claim> = self.claims.values().filter(|claim| claim.persona == *persona).cloned().collect();
        found.sort_by_key(|claim| claim.id);
        found
    }

    fn set(&mut self, id: InstanceId, state: InstanceState) {
        if let Some(mut instance) = self.take(id) {
            instance.state = state;
            self.note(Write::Instance(instance.clone()));
            self.put(instance);
        }
    }

    fn notice(&self, id: InstanceId, reason: &str, changes: &mut Changes) {
        if let Some(instance) = self.instances.get(&id) {
            changes.notices.push(Notice::Instance { instance: instance.clone(), reason: reason.to_owned() });
        }
    }

    fn put(&mut self, instance: Instance) {
        let shelf = self.shelves.entry(instance.persona.clone()).or_default();
        let id = instance.id;
        match instance.state {
            InstanceState::Booting { .. } => drop(shelf.booting.insert(id)),
            InstanceState::Warm { .. } => shelf.warm.push(id),
            InstanceState::Active { .. } => drop(shelf.active.insert(id)),
            InstanceState::Resetting { .. } => drop(shelf.resetting.insert(id)),
            InstanceState::Destroying { .. } => {}
        }
        match self.drivers.get_mut(&instance.driver) {
            Some(count) => *count += 1,
            None => drop(self.drivers.insert(instance.driver.clone(), 1)),
        }
        self.instances.insert(id, instance);
    }

    fn take(&mut self, id: InstanceId) -> Option<Instance> {
        let instance = self.instances.remove(&id)?;
        if let Some(count) = self.drivers.get_mut(&instance.driver) {
            *count = count.saturating_sub(1);
        }
        if let Some(shelf) = self.shelves.get_mut(&instance.persona) {
            match instance.state {
                InstanceState::Booting { .. } => drop(shelf.booting.remove(&id)),
                InstanceState::Warm { .. } => {
                    // Nearly always the last one.
                    if let Some(at) = shelf.warm.iter().rposition(|other| *other == id) {
                        shelf.warm.remove(at);
                    }
                }
                InstanceState::Active { .. } => drop(shelf.active.remove(&id)),
                InstanceState::Resetting { .. } => drop(shelf.resetting.remove(&id)),
                InstanceState::Destroying { .. } => {}
            }
        }
        Some(instance)
    }
}
