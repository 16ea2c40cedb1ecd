//! The way of a lease. Time and the hosts' answers move it on; each step is one change of the state, with the money that
//! goes with it, and what a host is asked for is asked again until it is done.

use super::{
    indexed::Found,
    state::{NewEvent, State},
};
use crate::{
    error::MarketError,
    model::{
        Caller, DeliveryWindow, Lease, LeaseEnd, LeaseId, LeaseState, MarketTopic, ReclaimPreview, ReclaimRequest, Role,
    },
};
use forewarm_auction::{LeaseClass, Quantity};
use forewarm_bus::message::market::{HandedUnit, LeaseState as HostState, LeaseStatus, UnitState};
use forewarm_domain::{
    lending::{Moment, Notice},
    time::{SECOND_MS, TimestampMs},
};
use serde_json::{Value, json};

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
        let mut ids: Vec<_> = self.leases.up_to(&now.at).copied().collect();
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

    /// When the host of a lease is asked for the instances.
    pub(crate) fn hand_over_at(&self, window: DeliveryWindow) -> TimestampMs {
        window.from() - i64::from(self.config.handover_lead_s) * SECOND_MS
    }

    /// One step by time.
    fn step(&mut self, id: LeaseId, now: &Moment) -> Result<(), MarketError> {
        let Some(lease) = self.leases.get(&id).cloned() else { return Ok(()) };
        let begins = lease.window.from();
        match &lease.state {
            LeaseState::Granted if now.at >= self.hand_over_at(lease.window) => {
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

    /// The tenant has its instances. Seconds that they came late are paid back.
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
        let owed = self.refund_late(&lease, now)?;
        if lease.class == LeaseClass::Firm {
            // It began: nothing more can become of it.
            self.free_security(id, self.lease(id)?.security)?;
        }
        let data = json!({"persona": lease.persona, "units": lease.units, "until": lease.window.until(),
            "refund": owed.refunded()?, "compensation": owed.compensation()});
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
        self.free_security(id, lease.security)?;
        let owed = self.refund_end(&lease, end, ended_at)?;
        self.set(id, LeaseState::Revoking { ended_at, end }, ended_at);
        let data = json!({"end": end, "refund": owed.refunded()?, "compensation": owed.compensation()});
        self.tell_buyer(&lease, MarketTopic::LeaseRevoked, data.clone(), ended_at);
        self.tell_seller(&lease, MarketTopic::LeaseRevoked, data, ended_at);
        Ok(())
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

fn notice_ms(lease: &Lease) -> i64 {
    i64::from(lease.notice_s) * SECOND_MS
}

/// Leases are found by when time or a host may have something for them, by the calendar: a notice that another clock still
/// holds up is looked at again and again.
impl Found for Lease {
    type By = TimestampMs;

    fn by(&self) -> Option<TimestampMs> {
        let (asked, until) = (self.next_attempt_at, self.window.until());
        match &self.state {
            LeaseState::Returned { .. } | LeaseState::Quarantined { .. } => None,
            LeaseState::Granted | LeaseState::Revoking { .. } | LeaseState::Sanitizing { .. } => Some(asked),
            LeaseState::HandingOver { deadline } => Some(asked.min(*deadline)),
            LeaseState::Active => Some(asked.min(until - notice_ms(self))),
            LeaseState::Reclaiming { notice, .. } => Some(asked.min(notice.deadline())),
            LeaseState::Expiring { notice } => Some(asked.min(until.max(notice.deadline()))),
        }
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
