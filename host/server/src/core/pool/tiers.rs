//! Tiers in the pool: instances are brought from the quickest tier that has one, and surplus goes into a cheaper one.

use super::{Changes, Pool, Room};
use forewarm_domain::id::{InstanceId, PersonaName, PluginName};
use forewarm_domain::instance::{InstanceState, Tier};
use forewarm_domain::persona::ShellClass;
use forewarm_domain::plugin::DriverOperation;
use forewarm_domain::time::TimestampMs;

/// How long the ways to a ready instance take, in milliseconds, and of which class its shells are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ways {
    pub boot_ms: i64,
    pub start_ms: i64,
    pub specialise_ms: i64,
    pub class: Option<ShellClass>,
}

/// How many instances of a persona are to be there.
#[derive(Debug)]
pub(crate) struct Target<'a> {
    /// Ready ones, those on their way included.
    pub wanted: u32,
    /// What is needed at present: brought from the quickest tier, though boots may be underway. What is wanted beyond it
    /// was foreseen and takes no shell.
    pub needed: u32,
    /// Parked ones beyond those; `None` leaves those that are parked alone, and parks no more.
    pub parked: Option<u32>,
    /// Where more may be begun at present.
    pub room: &'a mut Room,
}

/// How one more instance was brought on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Brought {
    Launched,
    /// Started, specialised, or kept ready in place of parking it.
    Activated,
}

/// What was done to reach a target.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Followed {
    pub launched: u32,
    /// Started or specialised.
    pub activated: u32,
    pub parked: u32,
    pub released: u32,
}

impl Pool {
    /// Brings a persona's instances to a target. What was decided may be a moment old: what counts is what there is now.
    pub(crate) fn follow(
        &mut self,
        persona: &PersonaName,
        driver: &PluginName,
        target: Target<'_>,
        ways: &Ways,
        now: TimestampMs,
    ) -> Followed {
        let Target { wanted, needed, parked, room } = target;
        let mut done = Followed::default();
        for _ in self.soon(persona)..needed.min(wanted) {
            if !self.bring_quickest(persona, ways, now) {
                break;
            }
            done.activated += 1;
        }
        let total = self.stock(persona).total();
        for _ in total..wanted {
            match self.bring_foreseen(persona, driver, room, now) {
                Some(Brought::Launched) => done.launched += 1,
                Some(Brought::Activated) => done.activated += 1,
                None => break,
            }
        }
        let more = parked.map_or(0, |parked| parked.saturating_sub(self.stock(persona).parked));
        let surplus = total.saturating_sub(wanted);
        let kept = surplus.min(more);
        done.released = self.release(persona, surplus - kept, room, now);
        done.parked = (0..kept).map(|_| u32::from(self.park_one(persona, now))).sum();
        if let Some(parked) = parked {
            done.launched += self.prepare(persona, driver, more - kept, room, now);
            let surplus = self.stock(persona).parked.saturating_sub(parked);
            done.released += self.give_up_parked(persona, surplus, room, now);
        }
        done
    }

    /// Creates up to `count` instances that are only to be parked; gives how many there was room for.
    fn prepare(
        &mut self,
        persona: &PersonaName,
        driver: &PluginName,
        count: u32,
        room: &mut Room,
        now: TimestampMs,
    ) -> u32 {
        let count = count.min(room.left());
        for placement in (0..count).map_while(|_| room.take()) {
            self.create(persona, driver, placement, InstanceState::Preparing { ready_at: None }, now);
        }
        count
    }

    /// Brings one more instance on its way to being ready, from where it is quickest; `None` where only a launch would do
    /// and there is no room for one.
    pub(super) fn bring(
        &mut self,
        persona: &PersonaName,
        driver: &PluginName,
        ways: &Ways,
        room: &mut Room,
        now: TimestampMs,
    ) -> Option<Brought> {
        if self.bring_quickest(persona, ways, now) {
            return Some(Brought::Activated);
        }
        self.bring_foreseen(persona, driver, room, now)
    }

    /// Instances that are ready or about to be: all but boots.
    fn soon(&self, persona: &PersonaName) -> u32 {
        let booting = self.shelves.get(persona).map_or(0, |shelf| shelf.booting.len());
        self.stock(persona).total().saturating_sub(u32::try_from(booting).unwrap_or(u32::MAX))
    }

    /// Starts a parked instance or makes a shell this persona's, whichever is quicker; whether there was one.
    fn bring_quickest(&mut self, persona: &PersonaName, ways: &Ways, now: TimestampMs) -> bool {
        let parked = self.next_parked(persona).map(|id| (ways.start_ms, id));
        let shells = ways.class.as_ref().and_then(|class| self.shells.get(class));
        let shell = shells.and_then(|shells| shells.ready.first().copied()).map(|id| (ways.specialise_ms, id));
        let quickest = parked.into_iter().chain(shell).min_by_key(|(latency_ms, _)| *latency_ms);
        if let Some((_, id)) = quickest {
            self.activate(persona, id, now);
        }
        quickest.is_some()
    }

    fn next_parked(&self, persona: &PersonaName) -> Option<InstanceId> {
        self.shelves.get(persona)?.parked.last().copied()
    }

