//! Placements in the pool: where the next instance is created, which ones are let go first, and moves to cheaper ones.
//!
//! A move is an instance that is created beside those that are wanted and names the idle one whose place it takes. It is
//! recorded with its intent, and both change places in one transaction: a restart finds it as it was. Until then it is not
//! counted, so that no plan sees it; where one more is wanted meanwhile, it is that one.

use super::Pool;
use crate::store::Write;
use forewarm_domain::id::{InstanceId, PersonaName, PlacementName, PluginName};
use forewarm_domain::instance::{Instance, InstanceState};
use forewarm_domain::plan::Move;
use forewarm_domain::time::TimestampMs;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Where new instances may be begun: how many in all and in each place, the first choice first. What is taken is noted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Room {
    in_all: u32,
    places: Vec<(Option<PlacementName>, u32)>,
    taken: Vec<Option<PlacementName>>,
}

impl Room {
    pub(crate) fn new(in_all: u32, places: Vec<(Option<PlacementName>, u32)>) -> Self {
        Self { in_all, places, taken: Vec::new() }
    }

    /// For a persona without placements.
    #[cfg(test)]
    pub(crate) fn anywhere(room: u32) -> Self {
        Self::new(u32::MAX, vec![(None, room)])
    }

    /// How many may be begun.
    pub(super) fn left(&self) -> u32 {
        let in_places = self.places.iter().fold(0_u32, |sum, (_, room)| sum.saturating_add(*room));
        self.in_all.min(in_places)
    }

    /// Takes room for one in the first place that has some.
    pub(crate) fn take(&mut self) -> Option<Option<PlacementName>> {
        let place = self.places.iter().find(|(_, room)| *room > 0)?.0.clone();
        self.take_in(&place).then_some(place)
    }

    fn take_in(&mut self, wanted: &Option<PlacementName>) -> bool {
        let Some((_, room)) = self.places.iter_mut().find(|(place, room)| place == wanted && *room > 0) else {
            return false;
        };
        if self.in_all == 0 {
            return false;
        }
        (self.in_all, *room) = (self.in_all - 1, *room - 1);
        if !self.taken.contains(wanted) {
            self.taken.push(wanted.clone());
        }
        true
    }

    /// The places in which something was begun.
    pub(crate) fn taken(&self) -> &[Option<PlacementName>] {
        &self.taken
    }

    /// The later a place is chosen, the higher; a place that is no choice any more is the highest.
    fn rank(&self, placement: Option<&PlacementName>) -> usize {
        self.places.iter().position(|(place, _)| place.as_ref() == placement).unwrap_or(usize::MAX)
    }
}

/// Instances of one persona in one place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Held {
    /// Ready, claimed or on their way.
    pub serving: u32,
    /// Of these the idle ones that no move is under way for.
    pub idle: u32,
    pub parked: u32,
    pub moving: u32,
}

impl Pool {
    /// The instances of a persona by where they are.
    pub(crate) fn held_in(&self, persona: &PersonaName) -> BTreeMap<Option<PlacementName>, Held> {
        let mut held: BTreeMap<Option<PlacementName>, Held> = BTreeMap::new();
        let Some(shelf) = self.shelves.get(persona) else { return held };
        let mut count = |id: &InstanceId, add: &dyn Fn(&mut Held)| {
            if let Some(instance) = self.instances.get(id) {
                add(held.entry(instance.placement.clone()).or_default());
            }
        };
        shelf.coming().chain(&shelf.active).for_each(|id| count(id, &|held| held.serving += 1));
        for id in &shelf.warm {
            let moves = shelf.moving.values().any(|leaves| leaves == id);
            count(id, &|held| (held.serving, held.idle) = (held.serving + 1, held.idle + u32::from(!moves)));
        }
        let parked = shelf.parked.iter().chain(&shelf.parking).chain(&shelf.preparing);
        parked.for_each(|id| count(id, &|held| held.parked += 1));
        shelf.moving.keys().for_each(|id| count(id, &|held| held.moving += 1));
        held
    }

