//! Leases: `Granted -> HandingOver -> Active -> (Reclaiming | Expiring) -> Revoking -> Sanitizing -> Returned |
//! Quarantined`.

use super::{
    account::{AccountId, Currency, ExchangeRate},
    round::RoundId,
};
use forewarm_auction::{LeaseClass, MicroCredits, OrderId, Price, Quantity, Terms};
use forewarm_bus::message::market::HandedUnit;
use forewarm_domain::{
    id::{InstanceId, LeaseId, PersonaName, TenantName},
    lending::{DeliveryWindow, Notice},
    time::TimestampMs,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

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
    #[schema(value_type = Vec<Object>)]
    pub instances: Vec<HandedUnit>,
    /// When it was made.
    pub granted_at: TimestampMs,
    /// When it became active.
    pub active_at: Option<TimestampMs>,
    /// When the host is asked next, in the states that wait for it.
    pub next_attempt_at: TimestampMs,
    /// Times that the host was asked in this state without success.
    pub attempts: u32,
    /// How far it has come.
    pub state: LeaseState,
}

/// Why a lease is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LeaseEnd {
    /// Its window is over.
    Expired,
    /// Its tenant gave it back.
    Released,
    /// Its owner called it back, and the notice is over.
    Reclaimed,
    /// Its owner called it back, and its tenant left before the notice was over.
    LeftEarly,
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
        /// How long the tenant has them still, by two clocks.
        notice: Notice,
        /// Why, in a sentence.
        reason: String,
        /// Whether the host knows.
        told: bool,
    },
    /// The window ends soon; the tenant has them until then, and until the notice is over.
    Expiring {
        /// How long the tenant has them still, by two clocks.
        notice: Notice,
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
    /// Why, in a sentence for the tenants.
    pub reason: String,
}

/// A lease that would be called back, or is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reclaimed {
    /// The lease.
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
    /// Instances in all: those of whole leases, at least as many as were asked for, or all that can be called back.
    pub units: u32,
    /// Refunds in all.
    pub refund: MicroCredits,
    /// Compensations in all.
    pub compensation: MicroCredits,
    /// When the last of them is free at the latest; none without any.
    pub deadline: Option<TimestampMs>,
}
