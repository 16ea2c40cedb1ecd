//! An owner's listing.

use super::order::{IdempotencyKey, OrderReason, OrderState, TimeInForce};
use forewarm_auction::{FirmPremium, LeaseClass, MicroCredits, OrderId, Price, Quantity, RoundNumber};
use forewarm_domain::{
    id::{PersonaName, TenantName},
    lending::DeliveryWindow,
    time::TimestampMs,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An offer as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOffer {
    /// The cost centre that owns the capacity and is paid.
    pub tenant: TenantName,
    /// What is offered.
    pub persona: PersonaName,
    /// When.
    pub window: DeliveryWindow,
    /// `firm` can be leased as either class, `reclaimable` only as that.
    pub class: LeaseClass,
    /// Instances.
    pub quantity: i64,
    /// The least taken for a reclaimable lease, in micro-credits per instance-second.
    pub reserve: i64,
    /// What a firm lease costs on top; the market's own premium where absent.
    pub firm_premium: Option<i64>,
    /// How long the offer stands.
    pub time_in_force: TimeInForce,
    /// Placing the same offer again with the same key gives the first one.
    pub idempotency_key: Option<IdempotencyKey>,
}

/// Where an offer comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OfferSource {
    /// An owner listed it.
    Manual,
    /// A host listed what its forecast does not need.
    Forecast,
}

/// An offer in the books or out of them again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Offer {
    /// Names it.
    pub id: OrderId,
    /// The cost centre that owns the capacity and is paid.
    pub tenant: TenantName,
    /// The root of its tree.
    pub organisation: TenantName,
    /// What is offered.
    pub persona: PersonaName,
    /// When.
    pub window: DeliveryWindow,
    /// `firm` can be leased as either class, `reclaimable` only as that.
    pub class: LeaseClass,
    /// Instances offered in all.
    pub quantity: Quantity,
    /// Instances leased so far.
    pub sold: u32,
    /// The least taken for a reclaimable lease.
    pub reserve: Price,
    /// What a firm lease costs on top.
    pub firm_premium: FirmPremium,
    /// How long it stands.
    pub time_in_force: TimeInForce,
    /// The key it was placed with.
    pub idempotency_key: Option<IdempotencyKey>,
    /// Stands for all that was asked for.
    pub fingerprint: String,
    /// Where it comes from.
    pub source: OfferSource,
    /// The newest round when it was placed; earlier goes first among equals.
    pub entry_round: RoundNumber,
    /// When it was placed.
    pub placed_at: TimestampMs,
    /// By whom.
    pub placed_by: String,
    /// Set aside on the owner's account between seal and settlement, so that the securities of any result fit.
    pub guarantee: MicroCredits,
    /// Whether it stands.
    pub state: OrderState,
    /// What the last round made of it.
    pub last_reason: Option<OrderReason>,
}

impl Offer {
    /// Instances still on offer.
    #[must_use]
    pub fn open_quantity(&self) -> u32 {
        self.quantity.get().saturating_sub(self.sold)
    }
}
