//! What the market asks of the host: to hand instances over, to note that they are called back, to take them back, to
//! tell how they stand.

use super::super::Core;
use super::super::pool::Changes;
use crate::probe::Point;
use crate::store::{CalledBack, Lent, StoreError};
use async_trait::async_trait;
use forewarm_bus::message::market::{
    CapacityRefusal, GrantCall, Handover, HeldLease, HoldingsCall, LeaseStatus, NoticeCall, ReleaseCall, ReleaseCause,
    ServeCapacity, StatusCall,
};
use forewarm_domain::id::{LeaseId, PersonaName};
use forewarm_domain::instance::EndCause;
use forewarm_domain::lending::{DeliveryWindow, LeaseClass, Moment, Notice};
use forewarm_domain::persona::LendingPolicy;
use forewarm_domain::time::SECOND_MS;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// The longest notice: longer than the longest lease.
const NOTICE_MS_MAX: i64 = 62 * 24 * 3_600 * SECOND_MS;

/// Where the calls arrive. It does not keep the host alive.
pub(super) struct Desk(Weak<Core>);

impl Desk {
    pub(super) fn new(core: &Arc<Core>) -> Self {
        Self(Arc::downgrade(core))
    }

    fn core(&self) -> Result<Arc<Core>, CapacityRefusal> {
        self.0.upgrade().ok_or_else(|| CapacityRefusal::Unavailable { detail: "the host stops".into() })
    }
}

#[async_trait]
impl ServeCapacity for Desk {
    async fn grant(&self, call: GrantCall) -> Result<Handover, CapacityRefusal> {
        let core = self.core()?;
        core.counted("grant", core.grant(call).await)
    }
    async fn notice(&self, call: NoticeCall) -> Result<LeaseStatus, CapacityRefusal> {
        let core = self.core()?;
        core.counted("notice", core.note_notice(call).await)
    }
    async fn release(&self, call: ReleaseCall) -> Result<LeaseStatus, CapacityRefusal> {
        let core = self.core()?;
        core.counted("release", core.end_lease(call).await)
    }
    async fn status(&self, call: StatusCall) -> Result<LeaseStatus, CapacityRefusal> {
        let core = self.core()?;
        let lent = core.known_lease(call.lease, &call.persona).await?;
        let lent = lent.ok_or(CapacityRefusal::UnknownLease { lease: call.lease })?;
        core.told(&lent, &core.clock.moment()).await
    }
    async fn holdings(&self, call: HoldingsCall) -> Result<Vec<HeldLease>, CapacityRefusal> {
        let core = self.core()?;
        let (leases, now) = (core.pool().open_leases(&call.persona), core.clock.moment());
        core.durable().await.map_err(unavailable)?;
        Ok(leases.iter().filter_map(|lent| lent.held_lease(&now)).collect())
    }
}

impl Core {
    fn counted<T>(&self, call: &'static str, answer: Result<T, CapacityRefusal>) -> Result<T, CapacityRefusal> {
        self.metrics.lending_call(call, answer.as_ref().err().map_or("done", CapacityRefusal::code));
        answer
    }

    async fn grant(&self, call: GrantCall) -> Result<Handover, CapacityRefusal> {
        let _alone = self.lending.one_at_a_time.lock().await;
        let (lease, now) = (call.lease, self.clock.moment());
        if let Some(known) = self.known_lease(lease, &call.persona).await? {
            let granted = known.granted.as_ref().ok_or(CapacityRefusal::Ended { lease })?;
            if granted.call != call {
                return Err(CapacityRefusal::Conflict { lease });
            }
            // The first answer may have been lost because it could not be saved: then it is now.
            self.durable().await.map_err(unavailable)?;
            return known.handover().ok_or(CapacityRefusal::Ended { lease });
        }
        let policy = self.may_lend(&call, &now)?;
        let wanted = call.units;
        let lent = self
            .change(|pool| {
                let spare = pool.stock(&call.persona).warm.saturating_sub(policy.keep_min);
                let available = spare.min(policy.limit.saturating_sub(pool.leased(&call.persona).all()));
                match (wanted <= available).then(|| pool.lend(call, &now)).flatten() {
                    Some(changes) => {
                        self.reached(Point::Granting);
                        (Ok(pool.lease(lease).and_then(Lent::handover)), changes)
                    }
                    None => (Err(CapacityRefusal::NotEnough { wanted, available }), Changes::default()),
                }
            })
            .await
            .map_err(unavailable)?;
        let handover = lent?.ok_or(CapacityRefusal::Ended { lease })?;
        self.reached(Point::Granted);
        Ok(handover)
    }

    /// The policy under which a lease may be granted now.
    fn may_lend(&self, call: &GrantCall, now: &Moment) -> Result<LendingPolicy, CapacityRefusal> {
        let refuse = |detail: String| CapacityRefusal::NotLent { persona: call.persona.clone(), detail };
        if call.units == 0 {
            return Err(CapacityRefusal::Invalid { detail: "a lease is of at least one instance".into() });
        }
        let Ok(window) = DeliveryWindow::new(now.at, call.until) else {
            return Err(CapacityRefusal::Ended { lease: call.lease });
        };
        let persona = self.catalog.get(&call.persona).ok_or_else(|| refuse("there is no such persona".into()))?;
        let policy = persona.spec.lending.clone().ok_or_else(|| refuse("it has no `lending`".into()))?;
        if !policy.lends(call.class) {
            return Err(refuse(format!("its `lending.classes` do not have {}", call.class.as_str())));
        }
        if let Some(blackout) = policy.blackout(window) {
            return Err(refuse(format!("its blackout `{blackout}` falls into the lease")));
        }
        Ok(policy)
    }

