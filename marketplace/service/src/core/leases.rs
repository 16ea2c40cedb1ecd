//! The way of a lease. Time and the hosts' answers move it on; each step is one change of the state, with the money that
//! goes with it, and what a host is asked for is asked again until it is done.

use super::state::{NewEvent, State};
use crate::{
    error::MarketError,
    model::{
        AccountId, Caller, Currency, Lease, LeaseEnd, LeaseId, LeaseState, MarketTopic, ReclaimPreview, ReclaimRequest,
        Role, Transfer, TransferKind, TransferRefs, seconds_left,
    },
};
use forewarm_auction::{LeaseClass, MicroCredits, Quantity, Reclaim};
use forewarm_bus::message::market::{HandedUnit, LeaseState as HostState, LeaseStatus, UnitState};
use forewarm_domain::{
    lending::{Moment, Notice},
    time::{SECOND_MS, TimestampMs},
};
use serde_json::{Value, json};
use uuid::Uuid;

/// Seconds between two looks at an active lease on its host.
const LOOK_S: i64 = 30;

/// What a host is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ask {
    /// To hand the instances over.
    Grant,
    /// To give the tenant notice.
    Notice,
    /// To take the instances.
    Release,
    /// How they are.
    Status,
}

impl State {
    /// Moves every lease on that time moves on, and gives those of which a host has to be asked something now.
    pub(crate) fn sweep(&mut self, now: &Moment) -> Result<Vec<(Lease, Ask)>, MarketError> {
        let mut ids: Vec<_> = self.leases.values().filter(|lease| stirs(lease, now)).map(|lease| lease.id).collect();
        ids.sort_unstable();
        for id in &ids {
            // One lease that can't be moved on holds up no other.
            self.savepoint();
            if let Err(error) = self.step(*id, now) {
                self.rollback();
                tracing::error!(lease = %id, %error, "a lease can't be moved on");
                self.ask_later(*id, now.at);
            }
        }
        let asks = ids.iter().filter_map(|id| self.leases.get(id));
        Ok(asks.filter_map(|lease| Some((lease.clone(), ask(lease, now.at)?))).collect())
    }

    /// One step by time.
    fn step(&mut self, id: LeaseId, now: &Moment) -> Result<(), MarketError> {
        let Some(lease) = self.leases.get(&id).cloned() else { return Ok(()) };
        let begins = lease.window.from();
        match &lease.state {
            LeaseState::Granted if now.at >= begins - i64::from(self.config.handover_lead_s) * SECOND_MS => {
                let deadline = begins.max(now.at) + i64::from(self.config.handover_limit_s) * SECOND_MS;
                self.set(id, LeaseState::HandingOver { deadline }, now.at);
                Ok(())
            }
            LeaseState::HandingOver { deadline } if now.at >= *deadline => {
                self.end_lease(id, LeaseEnd::NotDelivered, now.at)
            }
            LeaseState::Active if now.at >= lease.window.until() - notice_ms(&lease) => {
                let notice = Notice::new(now.clone(), notice_ms(&lease));
                let data = json!({"until": lease.window.until(), "deadline": notice.deadline()});
                self.set(id, LeaseState::Expiring { notice }, now.at);
                self.tell_buyer(&lease, MarketTopic::LeaseExpiring, data, now.at);
                Ok(())
            }
            LeaseState::Expiring { notice } if now.at >= lease.window.until() && notice.is_over(now) => {
                self.end_lease(id, LeaseEnd::Expired, now.at)
            }
            LeaseState::Reclaiming { notice, .. } if notice.is_over(now) => {
                self.end_lease(id, LeaseEnd::Reclaimed, notice.deadline())
            }
            _ => Ok(()),
        }
    }

    /// The tenant has its instances.
    pub(crate) fn handed_over(
        &mut self,
        id: LeaseId,
        units: Vec<HandedUnit>,
        now: TimestampMs,
    ) -> Result<(), MarketError> {
        let lease = self.lease(id)?.clone();
        if !matches!(lease.state, LeaseState::HandingOver { .. }) {
            return Ok(());
        }
        self.set(id, LeaseState::Active, now);
        if let Some(lease) = self.leases.get_mut(&id) {
            lease.instances = units;
            lease.active_at = Some(now);
            lease.next_attempt_at = now + LOOK_S * SECOND_MS;
        }
        if lease.class == LeaseClass::Firm {
            self.free_security(id)?;
        }
        let data = json!({"persona": lease.persona, "units": lease.units, "until": lease.window.until()});
        self.tell_buyer(&lease, MarketTopic::LeaseActive, data, now);
        Ok(())
    }

