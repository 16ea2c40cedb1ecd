//! Where the pool keeps its instances in order: by persona and what can be done with them, shells by their class.

use super::Pool;
use forewarm_domain::id::{ClaimId, InstanceId, PersonaName};
use forewarm_domain::instance::{Instance, InstanceState};
use forewarm_domain::plan::Stock;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// The instances and open claims of one persona, by what can be done with them.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    /// Ready and idle, the one that became idle last at the end.
    pub(super) warm: Vec<InstanceId>,
    pub(super) booting: BTreeSet<InstanceId>,
    /// Being created to take the place of idle ones, which these lead to.
    pub(super) moving: BTreeMap<InstanceId, InstanceId>,
    /// On their way from a cheaper tier.
    pub(super) activating: BTreeSet<InstanceId>,
    pub(super) resetting: HashSet<InstanceId>,
    pub(super) active: HashSet<InstanceId>,
    pub(super) preparing: BTreeSet<InstanceId>,
    pub(super) parking: BTreeSet<InstanceId>,
    pub(super) parked: BTreeSet<InstanceId>,
    /// Nobody's until an operator decides.
    pub(super) quarantined: BTreeSet<InstanceId>,
    /// In the order of asking: claim ids are time-ordered.
    pub(super) waiting: BTreeSet<ClaimId>,
}

impl Shelf {
    /// Instances that will be ready without a further decision.
    pub(super) fn coming(&self) -> impl Iterator<Item = &InstanceId> {
        self.booting.iter().chain(&self.activating).chain(&self.resetting)
    }

    pub(super) fn stock(&self) -> Stock {
        let count = |size: usize| u32::try_from(size).unwrap_or(u32::MAX);
        Stock {
            active: count(self.active.len()),
            warm: count(self.warm.len()),
            booting: count(self.booting.len() + self.activating.len()),
            resetting: count(self.resetting.len()),
            waiting: count(self.waiting.len()),
            parked: count(self.parked.len() + self.parking.len() + self.preparing.len()),
            moving: count(self.moving.len()),
        }
    }

    fn put(&mut self, id: InstanceId, state: InstanceState, replaces: Option<InstanceId>) {
        if let Some(leaves) = replaces.filter(|_| matches!(state, InstanceState::Booting { .. })) {
            self.moving.insert(id, leaves);
            return;
        }
        match state {
            InstanceState::Warm { .. } => self.warm.push(id),
            InstanceState::Active { .. } => drop(self.active.insert(id)),
            InstanceState::Resetting { .. } => drop(self.resetting.insert(id)),
            state => drop(self.ordered(state).map(|set| set.insert(id))),
        }
    }

    fn take(&mut self, id: InstanceId, state: InstanceState) {
        if self.moving.remove(&id).is_some() {
            return;
        }
        match state {
            InstanceState::Warm { .. } => {
                // Nearly always the last one.
                if let Some(at) = self.warm.iter().rposition(|other| *other == id) {
                    self.warm.remove(at);
                }
            }
            InstanceState::Active { .. } => drop(self.active.remove(&id)),
            InstanceState::Resetting { .. } => drop(self.resetting.remove(&id)),
            state => drop(self.ordered(state).map(|set| set.remove(&id))),
        }
    }

    fn ordered(&mut self, state: InstanceState) -> Option<&mut BTreeSet<InstanceId>> {
        match state {
            InstanceState::Booting { .. } => Some(&mut self.booting),
            InstanceState::Starting { .. } | InstanceState::Specialising { .. } => Some(&mut self.activating),
            InstanceState::Preparing { .. } => Some(&mut self.preparing),
            InstanceState::Parking { .. } => Some(&mut self.parking),
            InstanceState::Parked { .. } => Some(&mut self.parked),
            InstanceState::Quarantined { .. } => Some(&mut self.quarantined),
            _ => None,
        }
    }
}

/// The shells of one class.
#[derive(Debug, Default)]
pub(super) struct Shells {
    pub(super) ready: BTreeSet<InstanceId>,
    pub(super) building: BTreeSet<InstanceId>,
}

impl Shells {
    fn of(&mut self, state: InstanceState) -> &mut BTreeSet<InstanceId> {
        if matches!(state, InstanceState::Building { .. }) { &mut self.building } else { &mut self.ready }
    }
}

fn is_shell(state: InstanceState) -> bool {
    matches!(state, InstanceState::Building { .. } | InstanceState::Shell { .. })
}

impl Pool {
    pub(crate) fn stock(&self, persona: &PersonaName) -> Stock {
        self.shelves.get(persona).map_or_else(Stock::default, Shelf::stock)
    }

    pub(super) fn put(&mut self, instance: Instance) {
        let (id, state) = (instance.id, instance.state);
        match &instance.shell {
            Some(class) if is_shell(state) => {
                self.shells.entry(class.as_ref().clone()).or_default().of(state).insert(id);
            }
            _ => self.shelves.entry(instance.persona.clone()).or_default().put(id, state, instance.replaces),
        }
        match self.drivers.get_mut(&instance.driver) {
            Some(count) => *count += 1,
            None => drop(self.drivers.insert(instance.driver.clone(), 1)),
        }
        self.instances.insert(id, instance);
    }

    pub(super) fn take(&mut self, id: InstanceId) -> Option<Instance> {
        let instance = self.instances.remove(&id)?;
        if let Some(count) = self.drivers.get_mut(&instance.driver) {
            *count = count.saturating_sub(1);
        }
        match &instance.shell {
            Some(class) if is_shell(instance.state) => {
                if let Some(shells) = self.shells.get_mut(class) {
                    shells.of(instance.state).remove(&id);
                }
            }
            _ => {
                if let Some(shelf) = self.shelves.get_mut(&instance.persona) {
                    shelf.take(id, instance.state);
                }
            }
        }
        Some(instance)
    }
}
