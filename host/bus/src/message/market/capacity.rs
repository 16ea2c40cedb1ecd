//! Calls to the host that holds a persona: hand instances over to a lease, give notice, take them back, tell how they
//! stand.

use super::MarketCall;
use crate::subject::Subject;
use async_trait::async_trait;
use forewarm_domain::id::{ClaimId, InstanceId, LeaseId, PersonaName, TenantName};
use forewarm_domain::lending::LeaseClass;
use forewarm_domain::time::TimestampMs;
use serde::{Deserialize, Serialize};

/// Hands warm instances over to a lease: all of them, or none. The lease's tenant holds each through a claim of its own,
/// which ends at `until` by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantCall {
    /// Names the lease: a repetition gets the same instances.
    pub lease: LeaseId,
    /// Of which persona.
    pub persona: PersonaName,
    /// Who leases: only its tokens reach the claims.
    pub tenant: TenantName,
    /// On which terms.
    pub class: LeaseClass,
    /// How many instances; above zero.
    pub units: u32,
    /// When the lease is over.
    pub until: TimestampMs,
    /// How long it can't be called back, in seconds from now.
    pub min_run_s: u32,
}

/// What was handed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handover {
    /// To which lease.
    pub lease: LeaseId,
    /// When.
    pub at: TimestampMs,
    /// The instances, each with the claim by which its tenant reaches it.
    pub units: Vec<HandedUnit>,
}

/// One instance that was handed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandedUnit {
    /// Which instance.
    pub instance: InstanceId,
    /// The claim that holds it, for `GET` and `DELETE` of `/v1/claims/{claim}`.
    pub claim: ClaimId,
    /// The driver's own name for it, which tells where it is reached.
    pub reference: Option<String>,
}

/// Tells that the lease is called back: its instances can be taken from the tenant after `notice_ms`, no sooner. A
/// repetition changes nothing, whatever length it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeCall {
    /// Which lease.
    pub lease: LeaseId,
    /// Of which persona.
    pub persona: PersonaName,
    /// How long the tenant keeps its instances, in milliseconds from now.
    pub notice_ms: i64,
    /// Why, in a sentence.
    pub reason: String,
}

/// Takes instances back: each is wiped before anyone else gets it. Of a lease that the host does not know it is noted
/// that it has ended, so that a grant which arrives late is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseCall {
    /// Which lease.
    pub lease: LeaseId,
    /// Of which persona.
    pub persona: PersonaName,
    /// Why.
    pub cause: ReleaseCause,
}

/// Why a lease ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReleaseCause {
    /// Its time is over. Refused before `until`.
    Expired,
    /// Its notice is over. Refused without one, and before it is.
    Reclaimed,
    /// Its tenant gives it back.
    Returned,
    /// It never came to be.
    Void,
}

/// Asks how a lease stands. Changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusCall {
    /// Which lease.
    pub lease: LeaseId,
    /// Of which persona.
    pub persona: PersonaName,
}

/// Asks for every lease that holds instances of a persona, or whose instances are being wiped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldingsCall {
    /// Which persona.
    pub persona: PersonaName,
}

/// How a lease stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseStatus {
    /// Which lease.
    pub lease: LeaseId,
    /// How far along it is as a whole.
    pub state: LeaseState,
    /// Its instances, in the order in which they were handed over.
    pub units: Vec<LeasedUnit>,
    /// Milliseconds until its instances can be taken, where it is called back; zero when they can.
    pub notice_left_ms: Option<i64>,
}

/// How far along a lease is, for the host: as far as the instance that is furthest behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeaseState {
    /// Its tenant holds an instance.
    Held,
    /// None is held any more, one is being wiped.
    Sanitizing,
    /// Every instance has come to its end.
    Ended,
}

/// One instance of a lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeasedUnit {
    /// Which instance.
    pub instance: InstanceId,
    /// The claim that holds or held it.
    pub claim: ClaimId,
    /// How it stands.
    pub state: UnitState,
}

/// How one instance of a lease stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnitState {
    /// The tenant holds it.
    Held,
    /// It is being wiped.
    Sanitizing {
        /// When its tenant lost it.
        since: TimestampMs,
    },
    /// It was wiped and is its owner's again.
    Returned {
        /// When.
        at: TimestampMs,
    },
    /// It could not be wiped: nobody gets it until an operator releases or destroys it.
    Quarantined {
        /// When that was found.
        at: TimestampMs,
        /// What was in the way.
        reason: String,
    },
    /// It is gone: its driver lost it, or it was destroyed in place of being wiped.
    Lost {
        /// When that was found.
        at: TimestampMs,
    },
}

/// One lease that holds instances.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldLease {
    /// What was granted.
    pub grant: GrantCall,
    /// How it stands.
    pub status: LeaseStatus,
}