    /// A host answered, but not with what was asked for: it is asked again a little later each time.
    pub(crate) fn ask_later(&mut self, id: LeaseId, now: TimestampMs) {
        let retry = i64::from(self.config.retry_s) * SECOND_MS;
        if let Some(lease) = self.leases.get_mut(&id) {
            lease.attempts = lease.attempts.saturating_add(1);
            lease.next_attempt_at = now + retry * i64::from(lease.attempts.min(12));
        }
    }

    /// The host gave the tenant its notice.
    pub(crate) fn noticed(&mut self, id: LeaseId) {
        if let Some(Lease { state: LeaseState::Reclaiming { told, .. }, .. }) = self.leases.get_mut(&id) {
            *told = true;
        }
    }

    /// The host took the instances.
    pub(crate) fn taken(&mut self, id: LeaseId, now: TimestampMs) -> Result<(), MarketError> {
        if let LeaseState::Revoking { ended_at, end } = self.lease(id)?.state {
            self.set(id, LeaseState::Sanitizing { ended_at, end }, now);
        }
        Ok(())
    }

    /// What the host says of a lease's instances.
    pub(crate) fn looked_at(&mut self, id: LeaseId, status: &LeaseStatus, now: TimestampMs) -> Result<(), MarketError> {
        let lease = self.lease(id)?.clone();
        let over = status.state == HostState::Ended;
        match lease.state {
            LeaseState::Sanitizing { ended_at, end } if over => self.wiped(&lease, status, (ended_at, end), now),
            LeaseState::Sanitizing { .. } => {
                self.ask_later(id, now);
                Ok(())
            }
            // The tenant gave its claims back to the host itself.
            LeaseState::Active | LeaseState::Expiring { .. } if status.state != HostState::Held => {
                self.end_lease(id, LeaseEnd::Released, now)
            }
            LeaseState::Reclaiming { .. } if status.state != HostState::Held => {
                self.end_lease(id, LeaseEnd::LeftEarly, now)
            }
            _ => {
                if let Some(lease) = self.leases.get_mut(&id) {
                    lease.next_attempt_at = now + LOOK_S * SECOND_MS;
                }
                Ok(())
            }
        }
    }

    fn wiped(
        &mut self,
        lease: &Lease,
        status: &LeaseStatus,
        (ended_at, end): (TimestampMs, LeaseEnd),
        now: TimestampMs,
    ) -> Result<(), MarketError> {
        let bad = status.units.iter().filter(|unit| matches!(unit.state, UnitState::Quarantined { .. }));
        let instances: Vec<_> = bad.map(|unit| unit.instance).collect();
        let (state, topic) = if instances.is_empty() {
            (LeaseState::Returned { ended_at, end, at: now }, MarketTopic::LeaseReturned)
        } else {
            let instances = instances.clone();
            (LeaseState::Quarantined { ended_at, end, at: now, instances }, MarketTopic::LeaseQuarantined)
        };
        let data = json!({"persona": lease.persona, "units": lease.units, "quarantined": instances});
        self.set(lease.id, state, now);
        self.tell_seller(lease, topic, data, now);
        Ok(())
    }

    /// The tenant gives a lease back. Under notice of a reclaim it is paid for the time that it does not use.
    pub(crate) fn give_back(&mut self, by: &Caller, id: LeaseId, now: TimestampMs) -> Result<Lease, MarketError> {
        let lease = self.lease(id)?;
        let (buyer, state) = (lease.buyer.clone(), lease.state.name());
        let end = match lease.state {
            LeaseState::Reclaiming { .. } => LeaseEnd::LeftEarly,
            LeaseState::Granted | LeaseState::HandingOver { .. } | LeaseState::Active | LeaseState::Expiring { .. } => {
                LeaseEnd::Released
            }
            _ => return Err(MarketError::LeaseState { lease: id, state }),
        };
        self.allow(by, &buyer, &[Role::Buyer]).map_err(|error| unseen(error, id))?;
        self.end_lease(id, end, now)?;
        self.lease(id).cloned()
    }