    /// In the order in which they are let go: those in the place that is chosen last come first, else they stay in order.
    pub(super) fn dearest_first<'a>(&self, ids: impl Iterator<Item = &'a InstanceId>, room: &Room) -> Vec<InstanceId> {
        let mut ids: Vec<InstanceId> = ids.copied().collect();
        ids.sort_by_cached_key(|id| {
            Reverse(room.rank(self.instances.get(id).and_then(|instance| instance.placement.as_ref())))
        });
        ids
    }

    /// Begins moves of idle instances, as far as there still is what was to be moved, room, and no more than `most` under
    /// way; none while there are not just as many as are wanted. Gives how many were begun.
    pub(crate) fn consolidate(
        &mut self,
        persona: &PersonaName,
        driver: &PluginName,
        moves: &[Move],
        (wanted, most): (u32, u32),
        room: &mut Room,
        now: TimestampMs,
    ) -> u32 {
        let stock = self.stock(persona);
        if stock.total() != wanted || stock.waiting > 0 {
            return 0;
        }
        let mut begun = 0;
        for one in moves.iter().take(most.saturating_sub(stock.moving) as usize) {
            let Some(leaves) = self.longest_idle(persona, one.from.as_ref()) else { continue };
            if room.take_in(&one.to) {
                self.create_in_place_of(persona, driver, one.to.clone(), leaves, now);
                begun += 1;
            }
        }
        begun
    }

    /// The instance in a place that is idle the longest and has no successor yet.
    fn longest_idle(&self, persona: &PersonaName, placement: Option<&PlacementName>) -> Option<InstanceId> {
        let shelf = self.shelves.get(persona)?;
        let is_there = |id: &InstanceId| self.instances.get(id).is_some_and(|one| one.placement.as_ref() == placement);
        let free = |id: &InstanceId| !shelf.moving.values().any(|leaves| leaves == id);
        shelf.warm.iter().copied().find(|id| is_there(id) && free(id))
    }

    /// The instance that one takes the place of, where that is still idle.
    pub(super) fn leaves_for(&self, instance: &Instance) -> Option<InstanceId> {
        let leaves = instance.replaces?;
        let idle = self.instances.get(&leaves).is_some_and(|one| matches!(one.state, InstanceState::Warm { .. }));
        idle.then_some(leaves)
    }

    /// Counts an instance that was to take another's place as one of its own from now on.
    pub(crate) fn stay_beside(&mut self, id: InstanceId) {
        if self.instances.get(&id).is_some_and(|instance| instance.replaces.is_some())
            && let Some(mut instance) = self.take(id)
        {
            instance.replaces = None;
            self.note(Write::Instance(instance.clone()));
            self.put(instance);
        }
    }

    /// Gives the successor of an instance up that is let go or parked: its place is not to be taken any more.
    pub(super) fn give_up_move(&mut self, persona: &PersonaName, leaves: InstanceId, now: TimestampMs) {
        let shelf = self.shelves.get(persona);
        let successor = shelf.and_then(|shelf| shelf.moving.iter().find(|(_, left)| **left == leaves));
        if let Some(id) = successor.map(|(id, _)| *id) {
            self.destroy(&[id], now);
        }
    }

    /// An instance that its driver has no capacity for is created in the next place that has room; a move or a shell is not:
    /// nothing is missing without it.
    pub(crate) fn fall_over(&mut self, failed: &Instance, room: &mut Room, now: TimestampMs) {
        let created = matches!(failed.state, InstanceState::Booting { .. } | InstanceState::Preparing { .. });
        if created
            && failed.replaces.is_none()
            && let Some(placement) = room.take()
        {
            let state = match failed.state {
                InstanceState::Preparing { .. } => InstanceState::Preparing { ready_at: None },
                _ => InstanceState::Booting { ready_at: None },
            };
            self.create(&failed.persona, &failed.driver, placement, state, now);
        }
    }
}
