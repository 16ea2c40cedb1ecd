//! Leases in the pool: warm instances handed over, called back, taken back, wiped, quarantined. A leased instance is held
//! by a claim of the lease's tenant, so that all that is promised of claims is promised of it.

use super::{Changes, Notice, Pool};
use crate::store::{CalledBack, Granted, LeaseNews, Lent, LentUnit, Write};
use forewarm_bus::message::market::{GrantCall, UnitState};
use forewarm_domain::id::{ClaimId, InstanceId, LeaseId, PersonaName};
use forewarm_domain::instance::{Claim, ClaimState, EndCause, Instance, InstanceState};
use forewarm_domain::lending::{LeaseClass, Moment};
use forewarm_domain::plan::Stock;
use forewarm_domain::plugin::DriverOperation;
use forewarm_domain::time::TimestampMs;
use uuid::Uuid;

/// Instances of one persona that tenants hold through leases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Leased {
    /// That are not called back.
    pub kept: u32,
    /// Those of them that could be.
    pub reclaimable: u32,
    /// That are called back.
    pub returning: u32,
}

impl Leased {
    pub(crate) fn all(self) -> u32 {
        self.kept + self.returning
    }
}

impl Pool {
    pub(crate) fn leased(&self, persona: &PersonaName) -> Leased {
        let mut leased = Leased::default();
        for lent in self.open(persona) {
            let reclaimable =
                lent.granted.as_ref().is_some_and(|granted| granted.call.class == LeaseClass::Reclaimable);
            match lent.called_back.is_some() {
                true => leased.returning += lent.held(),
                false => leased.kept += lent.held(),
            }
            if reclaimable && lent.called_back.is_none() {
                leased.reclaimable += lent.held();
            }
        }
        leased
    }

    /// What there is for the owner itself: all but what tenants hold.
    pub(crate) fn own_stock(&self, persona: &PersonaName) -> Stock {
        let stock = self.stock(persona);
        Stock { active: stock.active.saturating_sub(self.leased(persona).all()), ..stock }
    }

    /// Instances that could not be wiped, in the order of their creation.
    pub(crate) fn quarantined(&self, persona: &PersonaName) -> Vec<Instance> {
        let ids = self.shelves.get(persona).into_iter().flat_map(|shelf| &shelf.quarantined);
        ids.filter_map(|id| self.instances.get(id)).cloned().collect()
    }

    pub(crate) fn lease(&self, id: LeaseId) -> Option<&Lent> {
        self.leases.get(&id)
    }

    /// Leases of a persona that have not ended, in the order of granting.
    pub(crate) fn open_leases(&self, persona: &PersonaName) -> Vec<Lent> {
        let mut open: Vec<Lent> = self.open(persona).cloned().collect();
        open.sort_by_key(|lent| (lent.granted.as_ref().map(|granted| granted.at.at), lent.lease));
        open
    }

    fn open(&self, persona: &PersonaName) -> impl Iterator<Item = &Lent> {
        self.open_leases.get(persona).into_iter().flatten().filter_map(|lease| self.leases.get(lease))
    }

    /// Hands the instances that have been idle the longest over to a lease: all that are asked for, or none.
    pub(crate) fn lend(&mut self, call: GrantCall, now: &Moment) -> Option<Changes> {
        let warm = self.shelves.get(&call.persona).map(|shelf| shelf.warm.as_slice()).unwrap_or_default();
        let chosen: Vec<InstanceId> = warm.get(..call.units as usize)?.to_vec();
        let mut changes = Changes::default();
        let mut units = Vec::new();
        for instance in chosen {
            let claim = Claim {
                id: ClaimId(Uuid::now_v7()),
                persona: call.persona.clone(),
                tenant: call.tenant.clone(),
                requested_at: now.at,
                expires_at: Some(call.until),
                idempotency_key: None,
                lease: Some(call.lease),
                state: ClaimState::Served { instance, served_at: now.at, warm: true },
            };
            self.hold(claim.clone());
            self.set(instance, InstanceState::Active { claim: claim.id, since: now.at });
            self.note(Write::Claim(claim.clone()));
            let reference = self.instances.get(&instance).and_then(|instance| instance.driver_ref.clone());
            units.push(LentUnit { instance, claim: claim.id, reference, state: UnitState::Held });
            changes.notices.push(Notice::Claim(claim));
        }
        let reason = format!("{} instances handed over to {}", units.len(), call.tenant);
        let (lease, persona) = (call.lease, call.persona.clone());
        let granted = Some(Granted { call, at: now.clone() });
        let lent = Lent { lease, persona, granted, units, called_back: None, ended_at: None, untold: Vec::new() };
        self.tell_of(lent, now.at, reason, &mut changes);
        Some(changes)
    }