    async fn note_notice(&self, call: NoticeCall) -> Result<LeaseStatus, CapacityRefusal> {
        let _alone = self.lending.one_at_a_time.lock().await;
        let (lease, now) = (call.lease, self.clock.moment());
        let known = self.known_lease(lease, &call.persona).await?.ok_or(CapacityRefusal::UnknownLease { lease })?;
        may_call_back(&known, &call, &now)?;
        let called = CalledBack { notice: Notice::new(now.clone(), call.notice_ms), reason: call.reason };
        let noted = self.change(|pool| {
            let changes = pool.call_back(lease, called, now.at);
            self.reached(Point::CallingBack);
            ((), changes)
        });
        noted.await.map_err(unavailable)?;
        self.reached(Point::CalledBack);
        let known = self.pool().lease(lease).cloned().unwrap_or(known);
        self.told(&known, &now).await
    }

    async fn end_lease(&self, call: ReleaseCall) -> Result<LeaseStatus, CapacityRefusal> {
        let _alone = self.lending.one_at_a_time.lock().await;
        let (lease, now) = (call.lease, self.clock.moment());
        let known = self.known_lease(lease, &call.persona).await?;
        let lent = match known {
            Some(known) => {
                may_end(&known, call.cause, &now)?;
                let cause = match call.cause {
                    ReleaseCause::Expired => EndCause::Expired,
                    ReleaseCause::Reclaimed => EndCause::Reclaimed,
                    ReleaseCause::Returned | ReleaseCause::Void => EndCause::Released,
                };
                let taken = self.change(|pool| {
                    let taken = (pool.lease(lease).cloned(), pool.take_back(lease, cause, now.at));
                    self.reached(Point::TakingBack);
                    taken
                });
                let before = taken.await.map_err(unavailable)?;
                if let Some(called) = known.called_back.as_ref().filter(|_| known.held() > 0) {
                    let lasted = called.notice.passed_ms(&now).unsigned_abs();
                    self.metrics.notice_over(&call.persona, Duration::from_millis(lasted));
                }
                self.reached(Point::TakenBack);
                let after = self.pool().lease(lease).cloned();
                after.or(before).unwrap_or(known)
            }
            None => {
                let persona = call.persona.clone();
                let noted = self.change(|pool| {
                    pool.void_lease(lease, call.persona, now.at);
                    ((), Changes::default())
                });
                noted.await.map_err(unavailable)?;
                Lent::void(lease, persona, now.at)
            }
        };
        self.told(&lent, &now).await
    }

    /// How a lease stands, once that is saved: what the market was told, it will be told again after a power cut.
    async fn told(&self, lent: &Lent, now: &Moment) -> Result<LeaseStatus, CapacityRefusal> {
        let status = lent.status(now);
        self.durable().await.map_err(unavailable)?;
        Ok(status)
    }

    /// A lease of a persona, open or ended.
    async fn known_lease(&self, lease: LeaseId, persona: &PersonaName) -> Result<Option<Lent>, CapacityRefusal> {
        let open = self.pool().lease(lease).cloned();
        let known = match open {
            Some(lent) => Some(lent),
            None => self.store.lease(lease).await.map_err(unavailable)?,
        };
        match known {
            Some(lent) if lent.persona != *persona => Err(CapacityRefusal::Conflict { lease }),
            known => Ok(known),
        }
    }
}

/// Whether a notice may be given: not to a firm lease, and not before the time that is promised to every lease.
fn may_call_back(known: &Lent, call: &NoticeCall, now: &Moment) -> Result<(), CapacityRefusal> {
    let lease = call.lease;
    if !(0..=NOTICE_MS_MAX).contains(&call.notice_ms) {
        let detail = format!("a notice is of 0 to {NOTICE_MS_MAX} ms, this one is of {}", call.notice_ms);
        return Err(CapacityRefusal::Invalid { detail });
    }
    if known.called_back.is_some() {
        return Ok(());
    }
    let granted = known.granted.as_ref().filter(|_| known.ended_at.is_none());
    let granted = granted.ok_or(CapacityRefusal::Ended { lease })?;
    if granted.call.class == LeaseClass::Firm {
        return Err(CapacityRefusal::NotReclaimable { lease, detail: "it is firm".into() });
    }
    let least = Notice::new(granted.at.clone(), i64::from(granted.call.min_run_s) * SECOND_MS);
    match least.remaining_ms(now) {
        0 => Ok(()),
        remaining_ms => Err(CapacityRefusal::NotYet { lease, remaining_ms }),
    }
}

/// Whether the tenant's time is over. What has ended may be ended again.
fn may_end(known: &Lent, cause: ReleaseCause, now: &Moment) -> Result<(), CapacityRefusal> {
    let (lease, held) = (known.lease, known.held() > 0);
    let remaining_ms = match (cause, &known.granted, &known.called_back) {
        (ReleaseCause::Expired, Some(granted), _) if held => {
            granted.call.until.since(now.at).max(known.notice_left_ms(now))
        }
        (ReleaseCause::Reclaimed, Some(_), Some(called)) if held => called.notice.remaining_ms(now),
        (ReleaseCause::Reclaimed, Some(_), None) if held => {
            return Err(CapacityRefusal::NotReclaimable { lease, detail: "no notice was given".into() });
        }
        _ => 0,
    };
    if remaining_ms > 0 { Err(CapacityRefusal::NotYet { lease, remaining_ms }) } else { Ok(()) }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that `map_err` calls")]
fn unavailable(error: StoreError) -> CapacityRefusal {
    tracing::warn!(%error, "a call of the market's could not be carried out");
    CapacityRefusal::Unavailable { detail: "its store is away for the moment".into() }
}