    /// Brings one more from what is the persona's own, else launches it: shells are kept for what nobody foresaw.
    fn bring_foreseen(
        &mut self,
        persona: &PersonaName,
        driver: &PluginName,
        room: &mut Room,
        now: TimestampMs,
    ) -> Option<Brought> {
        if let Some(id) = self.next_parked(persona) {
            self.activate(persona, id, now);
            return Some(Brought::Activated);
        }
        let shelf = self.shelves.get(persona);
        // One that was to be parked is kept ready in its place.
        if let Some(id) = shelf.and_then(|shelf| shelf.preparing.first().copied()) {
            let ready_at = self.ready_at(id);
            self.set(id, InstanceState::Booting { ready_at });
            return Some(Brought::Activated);
        }
        // So is one that was to take another's place.
        if let Some(id) = shelf.and_then(|shelf| shelf.moving.keys().next().copied()) {
            self.stay_beside(id);
            return Some(Brought::Activated);
        }
        let placement = room.take()?;
        self.create(persona, driver, placement, InstanceState::Booting { ready_at: None }, now);
        Some(Brought::Launched)
    }

    /// Starts a parked instance, or makes a shell this persona's.
    fn activate(&mut self, persona: &PersonaName, id: InstanceId, now: TimestampMs) {
        match self.instances.get(&id).map(|instance| instance.state) {
            Some(InstanceState::Parked { .. }) => {
                self.begin(id, InstanceState::Starting { began: now, ready_at: None }, DriverOperation::Start, now);
            }
            Some(InstanceState::Shell { .. }) => {
                if let Some(mut instance) = self.take(id) {
                    instance.persona = persona.clone();
                    self.put(instance);
                }
                let state = InstanceState::Specialising { began: now, ready_at: None };
                self.begin(id, state, DriverOperation::Specialise, now);
            }
            _ => {}
        }
    }

    /// Sends one more of the surplus into the tier parked: the one that is idle the longest, else the newest boot as soon as
    /// it is there.
    fn park_one(&mut self, persona: &PersonaName, now: TimestampMs) -> bool {
        let Some(shelf) = self.shelves.get(persona) else { return false };
        if let Some(id) = shelf.warm.first().copied() {
            self.give_up_move(persona, id, now);
            self.begin(id, InstanceState::Parking { ready_at: None }, DriverOperation::Park, now);
            return true;
        }
        let Some(id) = shelf.booting.last().copied() else { return false };
        let ready_at = self.ready_at(id);
        self.set(id, InstanceState::Preparing { ready_at });
        true
    }

    /// When an instance that is being created is expected to be there.
    fn ready_at(&self, id: InstanceId) -> Option<TimestampMs> {
        match self.instances.get(&id)?.state {
            InstanceState::Booting { ready_at } | InstanceState::Preparing { ready_at } => ready_at,
            _ => None,
        }
    }

    /// Gives up to `count` of those that are parked or on their way there up.
    fn give_up_parked(&mut self, persona: &PersonaName, count: u32, room: &Room, now: TimestampMs) -> u32 {
        let Some(shelf) = self.shelves.get(persona).filter(|_| count > 0) else { return 0 };
        let mut chosen = self.dearest_first(shelf.preparing.iter().rev(), room);
        chosen.extend(self.dearest_first(shelf.parked.iter().chain(&shelf.parking), room));
        chosen.truncate(count as usize);
        self.destroy(&chosen, now)
    }

    pub(super) fn destroy(&mut self, chosen: &[InstanceId], now: TimestampMs) -> u32 {
        for id in chosen {
            self.begin(*id, InstanceState::Destroying { since: now }, DriverOperation::Destroy, now);
        }
        u32::try_from(chosen.len()).unwrap_or(u32::MAX)
    }

    /// The shells of a class, and of these the ones that are still being created.
    pub(crate) fn shells(&self, class: &ShellClass) -> (u32, u32) {
        let count = |size: usize| u32::try_from(size).unwrap_or(u32::MAX);
        self.shells
            .get(class)
            .map_or((0, 0), |shells| (count(shells.ready.len() + shells.building.len()), count(shells.building.len())))
    }

    /// Classes that have shells.
    pub(crate) fn shell_classes(&self) -> Vec<ShellClass> {
        let used = self.shells.iter().filter(|(_, shells)| !shells.ready.is_empty() || !shells.building.is_empty());
        used.map(|(class, _)| class.clone()).collect()
    }

    /// Brings the shells of a class to a number. New ones are created for `persona`, which any of the class may follow.
    pub(crate) fn follow_shells(
        &mut self,
        class: &ShellClass,
        persona: &PersonaName,
        wanted: u32,
        now: TimestampMs,
    ) -> Followed {
        let (have, _) = self.shells(class);
        for _ in have..wanted {
            self.create_shell(class, persona, now);
        }
        Followed {
            launched: wanted.saturating_sub(have),
            released: self.give_up_shells(class, have.saturating_sub(wanted), now),
            ..Followed::default()
        }
    }

    /// Gives up to `count` shells of a class up, those first that are not there yet.
    pub(crate) fn give_up_shells(&mut self, class: &ShellClass, count: u32, now: TimestampMs) -> u32 {
        let Some(shells) = self.shells.get(class) else { return 0 };
        let in_order = shells.building.iter().rev().chain(&shells.ready);
        let chosen: Vec<InstanceId> = in_order.copied().take(count as usize).collect();
        self.destroy(&chosen, now)
    }

    /// The driver says that an instance is held in a tier below warm since `since`.
    pub(crate) fn held(&mut self, id: InstanceId, reference: &str, tier: Tier, since: TimestampMs) -> Changes {
        let Some(state) = self.instances.get(&id).map(|instance| instance.state) else { return Changes::default() };
        let held = match (tier, state) {
            // A warm one that its driver has parked by itself is not ready either.
            (Tier::Parked, InstanceState::Parking { .. } | InstanceState::Warm { .. }) => {
                InstanceState::Parked { since }
            }
            (Tier::Shell, InstanceState::Building { .. }) => InstanceState::Shell { since },
            _ => return Changes::default(),
        };
        self.name(id, reference);
        self.set(id, held);
        Changes::default()
    }
}
