//! Claims in the pool: taken, served, renewed, ended.

use super::{Changes, Notice, Pool, Room, Served, Shelf, Ways};
use crate::store::Write;
use forewarm_domain::id::{ClaimId, InstanceId, PersonaName, PluginName, TenantName};
use forewarm_domain::instance::{Claim, ClaimState, EndCause, InstanceState};
use forewarm_domain::lending::Moment;
use forewarm_domain::plugin::DriverOperation;
use forewarm_domain::time::TimestampMs;

/// What a new claim wants.
#[derive(Debug, Clone)]
pub(crate) struct NewClaim {
    pub id: ClaimId,
    pub persona: PersonaName,
    pub tenant: TenantName,
    pub idempotency_key: Option<String>,
    pub expires_at: Option<TimestampMs>,
    /// Where no instance is warm: who would boot one, and at most how many in all.
    pub driver: PluginName,
    pub max_instances: u32,
    pub max_waiting: u32,
}

/// Why a claim was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TooManyWaiting {
    pub waiting: usize,
}

impl Pool {
    /// Takes a claim: from a warm instance at once, else it waits and, where needed, one is brought for it in the quickest of
    /// the `ways`, where there is room.
    pub(crate) fn claim_instance(
        &mut self,
        new: NewClaim,
        room: &mut Room,
        now: TimestampMs,
        ways: impl FnOnce() -> Ways,
    ) -> Result<(Claim, Changes), TooManyWaiting> {
        let mut changes = Changes::default();
        let mut claim = Claim {
            id: new.id,
            persona: new.persona.clone(),
            tenant: new.tenant,
            requested_at: now,
            expires_at: new.expires_at,
            idempotency_key: new.idempotency_key,
            lease: None,
            state: ClaimState::Waiting { expected_at: now },
        };
        let shelf = self.shelves.entry(new.persona.clone()).or_default();
        // The one that became idle last is taken first: the others can be let go the sooner.
        if let Some(instance) = shelf.warm.last().copied() {
            claim.state = ClaimState::Served { instance, served_at: now, warm: true };
            self.hold(claim.clone());
            self.serve(instance, &claim, now, &mut changes);
            return Ok((claim, changes));
        }
        let waiting = shelf.waiting.len();
        if waiting >= new.max_waiting as usize {
            return Err(TooManyWaiting { waiting });
        }
        let (on_the_way, ways) = (shelf.coming().count(), ways());
        if waiting >= on_the_way && shelf.stock().total() < new.max_instances {
            self.bring(&new.persona, &new.driver, &ways, room, now);
        }
        claim.state = ClaimState::Waiting { expected_at: self.expected_service(&new.persona, waiting, now, &ways) };
        self.hold(claim.clone());
        self.note(Write::Claim(claim.clone()));
        changes.notices.push(Notice::Claim(claim.clone()));
        Ok((claim, changes))
    }

    /// When the claim behind `ahead` others will be served: by the instance on its way that is its own, else by a boot
    /// that is begun now.
    fn expected_service(&self, persona: &PersonaName, ahead: usize, now: TimestampMs, ways: &Ways) -> TimestampMs {
        let ready_at = |id: &InstanceId| match self.instances.get(id).map(|instance| instance.state) {
            Some(
                InstanceState::Booting { ready_at: Some(at) }
                | InstanceState::Resetting { ready_at: Some(at) }
                | InstanceState::Starting { ready_at: Some(at), .. }
                | InstanceState::Specialising { ready_at: Some(at), .. },
            ) => at,
            Some(InstanceState::Starting { began, .. }) => began + ways.start_ms,
            Some(InstanceState::Specialising { began, .. }) => began + ways.specialise_ms,
            _ => now + ways.boot_ms,
        };
        let coming = self.shelves.get(persona).into_iter().flat_map(Shelf::coming);
        let mut arrivals: Vec<TimestampMs> = coming.map(ready_at).collect();
        arrivals.sort();
        arrivals.get(ahead).copied().unwrap_or(now + ways.boot_ms).max(now)
    }