    /// Notes that a lease is called back, unless it is already.
    pub(crate) fn call_back(&mut self, id: LeaseId, called: CalledBack, now: TimestampMs) -> Changes {
        let mut changes = Changes::default();
        if let Some(mut lent) = self.leases.get(&id).filter(|lent| lent.called_back.is_none()).cloned() {
            let reason = format!("called back: {}", called.reason);
            lent.called_back = Some(called);
            self.tell_of(lent, now, reason, &mut changes);
        }
        changes
    }

    /// Takes every instance of a lease from its tenant; each is wiped before anyone else gets it.
    pub(crate) fn take_back(&mut self, id: LeaseId, cause: EndCause, now: TimestampMs) -> Changes {
        let mut changes = Changes::default();
        let (units, before) =
            self.leases.get(&id).map(|lent| (lent.units.clone(), lent.untold.clone())).unwrap_or_default();
        for unit in units.iter().filter(|unit| unit.state == UnitState::Held) {
            if let Some((_, more)) = self.end_claim(unit.claim, cause, now) {
                changes.extend(more);
            }
        }
        self.tell_at_once(id, before, &mut changes);
        changes
    }

    /// What several steps changed together is one piece of news, beside those that waited `before`.
    fn tell_at_once(&mut self, id: LeaseId, before: Vec<LeaseNews>, changes: &mut Changes) {
        let Some(mut lent) = self.leases.get(&id).cloned() else { return };
        let Some(last) = lent.untold.pop().filter(|last| !before.iter().any(|news| news.id == last.id)) else { return };
        changes.notices.retain(|notice| !matches!(notice, Notice::Lease { news, .. } if *news != last.id));
        lent.untold = before;
        lent.untold.push(last);
        self.keep(lent);
    }

    /// Notes that a lease that was never granted has ended.
    pub(crate) fn void_lease(&mut self, id: LeaseId, persona: PersonaName, now: TimestampMs) {
        self.keep(Lent::void(id, persona, now));
    }

    /// Forgets leases that ended before an instant, and of which everything is told; the store has them.
    pub(crate) fn forget_leases(&mut self, before: TimestampMs) {
        self.leases.retain(|_, lent| lent.ended_at.is_none_or(|at| at >= before) || !lent.untold.is_empty());
    }

    /// Leases of which something waits to be told, each with its newest news.
    pub(crate) fn untold(&self) -> Vec<(LeaseId, Uuid)> {
        self.leases.values().filter_map(|lent| Some((lent.lease, lent.untold.last()?.id))).collect()
    }

    /// News of a lease were told. That is saved with the next change: told again, they have the same identifier.
    pub(crate) fn told(&mut self, id: LeaseId, news: Uuid) {
        if let Some(mut lent) = self.leases.get(&id).cloned() {
            lent.untold.retain(|one| one.id != news);
            self.keep(lent);
        }
    }

    /// Whether the tenant of a claim has it until a notice is over.
    pub(super) fn is_under_notice(&self, claim: &Claim, now: &Moment) -> bool {
        let lent = claim.lease.and_then(|lease| self.leases.get(&lease));
        lent.is_some_and(|lent| lent.notice_left_ms(now) > 0)
    }

    /// Whether an instance was leased and is being wiped.
    pub(crate) fn is_sanitizing(&self, id: InstanceId) -> bool {
        self.is_resetting(id) && self.lease_with(id).is_some_and(|lent| has(lent, id, is_being_wiped))
    }

    fn is_resetting(&self, id: InstanceId) -> bool {
        self.instances.get(&id).is_some_and(|one| matches!(one.state, InstanceState::Resetting { .. }))
    }

    pub(crate) fn is_quarantined(&self, id: InstanceId) -> bool {
        self.instances.get(&id).is_some_and(|one| matches!(one.state, InstanceState::Quarantined { .. }))
    }

    /// Takes an instance that could not be wiped out of use, until an operator decides.
    pub(crate) fn quarantine(&mut self, id: InstanceId, reason: &str, now: TimestampMs) -> Changes {
        let mut changes = Changes::default();
        self.set(id, InstanceState::Quarantined { since: now });
        self.notice(id, reason, &mut changes);
        let state = UnitState::Quarantined { at: now, reason: reason.chars().take(500).collect() };
        self.unit_changed(id, is_being_wiped, &state, now, &mut changes);
        changes
    }

