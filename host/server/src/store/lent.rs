//! A lease as the host that owns its instances keeps it: what was granted, and how each instance stands.

use forewarm_bus::message::market::{
    GrantCall, HandedUnit, Handover, HeldLease, LeaseState, LeaseStatus, LeasedUnit, UnitState,
};
use forewarm_domain::id::{ClaimId, InstanceId, LeaseId, PersonaName};
use forewarm_domain::lending::{Moment, Notice};
use forewarm_domain::time::TimestampMs;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// News of one lease that wait at a time, as while the bus is down: each tells how the whole lease stands, so that the
/// newest are worth more than the oldest.
const UNTOLD_MOST: usize = 32;

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
    /// What has not been told of it yet, or perhaps not, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub untold: Vec<LeaseNews>,
}

/// A change of a lease, to be told under an identifier of its own: saved with the change, gone when it is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseNews {
    /// The event's identifier.
    pub id: Uuid,
    /// When the lease changed.
    pub at: TimestampMs,
    /// Why.
    pub reason: String,
    /// Its instances since then.
    pub units: Vec<LentUnit>,
    /// Whether it was called back then.
    pub called_back: bool,
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
        Self {
            lease,
            persona,
            granted: None,
            units: Vec::new(),
            called_back: None,
            ended_at: Some(at),
            untold: Vec::new(),
        }
    }

    /// Notes that its present state is news, and gives the news' identifier.
    pub fn add_news(&mut self, at: TimestampMs, reason: String) -> Uuid {
        let id = Uuid::now_v7();
        let (units, called_back) = (self.units.clone(), self.called_back.is_some());
        self.untold.push(LeaseNews { id, at, reason, units, called_back });
        let excess = self.untold.len().saturating_sub(UNTOLD_MOST);
        self.untold.drain(..excess);
        id
    }

    /// Whether those news wait to be told.
    #[must_use]
    pub fn has_untold(&self, id: Uuid) -> bool {
        self.untold.iter().any(|news| news.id == id)
    }

    /// Instances that the tenant holds.
    #[must_use]
    pub fn held(&self) -> u32 {
        let held = self.units.iter().filter(|unit| unit.state == UnitState::Held).count();
        u32::try_from(held).unwrap_or(u32::MAX)
    }

    /// What is left of its notice, in milliseconds, as far as its window lasts: zero where there is none, or it is over.
    #[must_use]
    pub fn notice_left_ms(&self, now: &Moment) -> i64 {
        let (Some(called), Some(granted)) = (&self.called_back, &self.granted) else { return 0 };
        called.notice.at_most_until(granted.call.until).remaining_ms(now)
    }

    /// As far along as the instance that is furthest behind.
    #[must_use]
    pub fn state(&self) -> LeaseState {
        state_of(&self.units)
    }

    /// What the market is told of it.
    #[must_use]
    pub fn status(&self, now: &Moment) -> LeaseStatus {
        self.status_with(&self.units, self.called_back.as_ref(), now)
    }

    /// How it stood when `news` was made, with what is left of its notice now.
    #[must_use]
    pub fn status_at(&self, news: &LeaseNews, now: &Moment) -> LeaseStatus {
        self.status_with(&news.units, self.called_back.as_ref().filter(|_| news.called_back), now)
    }

    fn status_with(&self, units: &[LentUnit], called: Option<&CalledBack>, now: &Moment) -> LeaseStatus {
        let unit =
            |unit: &LentUnit| LeasedUnit { instance: unit.instance, claim: unit.claim, state: unit.state.clone() };
        LeaseStatus {
            lease: self.lease,
            state: state_of(units),
            units: units.iter().map(unit).collect(),
            notice_left_ms: called.map(|called| called.notice.remaining_ms(now)),
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

fn state_of(units: &[LentUnit]) -> LeaseState {
    let states = units.iter().map(|unit| match unit.state {
        UnitState::Held => LeaseState::Held,
        UnitState::Sanitizing { .. } => LeaseState::Sanitizing,
        UnitState::Returned { .. } | UnitState::Quarantined { .. } | UnitState::Lost { .. } => LeaseState::Ended,
    });
    states.min().unwrap_or(LeaseState::Ended)
}