    /// Ends a claim; the instance it holds is wiped before anyone else gets it. `None` where there is no such claim.
    pub(crate) fn end_claim(&mut self, id: ClaimId, cause: EndCause, now: TimestampMs) -> Option<(Claim, Changes)> {
        let mut claim = self.claims.remove(&id)?;
        let mut changes = Changes::default();
        let (served_at, warm, instance) = match claim.state {
            ClaimState::Served { instance, served_at, warm } => (Some(served_at), warm, Some(instance)),
            ClaimState::Waiting { .. } | ClaimState::Ended { .. } => (None, false, None),
        };
        claim.state = ClaimState::Ended { ended_at: now, cause, served_at, warm };
        if let Some(key) = &claim.idempotency_key {
            self.keys.remove(&(claim.tenant.clone(), key.clone()));
        }
        if let Some(shelf) = self.shelves.get_mut(&claim.persona) {
            shelf.waiting.remove(&id);
        }
        self.note(Write::Claim(claim.clone()));
        changes.notices.push(Notice::Claim(claim.clone()));
        self.unit_left(&claim, cause, now, &mut changes);
        if let Some(instance) = instance.filter(|_| cause != EndCause::InstanceLost) {
            self.begin(instance, InstanceState::Resetting { ready_at: None }, DriverOperation::Reset, now);
        }
        Some((claim, changes))
    }

    /// Gives a claim another end of life.
    pub(crate) fn renew(&mut self, id: ClaimId, expires_at: Option<TimestampMs>) -> Option<Claim> {
        let claim = self.claims.get_mut(&id)?;
        claim.expires_at = expires_at;
        let claim = claim.clone();
        self.note(Write::Claim(claim.clone()));
        Some(claim)
    }

    /// Open claims that are over: expired ones, and waiting ones for whom `gives_up(persona)` milliseconds have passed.
    pub(crate) fn overdue(
        &self,
        moment: &Moment,
        gives_up: impl Fn(&PersonaName) -> Option<i64>,
    ) -> Vec<(ClaimId, EndCause)> {
        let now = moment.at;
        let expired = self.claims.values().filter(|claim| claim.expires_at.is_some_and(|at| at <= now));
        // A calendar that is set forward ends no notice.
        let expired = expired.filter(|claim| !self.is_under_notice(claim, moment));
        let mut overdue: Vec<_> = expired.map(|claim| (claim.id, EndCause::Expired)).collect();
        for (persona, shelf) in self.shelves.iter().filter(|(_, shelf)| !shelf.waiting.is_empty()) {
            let Some(limit) = gives_up(persona) else { continue };
            let waiting = shelf.waiting.iter().filter_map(|id| self.claims.get(id));
            let out_of_patience =
                |claim: &&Claim| now.since(claim.requested_at) > limit && claim.expires_at.is_none_or(|at| at > now);
            overdue.extend(waiting.filter(out_of_patience).map(|claim| (claim.id, EndCause::TimedOut)));
        }
        overdue
    }

    pub(super) fn end_claim_on(&mut self, id: InstanceId, now: TimestampMs) -> Changes {
        match self.instances.get(&id).map(|instance| instance.state) {
            Some(InstanceState::Active { claim, .. }) => {
                self.end_claim(claim, EndCause::InstanceLost, now).map(|(_, changes)| changes).unwrap_or_default()
            }
            _ => Changes::default(),
        }
    }

    pub(super) fn serve(&mut self, id: InstanceId, claim: &Claim, at: TimestampMs, changes: &mut Changes) {
        self.set(id, InstanceState::Active { claim: claim.id, since: at });
        let warm = matches!(claim.state, ClaimState::Served { warm: true, .. });
        let wait_ms = at.since(claim.requested_at);
        changes.served.push(Served { persona: claim.persona.clone(), warm, wait_ms });
        self.note(Write::Claim(claim.clone()));
        changes.notices.push(Notice::Claim(claim.clone()));
    }

    pub(super) fn hold(&mut self, claim: Claim) {
        let shelf = self.shelves.entry(claim.persona.clone()).or_default();
        match claim.state {
            ClaimState::Waiting { .. } => drop(shelf.waiting.insert(claim.id)),
            ClaimState::Served { .. } | ClaimState::Ended { .. } => drop(shelf.waiting.remove(&claim.id)),
        }
        if let Some(key) = &claim.idempotency_key {
            self.keys.insert((claim.tenant.clone(), key.clone()), claim.id);
        }
        self.claims.insert(claim.id, claim);
    }
}