    /// Calls an owner's capacity back.
    pub(crate) fn reclaim(
        &mut self,
        by: &Caller,
        request: &ReclaimRequest,
        now: &Moment,
    ) -> Result<ReclaimPreview, MarketError> {
        self.allow(by, &request.seller, &[Role::Owner])?;
        let units = Quantity::try_from(request.units)?;
        let chosen = self.choose_reclaims(&request.persona, Some(&request.seller), units, now.at)?;
        self.give_notice(&chosen, &request.reason, now);
        Ok(chosen)
    }

    /// Gives notice of a reclaim to each of the leases.
    pub(crate) fn give_notice(&mut self, chosen: &ReclaimPreview, reason: &str, now: &Moment) {
        for one in &chosen.leases {
            let Some(lease) = self.leases.get(&one.lease).cloned() else { continue };
            let notice = Notice::new(now.clone(), notice_ms(&lease));
            let data = json!({"persona": lease.persona, "units": lease.units, "deadline": notice.deadline(),
                "reason": reason, "refund": one.refund, "compensation": one.compensation});
            let state = LeaseState::Reclaiming { notice, reason: reason.to_owned(), told: false };
            self.set(lease.id, state, now.at);
            self.tell_buyer(&lease, MarketTopic::LeaseReclaiming, data, now.at);
        }
    }

    /// The end of a lease, with the money that is owed: the owner's security pays it, and what is left of that is free.
    fn end_lease(&mut self, id: LeaseId, end: LeaseEnd, ended_at: TimestampMs) -> Result<(), MarketError> {
        let lease = self.lease(id)?.clone();
        let security = lease.security;
        self.free_security(id)?;
        let owed = match end {
            LeaseEnd::Expired | LeaseEnd::Released => None,
            LeaseEnd::Reclaimed | LeaseEnd::LeftEarly => {
                Some(lease.terms.reclaim(lease.price, lease.units, seconds_left(lease.window, ended_at))?)
            }
            LeaseEnd::NotDelivered => Some(undelivered(&lease, security)?),
        };
        let (refund, compensation) = owed.map_or_else(Default::default, |owed| (owed.refund, owed.compensation));
        if let Some(owed) = owed {
            self.pay_back(&lease, owed, end, ended_at)?;
        }
        self.set(id, LeaseState::Revoking { ended_at, end }, ended_at);
        let data = json!({"end": end, "refund": refund, "compensation": compensation});
        self.tell_buyer(&lease, MarketTopic::LeaseRevoked, data.clone(), ended_at);
        self.tell_seller(&lease, MarketTopic::LeaseRevoked, data, ended_at);
        Ok(())
    }

    fn free_security(&mut self, id: LeaseId) -> Result<(), MarketError> {
        let Some(lease) = self.leases.get_mut(&id) else { return Ok(()) };
        let security = std::mem::take(&mut lease.security);
        let seller = AccountId::Tenant(lease.seller.clone());
        self.release(&seller, security)
    }

    fn pay_back(&mut self, lease: &Lease, owed: Reclaim, end: LeaseEnd, at: TimestampMs) -> Result<(), MarketError> {
        let seller = AccountId::Tenant(lease.seller.clone());
        let credit = Currency::credit();
        let receiver =
            if lease.currency.is_credit() { lease.buyer_account.clone() } else { AccountId::Exchange(credit.clone()) };
        let refs = TransferRefs { round: Some(lease.round), bid: Some(lease.bid), lease: Some(lease.id) };
        let id = |name: &str| Uuid::new_v5(&lease.id.0, name.as_bytes());
        let mut parts = vec![
            ("refund", seller.clone(), owed.refund, TransferKind::Refund),
            ("compensation", seller, owed.compensation, TransferKind::Compensation),
        ];
        if end == LeaseEnd::NotDelivered && lease.class == LeaseClass::Firm {
            // The market keeps no fee of a lease that never began.
            let fee = lease.terms.fee.of_rounded_down(lease.cost);
            parts.push(("fee-refund", AccountId::Fees(credit.clone()), fee, TransferKind::Refund));
        }
        let mut total = MicroCredits::ZERO;
        for (name, debit, amount, kind) in parts.into_iter().filter(|part| part.2 > MicroCredits::ZERO) {
            total = total.checked_add(amount)?;
            let (currency, refs, to) = (credit.clone(), refs.clone(), receiver.clone());
            self.post(Transfer { id: id(name), at, debit, credit: to, amount, currency, kind, refs })?;
        }
        let returned = lease.rate.down(total)?;
        if !lease.currency.is_credit() && returned > MicroCredits::ZERO {
            let (debit, to) = (AccountId::Exchange(lease.currency.clone()), lease.buyer_account.clone());
            let (currency, kind, amount) = (lease.currency.clone(), TransferKind::Payout, returned);
            self.post(Transfer { id: id("payout"), at, debit, credit: to, amount, currency, kind, refs })?;
        }
        // A budget gets back what was spent of it, not what came on top.
        let refunded = lease.rate.down(total.checked_sub(owed.compensation)?)?;
        self.uncharge(&lease.budgets, refunded)
    }

