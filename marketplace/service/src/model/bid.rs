//! A tenant's wish to lease.

use super::{
    account::{AccountId, Currency, ExchangeRate},
    order::{ExclusiveGroup, IdempotencyKey, OrderReason, OrderState, TimeInForce},
};
use forewarm_auction::{LeaseClass, MicroCredits, OrderId, Price, Quantity, RoundNumber};
use forewarm_domain::{
    id::{PersonaName, TenantName},
    lending::DeliveryWindow,
    time::TimestampMs,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// A bid as it is asked for. Numbers are checked by the market, so that each refusal says what would be right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBid {
    /// The cost centre that pays.
    pub tenant: TenantName,
    /// What is wanted.
    pub persona: PersonaName,
    /// When it is wanted.
    pub window: DeliveryWindow,
    /// What the lease should promise.
    pub class: LeaseClass,
    /// Instances.
    pub quantity: i64,
    /// The most paid, in micro-credits per instance-second.
    pub limit: i64,
    /// Fewer instances are of no use; any number is where absent.
    pub min_fill: Option<i64>,
    /// How long the bid stands.
    pub time_in_force: TimeInForce,
    /// At most one bid of a group trades.
    pub exclusive_group: Option<ExclusiveGroup>,
    /// Placing the same bid again with the same key gives the first one.
    pub idempotency_key: Option<IdempotencyKey>,
}

/// A bid in the books or out of them again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BidOrder {
    /// Names it.
    pub id: OrderId,
    /// The cost centre that pays.
    pub tenant: TenantName,
    /// The root of its tree.
    pub organisation: TenantName,
    /// What is wanted.
    pub persona: PersonaName,
    /// When it is wanted.
    pub window: DeliveryWindow,
    /// What the lease should promise.
    pub class: LeaseClass,
    /// Instances wanted in all.
    pub quantity: Quantity,
    /// Instances leased so far.
    pub filled: u32,
    /// The most paid, in micro-credits per instance-second.
    pub limit: Price,
    /// Fewer instances are of no use, until that many are leased.
    pub min_fill: Option<Quantity>,
    /// How long it stands.
    pub time_in_force: TimeInForce,
    /// At most one bid of a group trades.
    pub exclusive_group: Option<ExclusiveGroup>,
    /// The key it was placed with.
    pub idempotency_key: Option<IdempotencyKey>,
    /// Stands for all that was asked for: a repetition with another body is refused.
    pub fingerprint: String,
    /// The newest round when it was placed; earlier goes first among equals.
    pub entry_round: RoundNumber,
    /// Rounds in which it took part.
    pub rounds_tried: u32,
    /// When it was placed.
    pub placed_at: TimestampMs,
    /// By whom.
    pub placed_by: String,
    /// The account that pays.
    pub account: AccountId,
    /// What that account is counted in.
    pub currency: Currency,
    /// What a credit cost in it when the bid was placed.
    pub rate: ExchangeRate,
    /// Set aside on the account, in its currency. Zero exactly when the bid has ended.
    pub held: MicroCredits,
    /// Paid so far, in the account's currency.
    pub paid: MicroCredits,
    /// Paid so far, in credits.
    pub spent: MicroCredits,
    /// The budgets that it counts against.
    pub budgets: Vec<Uuid>,
    /// Whether it stands.
    pub state: OrderState,
    /// What the last round made of it.
    pub last_reason: Option<OrderReason>,
}

impl BidOrder {
    /// Instances still wanted.
    #[must_use]
    pub fn open_quantity(&self) -> u32 {
        self.quantity.get().saturating_sub(self.filled)
    }
}

/// What a bid would mean, before it is placed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Ticket {
    /// What would be set aside, in the account's currency.
    pub hold: MicroCredits,
    /// What is available before.
    pub available: MicroCredits,
    /// What would be available after.
    pub available_after: MicroCredits,
    /// What the account is counted in.
    pub currency: Currency,
    /// Of the last rounds of this persona and class that traded, the millionths whose price the limit would have paid;
    /// none without such a round.
    pub chance_ppm: Option<u32>,
    /// When its next round is sealed.
    pub seals_at: TimestampMs,
    /// Seconds of notice before a reclaimable lease can be taken away.
    pub notice_s: u32,
    /// Seconds that a lease runs at least before it can be called back.
    pub min_run_s: u32,
    /// Millionths of the price of the unused time that a tenant gets on top of it.
    pub compensation_ppm: u32,
}
