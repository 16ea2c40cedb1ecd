//! A lease as the host that owns its instances keeps it: what was granted, and how each instance stands.

use forewarm_bus::message::market::{
    GrantCall, HandedUnit, Handover, HeldLease, LeaseState, LeaseStatus, LeasedUnit, UnitState,
};
use forewarm_domain::id::{ClaimId, InstanceId, LeaseId, PersonaName};
use forewarm_domain::lending::{Moment, Notice};
use forewarm_domain::time::TimestampMs;
use serde::{Deserialize, Serialize};

/// See the module's description.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lent {
    /// The market's name for it.
    pub lease: LeaseId,
    /// Of which persona.
    pub persona: PersonaName,
    /// What was granted; `None` where the lease was ended before any grant came, so that none may come any more.
    pub granted: Option<Granted>,
    /// Its instances, in the order in which they were handed over.
    pub units: Vec<LentUnit>,
    /// That it is called back.
    pub called_back: Option<CalledBack>,
    /// When the last of its instances came to its end.
    pub ended_at: Option<TimestampMs>,
}

/// What was granted, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Granted {
    /// The terms.
    pub call: GrantCall,
    /// When the instances were handed over.
    pub at: Moment,
}

/// One instance of a lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LentUnit {
    /// Which instance.
    pub instance: InstanceId,
    /// The claim that holds or held it.
    pub claim: ClaimId,
    /// The driver's own name for it.
    pub reference: Option<String>,
    /// How it stands.
    pub state: UnitState,
}

/// That a lease is called back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalledBack {
    /// How long its tenant keeps the instances.
    pub notice: Notice,
    /// Why, in a sentence.
    pub reason: String,
}

impl Lent {
    /// That a lease has ended of which no grant was seen.
    #[must_use]
    pub fn void(lease: LeaseId, persona: PersonaName, at: TimestampMs) -> Self {
        Self { lease, persona, granted: None, units: Vec::new(), called_back: None, ended_at: Some(at) }
    }

    /// Instances that the tenant holds.
    #[must_use]
    pub fn held(&self) -> u32 {
        let held = self.units.iter().filter(|unit| unit.state == UnitState::Held).count();
        u32::try_from(held).unwrap_or(u32::MAX)
    }

    /// As far along as the instance that is furthest behind.
    #[must_use]
    pub fn state(&self) -> LeaseState {
        let states = self.units.iter().map(|unit| match unit.state {
            UnitState::Held => LeaseState::Held,
            UnitState::Sanitizing { .. } => LeaseState::Sanitizing,
            UnitState::Returned { .. } | UnitState::Quarantined { .. } | UnitState::Lost { .. } => LeaseState::Ended,
        });
        states.min().unwrap_or(LeaseState::Ended)
    }

    /// What the market is told of it.
    #[must_use]
    pub fn status(&self, now: &Moment) -> LeaseStatus {
        let unit =
            |unit: &LentUnit| LeasedUnit { instance: unit.instance, claim: unit.claim, state: unit.state.clone() };
        LeaseStatus {
            lease: self.lease,
            state: self.state(),
            units: self.units.iter().map(unit).collect(),
            notice_left_ms: self.called_back.as_ref().map(|called| called.notice.remaining_ms(now)),
        }
    }

    /// What was handed over; `None` where nothing was.
    #[must_use]
    pub fn handover(&self) -> Option<Handover> {
        let unit = |unit: &LentUnit| HandedUnit {
            instance: unit.instance,
            claim: unit.claim,
            reference: unit.reference.clone(),
        };
        let at = self.granted.as_ref()?.at.at;
        Some(Handover { lease: self.lease, at, units: self.units.iter().map(unit).collect() })
    }

    /// What was granted and how it stands; `None` where nothing was.
    #[must_use]
    pub fn held_lease(&self, now: &Moment) -> Option<HeldLease> {
        Some(HeldLease { grant: self.granted.as_ref()?.call.clone(), status: self.status(now) })
    }
}