    /// Wipes a quarantined instance once more, after which it is its owner's again; `None` where it is not quarantined.
    pub(crate) fn wipe_again(&mut self, id: InstanceId, now: TimestampMs) -> Option<Changes> {
        self.is_quarantined(id).then(|| {
            let mut changes = Changes::default();
            self.begin(id, InstanceState::Resetting { ready_at: None }, DriverOperation::Reset, now);
            self.notice(id, "released from quarantine, to be wiped again", &mut changes);
            changes
        })
    }

    /// A claim of a lease has ended.
    pub(super) fn unit_left(&mut self, claim: &Claim, cause: EndCause, now: TimestampMs, changes: &mut Changes) {
        let Some(lent) = claim.lease.and_then(|lease| self.leases.get(&lease)) else { return };
        let Some(instance) = lent.units.iter().find(|unit| unit.claim == claim.id).map(|unit| unit.instance) else {
            return;
        };
        let state = match cause {
            EndCause::InstanceLost => UnitState::Lost { at: now },
            EndCause::Released | EndCause::Expired | EndCause::Reclaimed | EndCause::TimedOut => {
                UnitState::Sanitizing { since: now }
            }
        };
        self.unit_changed(instance, |state| *state == UnitState::Held, &state, now, changes);
    }

    /// An instance is ready again after it was wiped.
    pub(super) fn unit_wiped(&mut self, id: InstanceId, at: TimestampMs, changes: &mut Changes) {
        self.unit_changed(id, is_being_wiped, &UnitState::Returned { at }, at, changes);
    }

    /// An instance is gone, or about to be.
    pub(super) fn unit_lost(&mut self, id: InstanceId, now: TimestampMs, changes: &mut Changes) {
        self.unit_changed(id, is_being_wiped, &UnitState::Lost { at: now }, now, changes);
    }

    fn unit_changed(
        &mut self,
        id: InstanceId,
        from: impl Fn(&UnitState) -> bool + Copy,
        to: &UnitState,
        now: TimestampMs,
        changes: &mut Changes,
    ) {
        let Some(mut lent) = self.lease_with(id).filter(|lent| has(lent, id, from)).cloned() else { return };
        for unit in lent.units.iter_mut().filter(|unit| unit.instance == id && from(&unit.state)) {
            unit.state = to.clone();
        }
        lent.ended_at = (!lent.units.iter().any(|unit| is_open(&unit.state))).then_some(now);
        self.tell_of(lent, now, String::new(), changes);
    }

    fn tell_of(&mut self, mut lent: Lent, now: TimestampMs, reason: String, changes: &mut Changes) {
        let (lease, news) = (lent.lease, lent.add_news(now, reason));
        self.keep(lent);
        changes.notices.push(Notice::Lease { lease, news });
    }

    fn keep(&mut self, lent: Lent) {
        self.note(Write::Lent(lent.clone()));
        self.put_lease(lent);
    }

    pub(super) fn put_lease(&mut self, lent: Lent) {
        for unit in &lent.units {
            match is_open(&unit.state) {
                true => drop(self.lease_of.insert(unit.instance, lent.lease)),
                // It may have been leased again since.
                false if self.lease_of.get(&unit.instance) == Some(&lent.lease) => {
                    self.lease_of.remove(&unit.instance);
                }
                false => {}
            }
        }
        let open = self.open_leases.entry(lent.persona.clone()).or_default();
        match lent.ended_at {
            None => drop(open.insert(lent.lease)),
            Some(_) => drop(open.remove(&lent.lease)),
        }
        self.leases.insert(lent.lease, lent);
    }

    /// The lease that an instance is held through, or wiped after.
    fn lease_with(&self, id: InstanceId) -> Option<&Lent> {
        self.lease_of.get(&id).and_then(|lease| self.leases.get(lease))
    }
}

fn is_being_wiped(state: &UnitState) -> bool {
    matches!(state, UnitState::Sanitizing { .. })
}

fn is_open(state: &UnitState) -> bool {
    *state == UnitState::Held || is_being_wiped(state)
}

fn has(lent: &Lent, id: InstanceId, state: impl Fn(&UnitState) -> bool) -> bool {
    lent.units.iter().any(|unit| unit.instance == id && state(&unit.state))
}
