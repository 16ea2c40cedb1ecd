//! A host with as many instances as anyone wants. It remembers in a file what it handed over, as a real one would, and
//! counts what it was asked for.

use async_trait::async_trait;
use forewarm_bus::{
    Bus, Service,
    message::market::{
        CapacityRefusal, GrantCall, HandedUnit, Handover, HeldLease, HoldingsCall, LeaseState, LeaseStatus, LeasedUnit,
        NoticeCall, ReleaseCall, ServeCapacity, StatusCall, UnitState, serve_capacity,
    },
};
use forewarm_domain::{
    id::{ClaimId, InstanceId, LeaseId, PersonaName},
    time::TimestampMs,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    sync::{Arc, Mutex},
};
use uuid::Uuid;

/// What the host knows of a lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Held {
    pub(crate) grant: GrantCall,
    pub(crate) units: Vec<HandedUnit>,
    pub(crate) notices: u32,
    pub(crate) released: bool,
    /// Looks at the wiping that are still answered with "not yet".
    pub(crate) wiping: u32,
}

#[derive(Debug)]
pub(crate) struct Host {
    file: Option<PathBuf>,
    pub(crate) leases: Mutex<BTreeMap<LeaseId, Held>>,
    /// Refuses to hand over.
    pub(crate) empty: Mutex<bool>,
    /// The first instance of a lease can't be wiped.
    pub(crate) dirty: Mutex<bool>,
}

impl Host {
    pub(crate) fn new(file: Option<PathBuf>) -> Arc<Self> {
        let read = file.as_ref().and_then(|file| fs::read_to_string(file).ok());
        let leases: Vec<Held> = read.map_or_else(Vec::new, |text| serde_json::from_str(&text).expect("its own file"));
        let leases = leases.into_iter().map(|held| (held.grant.lease, held)).collect();
        Arc::new(Self { file, leases: Mutex::new(leases), empty: Mutex::new(false), dirty: Mutex::new(false) })
    }

    pub(crate) async fn serve(self: &Arc<Self>, bus: &dyn Bus, persona: &PersonaName) -> Service {
        serve_capacity(bus, persona, Arc::clone(self) as Arc<dyn ServeCapacity>, 4).await.expect("served")
    }

    fn save(&self, leases: &BTreeMap<LeaseId, Held>) {
        if let Some(file) = &self.file {
            let beside = file.with_extension("new");
            let all: Vec<_> = leases.values().collect();
            fs::write(&beside, serde_json::to_string(&all).expect("text")).expect("written");
            fs::rename(beside, file).expect("renamed");
        }
    }

    fn status(&self, held: &Held) -> LeaseStatus {
        let dirty = *self.dirty.lock().expect("lock");
        let state = |place: usize| match (held.released, held.wiping) {
            (false, _) => UnitState::Held,
            (true, 0) if dirty && place == 0 => {
                UnitState::Quarantined { at: TimestampMs(0), reason: "its disk is full".into() }
            }
            (true, 0) => UnitState::Returned { at: TimestampMs(0) },
            (true, _) => UnitState::Sanitizing { since: TimestampMs(0) },
        };
        let unit = |(place, unit): (usize, &HandedUnit)| LeasedUnit {
            instance: unit.instance,
            claim: unit.claim,
            state: state(place),
        };
        let units = held.units.iter().enumerate().map(unit).collect();
        let state = match (held.released, held.wiping) {
            (false, _) => LeaseState::Held,
            (true, 0) => LeaseState::Ended,
            (true, _) => LeaseState::Sanitizing,
        };
        LeaseStatus { lease: held.grant.lease, state, units, notice_left_ms: None }
    }
}

#[async_trait]
impl ServeCapacity for Host {
    async fn grant(&self, call: GrantCall) -> Result<Handover, CapacityRefusal> {
        let mut leases = self.leases.lock().expect("lock");
        if *self.empty.lock().expect("lock") {
            return Err(CapacityRefusal::NotEnough { wanted: call.units, available: 0 });
        }
        if leases.get(&call.lease).is_some_and(|held| held.released) {
            return Err(CapacityRefusal::Ended { lease: call.lease });
        }
        let fresh = || Held { grant: call.clone(), units: units(&call), notices: 0, released: false, wiping: 1 };
        let held = leases.entry(call.lease).or_insert_with(fresh);
        assert_eq!(held.grant, call, "the same lease is asked for with the same terms");
        let units = held.units.clone();
        self.save(&leases);
        Ok(Handover { lease: call.lease, at: TimestampMs(0), units })
    }

    async fn notice(&self, call: NoticeCall) -> Result<LeaseStatus, CapacityRefusal> {
        let mut leases = self.leases.lock().expect("lock");
        let held = leases.get_mut(&call.lease).ok_or(CapacityRefusal::UnknownLease { lease: call.lease })?;
        held.notices += 1;
        let status = self.status(held);
        self.save(&leases);
        Ok(status)
    }

    async fn release(&self, call: ReleaseCall) -> Result<LeaseStatus, CapacityRefusal> {
        let mut leases = self.leases.lock().expect("lock");
        let Some(held) = leases.get_mut(&call.lease) else {
            let (lease, state, units) = (call.lease, LeaseState::Ended, Vec::new());
            return Ok(LeaseStatus { lease, state, units, notice_left_ms: None });
        };
        held.released = true;
        let status = self.status(held);
        self.save(&leases);
        Ok(status)
    }

    async fn status(&self, call: StatusCall) -> Result<LeaseStatus, CapacityRefusal> {
        let mut leases = self.leases.lock().expect("lock");
        let held = leases.get_mut(&call.lease).ok_or(CapacityRefusal::UnknownLease { lease: call.lease })?;
        if held.released {
            held.wiping = held.wiping.saturating_sub(1);
        }
        let status = self.status(held);
        self.save(&leases);
        Ok(status)
    }

    async fn holdings(&self, _: HoldingsCall) -> Result<Vec<HeldLease>, CapacityRefusal> {
        Ok(Vec::new())
    }
}

fn units(call: &GrantCall) -> Vec<HandedUnit> {
    let id = |place: u32, name: &str| Uuid::new_v5(&call.lease.0, format!("{name}{place}").as_bytes());
    let unit = |place| HandedUnit {
        instance: InstanceId(id(place, "instance")),
        claim: ClaimId(id(place, "claim")),
        reference: None,
    };
    (0..call.units).map(unit).collect()
}
