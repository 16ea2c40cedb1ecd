//! The answering side of calls between hosts and the market.

use super::capacity::{CapacityCalls, CapacityRefusal, ServeCapacity, capacity_subject};
use super::selling::{MarketCalls, MarketRefusal, ServeMarket, market_subject};
use crate::bus::{Bus, Handler};
use crate::error::BusError;
use crate::message::call::{decode, encode};
use crate::service::Service;
use async_trait::async_trait;
use bytes::Bytes;
use forewarm_domain::id::PersonaName;
use serde::Serialize;
use std::sync::Arc;

/// Answers the calls to the market, `concurrency` at a time.
///
/// # Errors
/// [`BusError::Disconnected`].
pub async fn serve_market(
    bus: &dyn Bus,
    market: Arc<dyn ServeMarket>,
    concurrency: usize,
) -> Result<Service, BusError> {
    bus.serve(&market_subject(), Arc::new(Market(market)), concurrency).await
}

/// Answers the calls about one persona's capacity, `concurrency` at a time.
///
/// # Errors
/// [`BusError::Disconnected`].
pub async fn serve_capacity(
    bus: &dyn Bus,
    persona: &PersonaName,
    capacity: Arc<dyn ServeCapacity>,
    concurrency: usize,
) -> Result<Service, BusError> {
    bus.serve(&capacity_subject(persona), Arc::new(Capacity(capacity)), concurrency).await
}

struct Market(Arc<dyn ServeMarket>);

#[async_trait]
impl Handler for Market {
    async fn handle(&self, payload: Bytes) -> Bytes {
        let market = self.0.as_ref();
        match decode(&payload) {
            Ok(MarketCalls::Windows(call)) => written(&market.windows(call).await),
            Ok(MarketCalls::Announce(call)) => written(&market.announce(call).await),
            Ok(MarketCalls::Sold(call)) => written(&market.sold(call).await),
            Ok(MarketCalls::Preview(call)) => written(&market.preview(call).await),
            Ok(MarketCalls::Reclaim(call)) => written(&market.reclaim(call).await),
            Err(error) => written::<(), _>(&Err(MarketRefusal::Invalid { detail: unreadable(&error) })),
        }
    }
}

struct Capacity(Arc<dyn ServeCapacity>);

#[async_trait]
impl Handler for Capacity {
    async fn handle(&self, payload: Bytes) -> Bytes {
        let capacity = self.0.as_ref();
        match decode(&payload) {
            Ok(CapacityCalls::Grant(call)) => written(&capacity.grant(call).await),
            Ok(CapacityCalls::Notice(call)) => written(&capacity.notice(call).await),
            Ok(CapacityCalls::Release(call)) => written(&capacity.release(call).await),
            Ok(CapacityCalls::Status(call)) => written(&capacity.status(call).await),
            Ok(CapacityCalls::Holdings(call)) => written(&capacity.holdings(call).await),
            Err(error) => written::<(), _>(&Err(CapacityRefusal::Invalid { detail: unreadable(&error) })),
        }
    }
}

fn unreadable(error: &str) -> String {
    format!("the call can't be read ({error}): do all parts run the same version?")
}

/// Names, numbers and texts always encode; an empty answer would be reported as unreadable.
fn written<T: Serialize, R: Serialize>(answer: &Result<T, R>) -> Bytes {
    encode(answer).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::*;
    use super::*;
    use crate::local::LocalBus;
    use forewarm_domain::id::{ClaimId, InstanceId, LeaseId};
    use forewarm_domain::lending::LeaseClass;
    use forewarm_domain::time::TimestampMs;
    use std::time::Duration;
    use uuid::Uuid;

    const LEASE: LeaseId = LeaseId(Uuid::from_u128(7));

    /// Hands over one instance and refuses all else.
    struct OneUnit;

    #[async_trait]
    impl ServeCapacity for OneUnit {
        async fn grant(&self, call: GrantCall) -> Result<Handover, CapacityRefusal> {
            let (instance, claim) = (InstanceId(Uuid::from_u128(1)), ClaimId(Uuid::from_u128(2)));
            let unit = HandedUnit { instance, claim, reference: Some("vm-1".into()) };
            Ok(Handover { lease: call.lease, at: TimestampMs(5), units: vec![unit] })
        }
        async fn notice(&self, call: NoticeCall) -> Result<LeaseStatus, CapacityRefusal> {
            Err(CapacityRefusal::UnknownLease { lease: call.lease })
        }
        async fn release(&self, call: ReleaseCall) -> Result<LeaseStatus, CapacityRefusal> {
            Err(CapacityRefusal::NotYet { lease: call.lease, remaining_ms: 9 })
        }
        async fn status(&self, call: StatusCall) -> Result<LeaseStatus, CapacityRefusal> {
            let quarantined = UnitState::Quarantined { at: TimestampMs(6), reason: "the wipe failed".into() };
            let (instance, claim) = (InstanceId(Uuid::from_u128(1)), ClaimId(Uuid::from_u128(2)));
            let units = vec![LeasedUnit { instance, claim, state: quarantined }];
            Ok(LeaseStatus { lease: call.lease, state: LeaseState::Ended, units, notice_left_ms: None })
        }
        async fn holdings(&self, _: HoldingsCall) -> Result<Vec<HeldLease>, CapacityRefusal> {
            Ok(vec![])
        }
    }

    fn persona() -> PersonaName {
        "web".parse().expect("valid")
    }

    #[tokio::test]
    async fn calls_and_refusals_arrive_as_they_were_sent() {
        let bus = LocalBus::default();
        let wait = Duration::from_secs(5);
        let status = StatusCall { lease: LEASE, persona: persona() };
        let nobody = ask_market(&bus, &status, wait).await.expect_err("nobody serves");
        assert!(matches!(nobody, MarketCallError::Bus(BusError::NoResponders { .. })), "{nobody:?}");

        let service = serve_capacity(&bus, &persona(), Arc::new(OneUnit), 1).await.expect("served");
        let grant = GrantCall {
            lease: LEASE,
            persona: persona(),
            tenant: "shop".parse().expect("valid"),
            class: LeaseClass::Firm,
            units: 1,
            until: TimestampMs(60_000),
            min_run_s: 0,
        };
        let handover = ask_market(&bus, &grant, wait).await.expect("handed over");
        assert_eq!(handover.units.first().and_then(|unit| unit.reference.as_deref()), Some("vm-1"));
        let found = ask_market(&bus, &status, wait).await.expect("known");
        assert_eq!(found, OneUnit.status(status).await.expect("known"));
        let release = ReleaseCall { lease: LEASE, persona: persona(), cause: ReleaseCause::Expired };
        let refused = ask_market(&bus, &release, wait).await.expect_err("not yet");
        assert_eq!(refused, MarketCallError::Refused(CapacityRefusal::NotYet { lease: LEASE, remaining_ms: 9 }));
        let garbage = bus.request(&capacity_subject(&persona()), Bytes::from_static(b"\xc1"), wait).await;
        let garbage = decode::<Result<(), CapacityRefusal>>(&garbage.expect("answered")).expect("readable");
        assert!(matches!(garbage, Err(CapacityRefusal::Invalid { .. })), "{garbage:?}");
        drop(service);
    }
}
