//! Leases: `Granted -> HandingOver -> Active -> (Reclaiming | Expiring) -> Revoking -> Sanitizing -> Returned |
//! Quarantined`.

use super::{
    account::{AccountId, Currency, ExchangeRate},
    round::RoundId,
    window::DeliveryWindow,
};
use forewarm_auction::{LeaseClass, MicroCredits, OrderId, Price, Quantity, Terms};
use forewarm_domain::{
    id::{ClaimId, InstanceId, PersonaName, TenantName},
    time::TimestampMs,
};
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;
use uuid::Uuid;

/// One lease; derived from its round, bid and offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = Uuid)]
pub struct LeaseId(pub Uuid);

impl fmt::Display for LeaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Instances of one offer, let to one bid for one window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Lease {
    /// Names it.
    pub id: LeaseId,
    /// The round that made it.
    pub round: RoundId,
    /// The buyer's order.
    pub bid: OrderId,
    /// The seller's order.
    pub offer: OrderId,
    /// What is leased.
    pub persona: PersonaName,
    /// When.
    pub window: DeliveryWindow,
    /// What it promises.
    pub class: LeaseClass,
    /// Instances.
    pub units: Quantity,
    /// What one costs for a second, in micro-credits.
    pub price: Price,
    /// What was paid, in credits.
    pub cost: MicroCredits,
    /// What calling it back costs, as agreed when it was made.
    pub terms: Terms,
    /// Seconds of notice, as agreed when it was made.
    pub notice_s: u32,
    /// Seconds that it runs at least before it can be called back, as agreed when it was made.
    pub min_run_s: u32,
    /// The cost centre that leases.
    pub buyer: TenantName,
    /// The cost centre that lets.
    pub seller: TenantName,
    /// Where refunds go.
    pub buyer_account: AccountId,
    /// What that account is counted in.
    pub currency: Currency,
    /// What a credit costs in it, as agreed when the bid was placed.
    pub rate: ExchangeRate,
    /// The budgets of the buyer that it counts against.
    pub budgets: Vec<Uuid>,
    /// Set aside on the seller's account for a refund and compensation. Zero once the lease is over.
    pub security: MicroCredits,
    /// The instances, once they were handed over.
    pub instances: Vec<HandedOver>,
    /// When it was made.
    pub granted_at: TimestampMs,
    /// When it became active.
    pub active_at: Option<TimestampMs>,
    /// When the host is asked next, in the states that wait for it.
    pub next_attempt_at: TimestampMs,
    /// Times that the host was asked in this state without success.
    pub attempts: u32,
    /// Times that units were split off it.
    pub splits: u32,
    /// How far it has come.
    pub state: LeaseState,
}

/// An instance and what opens it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HandedOver {
    /// The instance.
    pub instance: InstanceId,
    /// The claim that holds it for the tenant.
    pub claim: ClaimId,
    /// Where the tenant finds it: host, port, credentials, as its host tells it.
    #[schema(value_type = Object)]
    pub access: serde_json::Value,
}

/// A point on a clock that nobody sets: a machine's since it was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SteadyMark {
    /// Which start of which machine.
    pub epoch: String,
    /// Milliseconds since then.
    pub ms: i64,
}

/// Why an owner wants capacity back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReclaimReason {
    /// Its owner asked.
    Owner,
    /// The forecast rose, and waiting or booting costs more.
    Forecast,
}

/// Why a lease is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LeaseEnd {
    /// Its window is over.
    Expired,
    /// Its tenant gave it back.
    Released,
    /// Its owner called it back.
    Reclaimed,
    /// The instances never came.
    NotDelivered,
}

/// How far a lease has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "state", rename_all = "snake_case", deny_unknown_fields)]
pub enum LeaseState {
    /// Paid; its window has not begun.
    Granted,
    /// The host is asked for the instances.
    HandingOver {
        /// When it gives up.
        deadline: TimestampMs,
    },
    /// The tenant has the instances.
    Active,
    /// The owner wants them back; the tenant has them until the notice is over.
    Reclaiming {
        /// When notice was given.
        since: TimestampMs,
        /// When they are taken, by the clock of that moment.
        deadline: TimestampMs,
        /// The same moment on the clock that nobody sets.
        mark: SteadyMark,
        /// Why.
        reason: ReclaimReason,
    },
    /// The window ends soon; the tenant has them until then, and until the notice is over.
    Expiring {
        /// When notice was given.
        since: TimestampMs,
        /// When they are taken, by the clock of that moment.
        deadline: TimestampMs,
        /// The same moment on the clock that nobody sets.
        mark: SteadyMark,
    },
    /// The host is asked to take them.
    Revoking {
        /// When the lease was over.
        ended_at: TimestampMs,
        /// Why.
        end: LeaseEnd,
    },
    /// The tenant has lost them; they are wiped.
    Sanitizing {
        /// When the lease was over.
        ended_at: TimestampMs,
        /// Why.
        end: LeaseEnd,
    },
    /// Wiped and back with their owner.
    Returned {
        /// When the lease was over.
        ended_at: TimestampMs,
        /// Why.
        end: LeaseEnd,
        /// When they were back.
        at: TimestampMs,
    },
    /// At least one could not be wiped and is kept apart.
    Quarantined {
        /// When the lease was over.
        ended_at: TimestampMs,
        /// Why.
        end: LeaseEnd,
        /// When that was known.
        at: TimestampMs,
        /// Which.
        instances: Vec<InstanceId>,
    },
}

impl LeaseState {
    /// The state's name, as in JSON.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::HandingOver { .. } => "handing_over",
            Self::Active => "active",
            Self::Reclaiming { .. } => "reclaiming",
            Self::Expiring { .. } => "expiring",
            Self::Revoking { .. } => "revoking",
            Self::Sanitizing { .. } => "sanitizing",
            Self::Returned { .. } => "returned",
            Self::Quarantined { .. } => "quarantined",
        }
    }

    /// Whether nothing more happens to it.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Returned { .. } | Self::Quarantined { .. })
    }
}

/// What an owner wants back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReclaimRequest {
    /// The owner.
    pub seller: TenantName,
    /// Of which persona.
    pub persona: PersonaName,
    /// How many instances.
    pub units: i64,
    /// Why.
    pub reason: ReclaimReason,
}

/// One lease, or a part of it, that would be called back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reclaimed {
    /// The lease; the part that was split off, once it is done.
    pub lease: LeaseId,
    /// Instances.
    pub units: u32,
    /// The price of the unused time, if the tenant stays to the end of its notice.
    pub refund: MicroCredits,
    /// What comes on top.
    pub compensation: MicroCredits,
    /// When the instances are free at the latest.
    pub deadline: TimestampMs,
}

/// What calling back would cost, or costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReclaimPreview {
    /// The leases, in the order in which they are taken: the cheapest compensation per instance, then the newest.
    pub leases: Vec<Reclaimed>,
    /// Instances in all: as many as were asked for, or all that can be called back.
    pub units: u32,
    /// Refunds in all.
    pub refund: MicroCredits,
    /// Compensations in all.
    pub compensation: MicroCredits,
    /// When the last of them is free at the latest; none without any.
    pub deadline: Option<TimestampMs>,
}
