//! Instances and claims: what exists, who holds it, and how far along it is.

use crate::id::{ClaimId, InstanceId, LeaseId, PersonaName, PlacementName, PluginName, TenantName};
use crate::persona::ShellClass;
use crate::time::TimestampMs;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How ready an instance is; each tier has a holding cost and an activation latency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// Does not exist.
    Cold,
    /// Stopped or hibernated.
    Parked,
    /// Booted with the base system only; shared by every persona of one shell class.
    Shell,
    /// Specialised, ready and idle.
    Warm,
    /// Claimed.
    Active,
}

/// One instance as the host knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Instance {
    /// Ours, from the intent on; drivers carry it as the instance's name.
    pub id: InstanceId,
    /// What it is an instance of; for a shell, a persona of its class, until it becomes another's.
    pub persona: PersonaName,
    /// What it was built as, where it was built as a shell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shell: Option<Box<ShellClass>>,
    /// The placement of the persona that it was created in; absent for the persona as it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placement: Option<PlacementName>,
    /// The idle instance in a dearer placement whose place it takes as soon as it is ready: until then it is held beside those
    /// that are wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<InstanceId>,
    /// Who runs it.
    pub driver: PluginName,
    /// The driver's own name for it, once it has told.
    pub driver_ref: Option<String>,
    /// When it was decided to have it.
    pub created_at: TimestampMs,
    /// How many driver operations were intended for it so far: the next one's sequence number.
    pub operations: u32,
    /// How far along it is.
    pub state: InstanceState,
}

/// How far along an instance is, with just the data of that state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum InstanceState {
    /// The driver was, or is about to be, asked to create it.
    Booting {
        /// When the driver expects it to be ready, once it has told.
        ready_at: Option<TimestampMs>,
    },
    /// Being created like one that boots, to be parked as soon as it is there.
    Preparing {
        /// When the driver expects it to be there, once it has told.
        ready_at: Option<TimestampMs>,
    },
    /// Being stopped or hibernated.
    Parking {
        /// When the driver expects that to be done, once it has told.
        ready_at: Option<TimestampMs>,
    },
    /// Stopped or hibernated: it can be started again.
    Parked {
        /// Since when.
        since: TimestampMs,
    },
    /// A parked one on its way to being ready.
    Starting {
        /// When that was decided.
        began: TimestampMs,
        /// When the driver expects it to be ready, once it has told.
        ready_at: Option<TimestampMs>,
    },
    /// A shell that is being created.
    Building {
        /// When the driver expects it to be there, once it has told.
        ready_at: Option<TimestampMs>,
    },
    /// Booted with the base system only, for any persona of its shell class.
    Shell {
        /// Since when.
        since: TimestampMs,
    },
    /// A shell on its way to being an instance of its persona.
    Specialising {
        /// When that was decided.
        began: TimestampMs,
        /// When the driver expects it to be ready, once it has told.
        ready_at: Option<TimestampMs>,
    },
    /// Ready and idle.
    Warm {
        /// Since when.
        since: TimestampMs,
    },
    /// Held by a claim.
    Active {
        /// The claim that holds it.
        claim: ClaimId,
        /// Since when.
        since: TimestampMs,
    },
    /// Being wiped between two holders.
    Resetting {
        /// When the driver expects it to be ready again, once it has told.
        ready_at: Option<TimestampMs>,
    },
    /// Could not be wiped after a lease: nobody gets it until an operator decides what becomes of it.
    Quarantined {
        /// Since when.
        since: TimestampMs,
    },
    /// The driver was, or is about to be, asked to destroy it.
    Destroying {
        /// Since when.
        since: TimestampMs,
    },
}

