//! Instances in the pool: launched, readied, let go, forgotten, adopted.

use super::{Changes, Pool};
use crate::store::Write;
use forewarm_domain::id::{InstanceId, PersonaName, PluginName};
use forewarm_domain::instance::{ClaimState, Instance, InstanceState, Tier};
use forewarm_domain::persona::ShellClass;
use forewarm_domain::plugin::DriverOperation;
use forewarm_domain::time::TimestampMs;
use uuid::Uuid;

impl Pool {
    /// Begins to create an instance: to be ready, or to be parked where it is to be `Preparing`.
    pub(super) fn create(
        &mut self,
        persona: &PersonaName,
        driver: &PluginName,
        state: InstanceState,
        now: TimestampMs,
    ) {
        let id = InstanceId(Uuid::now_v7());
        let (persona, driver) = (persona.clone(), driver.clone());
        let driver_ref = None;
        self.put(Instance { id, persona, shell: None, driver, driver_ref, created_at: now, operations: 0, state });
        self.begin(id, state, DriverOperation::Create, now);
    }

    /// Begins to create a shell.
    pub(super) fn create_shell(&mut self, class: &ShellClass, persona: &PersonaName, now: TimestampMs) {
        let id = InstanceId(Uuid::now_v7());
        let state = InstanceState::Building { ready_at: None };
        self.put(Instance {
            id,
            persona: persona.clone(),
            shell: Some(Box::new(class.clone())),
            driver: class.driver.clone(),
            driver_ref: None,
            created_at: now,
            operations: 0,
            state,
        });
        self.begin(id, state, DriverOperation::Create, now);
    }

    /// Lets up to `count` instances go: the newest boots first, then those idle the longest; never a claimed one.
    pub(crate) fn release(&mut self, persona: &PersonaName, count: u32, now: TimestampMs) -> u32 {
        let Some(shelf) = self.shelves.get(persona) else { return 0 };
        let newest_boots = shelf.booting.iter().rev();
        let chosen: Vec<InstanceId> = newest_boots.chain(shelf.warm.iter()).copied().take(count as usize).collect();
        self.destroy(&chosen, now)
    }

    /// Takes an instance out of use and begins to remove it, whatever its state; a claim on it ends as lost.
    pub(crate) fn discard(&mut self, id: InstanceId, reason: &str, now: TimestampMs) -> Changes {
        if self.instances.get(&id).is_none_or(|instance| matches!(instance.state, InstanceState::Destroying { .. })) {
            return Changes::default();
        }
        let mut changes = self.end_claim_on(id, now);
        self.unit_lost(id, now, &mut changes);
        self.begin(id, InstanceState::Destroying { since: now }, DriverOperation::Destroy, now);
        self.notice(id, reason, &mut changes);
        changes
    }

    /// Forgets an instance that exists no longer; a claim on it ends as lost.
    pub(crate) fn forget(&mut self, id: InstanceId, reason: &str, now: TimestampMs) -> Changes {
        let mut changes = self.end_claim_on(id, now);
        self.unit_lost(id, now, &mut changes);
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

    /// The driver says that an instance is ready since `since`: the first waiting claim gets it, else it is kept warm, or
    /// parked where that is what it was created for.
    pub(crate) fn ready(&mut self, id: InstanceId, reference: &str, since: TimestampMs) -> Changes {
        let mut changes = Changes::default();
        let Some(instance) = self.instances.get(&id) else { return changes };
        let (state, persona, created_at) = (instance.state, instance.persona.clone(), instance.created_at);
        match state {
            InstanceState::Booting { .. } | InstanceState::Preparing { .. } => {
                changes.boots.push((persona.clone(), since.since(created_at)));
            }
            InstanceState::Starting { began, .. } => {
                changes.activations.push((persona.clone(), Tier::Parked, since.since(began)));
            }
            InstanceState::Specialising { began, .. } => {
                changes.activations.push((persona.clone(), Tier::Shell, since.since(began)));
            }
            // One that should be parked and is ready all the same is as good as any other.
            InstanceState::Resetting { .. } | InstanceState::Parking { .. } | InstanceState::Parked { .. } => {}
            _ => return changes,
        }
        self.name(id, reference);
        self.unit_wiped(id, since, &mut changes);
        let waiting = self.shelves.get(&persona).and_then(|shelf| shelf.waiting.first().copied());
        match waiting.and_then(|claim| self.claims.get(&claim).cloned()) {
            Some(mut claim) => {
                let served_at = since.max(claim.requested_at);
                claim.state = ClaimState::Served { instance: id, served_at, warm: false };
                self.hold(claim.clone());
                self.serve(id, &claim, served_at, &mut changes);
            }
            None if matches!(state, InstanceState::Preparing { .. }) => {
                self.begin(id, InstanceState::Parking { ready_at: None }, DriverOperation::Park, since);
            }
            None => self.set(id, InstanceState::Warm { since }),
        }
        changes
    }

    /// The driver tells when an instance will be in the tier that it is on its way to.
    pub(crate) fn expect(&mut self, id: InstanceId, reference: &str, to: Tier, at: TimestampMs) {
        let Some(state) = self.instances.get(&id).map(|instance| instance.state) else { return };
        let Some(expected) = state.expected(at).filter(|_| state.bound_for() == Some(to)) else { return };
        if self.name(id, reference) || state != expected {
            self.set(id, expected);
        }
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