    /// A lease that is not over.
    pub(crate) fn lease(&self, id: LeaseId) -> Result<&Lease, MarketError> {
        self.leases.get(&id).ok_or_else(|| MarketError::not_found("lease", id))
    }

    /// The next state; what is asked of a host is asked at once.
    fn set(&mut self, id: LeaseId, state: LeaseState, now: TimestampMs) {
        if let Some(lease) = self.leases.get_mut(&id) {
            lease.state = state;
            lease.attempts = 0;
            lease.next_attempt_at = now;
        }
    }

    fn tell_buyer(&mut self, lease: &Lease, topic: MarketTopic, data: Value, at: TimestampMs) {
        self.tell_of(lease, lease.buyer.clone(), topic, data, at, "buyer");
    }

    fn tell_seller(&mut self, lease: &Lease, topic: MarketTopic, data: Value, at: TimestampMs) {
        self.tell_of(lease, lease.seller.clone(), topic, data, at, "seller");
    }

    fn tell_of(
        &mut self,
        lease: &Lease,
        tenant: forewarm_domain::id::TenantName,
        topic: MarketTopic,
        data: Value,
        at: TimestampMs,
        side: &str,
    ) {
        let (subject, of, round) = (lease.id.to_string(), side.to_owned(), Some(lease.round));
        self.tell(NewEvent { at, topic, tenant: Some(tenant), subject, of, round, data });
    }
}

/// Everything that was paid, and what comes on top where that was agreed; a firm lease's security is its proceeds.
fn undelivered(lease: &Lease, security: MicroCredits) -> Result<Reclaim, MarketError> {
    match lease.class {
        LeaseClass::Reclaimable => Ok(lease.terms.reclaim(lease.price, lease.units, lease.terms.duration.seconds())?),
        LeaseClass::Firm => Ok(Reclaim { refund: security, compensation: MicroCredits::ZERO }),
    }
}

fn notice_ms(lease: &Lease) -> i64 {
    i64::from(lease.notice_s) * SECOND_MS
}

/// Whether time or a host may have something for the lease.
fn stirs(lease: &Lease, now: &Moment) -> bool {
    match &lease.state {
        LeaseState::Granted => true,
        LeaseState::Returned { .. } | LeaseState::Quarantined { .. } => false,
        LeaseState::Active => now.at >= lease.next_attempt_at || now.at >= lease.window.until() - notice_ms(lease),
        LeaseState::Reclaiming { notice, .. } | LeaseState::Expiring { notice } => {
            now.at >= lease.next_attempt_at || notice.is_over(now)
        }
        LeaseState::HandingOver { deadline } => now.at >= lease.next_attempt_at || now.at >= *deadline,
        LeaseState::Revoking { .. } | LeaseState::Sanitizing { .. } => now.at >= lease.next_attempt_at,
    }
}

/// What a host is asked for now.
fn ask(lease: &Lease, now: TimestampMs) -> Option<Ask> {
    if now < lease.next_attempt_at {
        return None;
    }
    match &lease.state {
        LeaseState::HandingOver { .. } => Some(Ask::Grant),
        LeaseState::Reclaiming { told: false, .. } => Some(Ask::Notice),
        LeaseState::Active | LeaseState::Expiring { .. } | LeaseState::Reclaiming { .. } => Some(Ask::Status),
        LeaseState::Revoking { .. } => Some(Ask::Release),
        LeaseState::Sanitizing { .. } => Some(Ask::Status),
        LeaseState::Granted | LeaseState::Returned { .. } | LeaseState::Quarantined { .. } => None,
    }
}

/// What is told of a lease that is not the caller's: that there is none.
pub(crate) fn unseen(error: MarketError, id: LeaseId) -> MarketError {
    if matches!(error, MarketError::NotFound { .. }) { MarketError::not_found("lease", id) } else { error }
}
