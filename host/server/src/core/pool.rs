//! The pool: every instance, open claim and open intent of this host, in memory, and the only place where they change.
//!
//! A change notes the newest state of what it touched as unsaved; the keeper takes the unsaved writes while it still
//! holds the pool, so that the store sees changes in the order in which they happened. Nothing here waits.

mod claims;
mod intents;
mod leaving;
mod lending;
mod lifecycle;
mod placing;
mod shelves;
#[cfg(test)]
mod tests;
mod tiers;
mod unsaved;

use crate::store::{Intent, Lent, Write};
use forewarm_domain::id::{ClaimId, InstanceId, LeaseId, PersonaName, PluginName, TenantName};
use forewarm_domain::instance::{Claim, Instance, InstanceState, Tier};
use forewarm_domain::persona::ShellClass;
use intents::OpenIntent;
use shelves::{Shelf, Shells};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use unsaved::Subject;
use uuid::Uuid;

pub(crate) use claims::NewClaim;
pub(crate) use placing::Room;
pub(crate) use tiers::{Followed, Target, Ways};

/// What a change did, for those who have to hear of it.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// Claims that were served, with what they waited.
    pub served: Vec<Served>,
    /// Boots that ended, with how long they took in milliseconds.
    pub boots: Vec<(PersonaName, i64)>,
    /// Instances that came from a cheaper tier, from which, and how long that took in milliseconds.
    pub activations: Vec<(PersonaName, Tier, i64)>,
    /// Claims that changed and instances that changed, for events.
    pub notices: Vec<Notice>,
}

impl Changes {
    pub(crate) fn extend(&mut self, more: Self) {
        self.served.extend(more.served);
        self.boots.extend(more.boots);
        self.activations.extend(more.activations);
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
    Instance {
        instance: Instance,
        reason: String,
    },
    /// News of it, which wait in the lease to be told.
    Lease {
        lease: LeaseId,
        news: Uuid,
    },
}

/// See the module's description.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    shelves: HashMap<PersonaName, Shelf>,
    shells: HashMap<ShellClass, Shells>,
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
    /// Leases whose instances have not all come to their end, and those that have not long ago.
    leases: HashMap<LeaseId, Lent>,
    /// The open ones of each persona.
    open_leases: HashMap<PersonaName, BTreeSet<LeaseId>>,
    /// The lease of each instance that is held through one, or wiped after one.
    lease_of: HashMap<InstanceId, LeaseId>,
    unsaved: HashMap<Subject, Write>,
}

impl Pool {
    /// The pool as the store remembers it.
    pub(crate) fn restore(
        instances: Vec<Instance>,
        claims: Vec<Claim>,
        intents: Vec<Intent>,
        leases: Vec<Lent>,
    ) -> Self {
        let mut pool = Self::default();
        leases.into_iter().for_each(|lent| pool.put_lease(lent));
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
            // What is there, or is not to be there, takes nobody's place any more.
            instance.replaces = instance.replaces.filter(|_| matches!(state, InstanceState::Booting { .. }));
            self.note(Write::Instance(instance.clone()));
            self.put(instance);
        }
    }

    fn notice(&self, id: InstanceId, reason: &str, changes: &mut Changes) {
        if let Some(instance) = self.instances.get(&id) {
            changes.notices.push(Notice::Instance { instance: instance.clone(), reason: reason.to_owned() });
        }
    }
}