impl InstanceState {
    /// The state's name, as in the API and in metrics.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Booting { .. } => "booting",
            Self::Preparing { .. } => "preparing",
            Self::Parking { .. } => "parking",
            Self::Parked { .. } => "parked",
            Self::Starting { .. } => "starting",
            Self::Building { .. } => "building",
            Self::Shell { .. } => "shell",
            Self::Specialising { .. } => "specialising",
            Self::Warm { .. } => "warm",
            Self::Active { .. } => "active",
            Self::Resetting { .. } => "resetting",
            Self::Quarantined { .. } => "quarantined",
            Self::Destroying { .. } => "destroying",
        }
    }

    /// The same on its way, with the driver's expectation; `None` for one that is on no way.
    #[must_use]
    pub fn expected(self, at: TimestampMs) -> Option<Self> {
        let ready_at = Some(at);
        match self {
            Self::Booting { .. } => Some(Self::Booting { ready_at }),
            Self::Preparing { .. } => Some(Self::Preparing { ready_at }),
            Self::Parking { .. } => Some(Self::Parking { ready_at }),
            Self::Starting { began, .. } => Some(Self::Starting { began, ready_at }),
            Self::Building { .. } => Some(Self::Building { ready_at }),
            Self::Specialising { began, .. } => Some(Self::Specialising { began, ready_at }),
            Self::Resetting { .. } => Some(Self::Resetting { ready_at }),
            Self::Parked { .. }
            | Self::Shell { .. }
            | Self::Warm { .. }
            | Self::Active { .. }
            | Self::Quarantined { .. }
            | Self::Destroying { .. } => None,
        }
    }

    /// The tier that it is on its way to, if it is on one.
    #[must_use]
    pub fn bound_for(&self) -> Option<Tier> {
        match self {
            Self::Booting { .. }
            | Self::Preparing { .. }
            | Self::Starting { .. }
            | Self::Specialising { .. }
            | Self::Resetting { .. } => Some(Tier::Warm),
            Self::Parking { .. } => Some(Tier::Parked),
            Self::Building { .. } => Some(Tier::Shell),
            _ => None,
        }
    }
}

/// One claim on an instance of a persona.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Claim {
    /// Names it.
    pub id: ClaimId,
    /// Of what an instance is wanted.
    pub persona: PersonaName,
    /// Who wants it.
    pub tenant: TenantName,
    /// When it was asked for.
    pub requested_at: TimestampMs,
    /// When it ends by itself, if it does.
    pub expires_at: Option<TimestampMs>,
    /// The caller's own key: a repeated request with the same one gets this claim again.
    pub idempotency_key: Option<String>,
    /// The lease that it serves: it ends with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<LeaseId>,
    /// How far along it is.
    #[serde(flatten)]
    pub state: ClaimState,
}

/// How far along a claim is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ClaimState {
    /// No instance was warm: one is being made ready.
    Waiting {
        /// When it is likely to be served.
        expected_at: TimestampMs,
    },
    /// Holds an instance.
    Served {
        /// The instance it holds.
        instance: InstanceId,
        /// Since when.
        served_at: TimestampMs,
        /// Whether it was served at once from a warm instance.
        warm: bool,
    },
    /// Given back, expired, or never served.
    Ended {
        /// When.
        ended_at: TimestampMs,
        /// Why.
        cause: EndCause,
        /// When it had been served, if it was.
        served_at: Option<TimestampMs>,
        /// Whether it had been served at once from a warm instance.
        warm: bool,
    },
}

/// Why a claim ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndCause {
    /// Its holder gave it back.
    Released,
    /// Its lifetime was over.
    Expired,
    /// The owner of the leased instance needed it again, and the notice was over.
    Reclaimed,
    /// It waited longer than the persona allows.
    TimedOut,
    /// Its instance disappeared from the driver.
    InstanceLost,
}

impl Claim {
    /// Milliseconds from the request to being served; `None` while it has not been.
    #[must_use]
    pub fn wait_ms(&self) -> Option<i64> {
        match self.state {
            ClaimState::Waiting { .. } => None,
            ClaimState::Served { served_at, .. } => Some(served_at.since(self.requested_at)),
            ClaimState::Ended { served_at, .. } => served_at.map(|at| at.since(self.requested_at)),
        }
    }
}
