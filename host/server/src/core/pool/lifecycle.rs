//! Instances in the pool: launched, readied, let go, forgotten, adopted.

use super::{Changes, Pool, Room};
use crate::store::Write;
use forewarm_domain::id::{InstanceId, PersonaName, PlacementName, PluginName};
use forewarm_domain::instance::{ClaimState, Instance, InstanceState, Tier};
use forewarm_domain::persona::ShellClass;
use forewarm_domain::plugin::DriverOperation;
use forewarm_domain::time::TimestampMs;
use uuid::Uuid;

impl Pool {
    /// Begins to create an instance in one of the persona's placements: to be ready, or to be parked where it is to be
    /// `Preparing`.
    pub(super) fn create(
        &mut self,
        persona: &PersonaName,
        driver: &PluginName,
        placement: Option<PlacementName>,
        state: InstanceState,
        now: TimestampMs,
    ) {
        self.begin_new(Instance { placement, ..new_instance(persona, driver, state, now) }, now);
    }

    /// Begins to create an instance that takes the place of an idle one as soon as it is ready.
    pub(super) fn create_in_place_of(
        &mut self,
        persona: &PersonaName,
        driver: &PluginName,
        placement: Option<PlacementName>,
        leaves: InstanceId,
        now: TimestampMs,
    ) {
        let new = new_instance(persona, driver, InstanceState::Booting { ready_at: None }, now);
        self.begin_new(Instance { placement, replaces: Some(leaves), ..new }, now);
    }

    fn begin_new(&mut self, instance: Instance, now: TimestampMs) {
        let (id, state) = (instance.id, instance.state);
        self.put(instance);
        self.begin(id, state, DriverOperation::Create, now);
    }

    /// Begins to create a shell.
    pub(super) fn create_shell(&mut self, class: &ShellClass, persona: &PersonaName, now: TimestampMs) {
        let new = new_instance(persona, &class.driver, InstanceState::Building { ready_at: None }, now);
        self.begin_new(Instance { shell: Some(Box::new(class.clone())), ..new }, now);
    }

    /// Lets up to `count` instances go: the newest boots first, then those idle the longest, of both those first that are
    /// where the next would be created last; never a claimed one.
    pub(crate) fn release(&mut self, persona: &PersonaName, count: u32, room: &Room, now: TimestampMs) -> u32 {
        let Some(shelf) = self.shelves.get(persona).filter(|_| count > 0) else { return 0 };
        let mut chosen = self.dearest_first(shelf.booting.iter().rev(), room);
        chosen.extend(self.dearest_first(shelf.warm.iter(), room));
        chosen.truncate(count as usize);
        chosen.iter().for_each(|id| self.give_up_move(persona, *id, now));
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
        let leaves = self.leaves_for(instance);
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
            None => {
                self.set(id, InstanceState::Warm { since });
                if let Some(leaves) = leaves {
                    self.destroy(&[leaves], since);
                    self.notice(leaves, "one that costs less has taken its place", &mut changes);
                }
            }
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

/// One that was just decided upon, in the persona's own place.
fn new_instance(persona: &PersonaName, driver: &PluginName, state: InstanceState, now: TimestampMs) -> Instance {
    Instance {
        id: InstanceId(Uuid::now_v7()),
        persona: persona.clone(),
        shell: None,
        placement: None,
        replaces: None,
        driver: driver.clone(),
        driver_ref: None,
        created_at: now,
        operations: 0,
        state,
    }
}