/// Why a host refuses. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CapacityRefusal {
    /// The persona does not exist, or does not lend in that class or at that time.
    #[error("persona {persona} lends none: {detail}")]
    NotLent {
        /// Which persona.
        persona: PersonaName,
        /// What its policy says.
        detail: String,
    },
    /// Fewer instances are warm, or may be lent, than were asked for.
    #[error("{wanted} instances were asked for and {available} can be handed over: grant fewer, or later")]
    NotEnough {
        /// What was asked for.
        wanted: u32,
        /// What there is.
        available: u32,
    },
    /// The lease was granted before with other terms.
    #[error("lease {lease} was granted before with other terms")]
    Conflict {
        /// Which lease.
        lease: LeaseId,
    },
    /// The lease has ended, or its time is over.
    #[error("lease {lease} has ended")]
    Ended {
        /// Which lease.
        lease: LeaseId,
    },
    /// The host has never heard of the lease.
    #[error("lease {lease} was never granted here")]
    UnknownLease {
        /// Which lease.
        lease: LeaseId,
    },
    /// The tenant's time is not over yet: `Expired` before `until`, `Reclaimed` before the notice is over, or a notice
    /// before `min_run_s` is.
    #[error("lease {lease} can't be ended yet: {remaining_ms} ms are left")]
    NotYet {
        /// Which lease.
        lease: LeaseId,
        /// How long it has, in milliseconds.
        remaining_ms: i64,
    },
    /// A firm lease can't be called back, and none is taken back as reclaimed without a notice.
    #[error("lease {lease} can't be called back: {detail}")]
    NotReclaimable {
        /// Which lease.
        lease: LeaseId,
        /// Why.
        detail: String,
    },
    /// The host can't at present, such as when its store is away: the same call may work later.
    #[error("the host can't at present: {detail}")]
    Unavailable {
        /// What is in the way.
        detail: String,
    },
    /// The call makes no sense.
    #[error("not a valid call: {detail}")]
    Invalid {
        /// What is wrong, and what would be right.
        detail: String,
    },
}

impl CapacityRefusal {
    /// The reason's name, as it travels.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotLent { .. } => "not_lent",
            Self::NotEnough { .. } => "not_enough",
            Self::Conflict { .. } => "conflict",
            Self::Ended { .. } => "ended",
            Self::UnknownLease { .. } => "unknown_lease",
            Self::NotYet { .. } => "not_yet",
            Self::NotReclaimable { .. } => "not_reclaimable",
            Self::Unavailable { .. } => "unavailable",
            Self::Invalid { .. } => "invalid",
        }
    }
}

/// Any call about capacity, as it arrives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CapacityCalls {
    /// See [`GrantCall`].
    Grant(GrantCall),
    /// See [`NoticeCall`].
    Notice(NoticeCall),
    /// See [`ReleaseCall`].
    Release(ReleaseCall),
    /// See [`StatusCall`].
    Status(StatusCall),
    /// See [`HoldingsCall`].
    Holdings(HoldingsCall),
}

/// Answers calls about the capacity of one persona.
#[async_trait]
pub trait ServeCapacity: Send + Sync + 'static {
    /// Hands instances over.
    async fn grant(&self, call: GrantCall) -> Result<Handover, CapacityRefusal>;
    /// Notes that a lease is called back.
    async fn notice(&self, call: NoticeCall) -> Result<LeaseStatus, CapacityRefusal>;
    /// Takes instances back.
    async fn release(&self, call: ReleaseCall) -> Result<LeaseStatus, CapacityRefusal>;
    /// Tells how a lease stands.
    async fn status(&self, call: StatusCall) -> Result<LeaseStatus, CapacityRefusal>;
    /// Tells which leases hold instances.
    async fn holdings(&self, call: HoldingsCall) -> Result<Vec<HeldLease>, CapacityRefusal>;
}

/// Where calls about a persona's capacity go. A persona's name is a DNS label, so it is one token.
pub(super) fn capacity_subject(persona: &PersonaName) -> Subject {
    Subject::of("forewarm.v1.capacity.", persona.as_str())
}

macro_rules! capacity_call {
    ($call:ty, $answer:ty, $operation:literal) => {
        impl MarketCall for $call {
            type Answer = $answer;
            type Refusal = CapacityRefusal;
            const OPERATION: &'static str = $operation;
            fn subject(&self) -> Subject {
                capacity_subject(&self.persona)
            }
        }
    };
}

capacity_call!(GrantCall, Handover, "grant");
capacity_call!(NoticeCall, LeaseStatus, "notice");
capacity_call!(ReleaseCall, LeaseStatus, "release");
capacity_call!(StatusCall, LeaseStatus, "status");
capacity_call!(HoldingsCall, Vec<HeldLease>, "holdings");
