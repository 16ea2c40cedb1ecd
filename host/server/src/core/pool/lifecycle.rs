//! Instances in the pool: launched, readied, let go, forgotten, adopted.

use super::{Changes, Pool};
use crate::store::Write;
use forewarm_domain::id::{InstanceId, PersonaName, PluginName};
use forewarm_domain::instance::{ClaimState, Instance, InstanceState};
use forewarm_domain::plugin::DriverOperation;
use forewarm_domain::time::TimestampMs;
use uuid::Uuid;

impl Pool {
    /// Launches `count` instances.
    pub(crate) fn launch(&mut self, persona: &PersonaName, driver: &PluginName, count: u32, now: TimestampMs) {
        (0..count).for_each(|_| self.create(persona, driver, now));
    }

    pub(super) fn create(&mut self, persona: &PersonaName, driver: &PluginName, now: TimestampMs) {
        let id = InstanceId(Uuid::now_v7());
        self.put(Instance {
            id,
            persona: persona.clone(),
            driver: driver.clone(),
            driver_ref: None,
            created_at: now,
            operations: 0,
            state: InstanceState::Booting { ready_at: None },
        });
        self.begin(id, InstanceState::Booting { ready_at: None }, DriverOperation::Create, now);
    }

    /// Lets `count` instances go: the newest boots first, then those idle the longest; never a claimed one.
    pub(crate) fn release(&mut self, persona: &PersonaName, count: u32, now: TimestampMs) {
        let Some(shelf) = self.shelves.get(persona) else { return };
        let newest_boots = shelf.booting.iter().rev();
        let chosen: Vec<InstanceId> = newest_boots.chain(shelf.warm.iter()).copied().take(count as usize).collect();
        for id in chosen {
            self.begin(id, InstanceState::Destroying { since: now }, DriverOperation::Destroy, now);
        }
    }

    /// Takes an instance out of use and begins to remove it, whatever its state; a claim on it ends as lost.
    pub(crate) fn discard(&mut self, id: InstanceId, reason: &str, now: TimestampMs) -> Changes {
        if self.instances.get(&id).is_none_or(|instance| matches!(instance.state, InstanceState::Destroying { .. })) {
            return Changes::default();
        }
        let mut changes = self.end_claim_on(id, now);
        self.begin(id, InstanceState::Destroying { since: now }, DriverOperation::Destroy, now);
        self.notice(id, reason, &mut changes);
        changes
    }

    /// Forgets an instance that exists no longer; a claim on it ends as lost.
    pub(crate) fn forget(&mut self, id: InstanceId, reason: &str, now: TimestampMs) -> Changes {
        let mut changes = self.end_claim_on(id, now);
        self.notice(id, reason, &mut changes);
        self.leaving.remove(&id);
        if self.take(id).is_some() {
            self.note(Write::InstanceGone(id));
        }
        for open in self.intents.remove(&id).into_iter().flatten() {
            self.note(Write::IntentDone(open.intent.token));
        }
        changes
    }

    /// The driver says that an instance is ready since `since`: the first waiting claim gets it, else it is kept warm.
    pub(crate) fn ready(&mut self, id: InstanceId, reference: &str, since: TimestampMs) -> Changes {
        let mut changes = Changes::default();
        let Some(instance) = self.coming(id) else { return changes };
        let persona = instance.persona.clone();
        if matches!(instance.state, InstanceState::Booting { .. }) {
            changes.boots.push((persona.clone(), since.since(instance.created_at)));
        }
        self.name(id, reference);
        let waiting = self.shelves.get(&persona).and_then(|shelf| shelf.waiting.first().copied());
        match waiting.and_then(|claim| self.claims.get(&claim).cloned()) {
            Some(mut claim) => {
                let served_at = since.max(claim.requested_at);
                claim.state = ClaimState::Served { instance: id, served_at, warm: false };
                self.hold(claim.clone());
                self.serve(id, &claim, served_at, &mut changes);
            }
            None => self.set(id, InstanceState::Warm { since }),
        }
        changes
    }

    /// The driver tells when an instance that is booting or being wiped will be ready.
    pub(crate) fn expect(&mut self, id: InstanceId, reference: &str, at: TimestampMs) {
        let Some(state) = self.coming(id).map(|instance| instance.state) else { return };
        let expected = match state {
            InstanceState::Resetting { .. } => InstanceState::Resetting { ready_at: Some(at) },
            _ => InstanceState::Booting { ready_at: Some(at) },
        };
        if self.name(id, reference) || state != expected {
            self.set(id, expected);
        }
    }

    /// An instance on its way to being ready.
    pub(super) fn coming(&self, id: InstanceId) -> Option<&Instance> {
        let on_the_way = |instance: &&Instance| {
            matches!(instance.state, InstanceState::Booting { .. } | InstanceState::Resetting { .. })
        };
        self.instances.get(&id).filter(on_the_way)
    }

    /// Takes in an instance that the driver has and the host did not know; it is wiped before anyone gets it.
    pub(crate) fn adopt(&mut self, instance: Instance, reason: &str, now: TimestampMs) -> Changes {
        let mut changes = Changes::default();
        let id = instance.id;
        self.put(instance);
        self.begin(id, InstanceState::Resetting { ready_at: None }, DriverOperation::Reset, now);
        self.notice(id, reason, &mut changes);
        changes
    }

    /// Notes the driver's own name; true where it is new.
    pub(super) fn name(&mut self, id: InstanceId, reference: &str) -> bool {
        let Some(instance) = self.instances.get_mut(&id) else { return false };
        let new = instance.driver_ref.as_deref() != Some(reference);
        if new {
            instance.driver_ref = Some(reference.to_owned());
        }
        new
    }
}
