//! Money that moved: each transfer is one debit and one credit of the same amount.

use super::{
    account::{AccountId, Currency},
    order::IdempotencyKey,
    round::RoundId,
};
use forewarm_auction::{LeaseClass, MicroCredits, OrderId, Price};
use forewarm_domain::{
    id::{LeaseId, PersonaName, TenantName},
    time::TimestampMs,
};
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;
use uuid::Uuid;

/// Why money moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TransferKind {
    /// From outside the market.
    Deposit,
    /// To outside the market.
    Withdrawal,
    /// What a seller gets of a trade.
    Proceeds,
    /// What the market gets of a trade.
    Fee,
    /// What a customer pays in another currency.
    Payment,
    /// The price of unused time.
    Refund,
    /// What comes on top of a refund.
    Compensation,
    /// A refund and compensation in another currency.
    Payout,
}

impl TransferKind {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::Deposit,
        Self::Withdrawal,
        Self::Proceeds,
        Self::Fee,
        Self::Payment,
        Self::Refund,
        Self::Compensation,
        Self::Payout,
    ];

    /// The kind's name, as in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deposit => "deposit",
            Self::Withdrawal => "withdrawal",
            Self::Proceeds => "proceeds",
            Self::Fee => "fee",
            Self::Payment => "payment",
            Self::Refund => "refund",
            Self::Compensation => "compensation",
            Self::Payout => "payout",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

impl fmt::Display for TransferKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a transfer belongs to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TransferRefs {
    /// The round that brought it about.
    pub round: Option<RoundId>,
    /// The bid that pays.
    pub bid: Option<OrderId>,
    /// The lease that is paid for.
    pub lease: Option<LeaseId>,
}

/// One movement of money. It is never changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Transfer {
    /// Names it; derived from what it belongs to, so that the same one can't be booked twice.
    pub id: Uuid,
    /// When it was booked.
    pub at: TimestampMs,
    /// Who gives.
    pub debit: AccountId,
    /// Who gets.
    pub credit: AccountId,
    /// How much, above zero.
    pub amount: MicroCredits,
    /// What it is counted in; both accounts are.
    pub currency: Currency,
    /// Why.
    pub kind: TransferKind,
    /// What it belongs to.
    pub refs: TransferRefs,
}

/// One side of a transfer, as an account's statement shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LedgerEntry {
    /// Rises with every entry; asks for what comes after it.
    pub sequence: i64,
    /// The transfer.
    pub transfer: Uuid,
    /// When it was booked.
    pub at: TimestampMs,
    /// Whose statement this is.
    pub account: AccountId,
    /// Who is on the other side.
    pub counter: AccountId,
    /// Above zero came in, below zero went out.
    pub amount: MicroCredits,
    /// What it is counted in.
    pub currency: Currency,
    /// Why.
    pub kind: TransferKind,
    /// What it belongs to.
    pub refs: TransferRefs,
    /// Particulars of the lease that is paid for.
    pub lease: Option<LeaseFacts>,
}

/// What an export tells of the lease behind an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LeaseFacts {
    /// What was leased.
    pub persona: PersonaName,
    /// What the lease promises.
    pub class: LeaseClass,
    /// Instances.
    pub units: u32,
    /// What one costs for a second, in micro-credits.
    pub price: Price,
    /// How long it was leased for.
    pub seconds: u32,
    /// When delivery begins.
    pub start: TimestampMs,
    /// When delivery ends.
    pub end: TimestampMs,
    /// Who leases.
    pub buyer: TenantName,
    /// Who lets.
    pub seller: TenantName,
}

/// Money from outside, or to outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDeposit {
    /// Whose account.
    pub tenant: TenantName,
    /// What it is counted in: the account's currency.
    pub currency: Currency,
    /// How much, above zero.
    pub amount: MicroCredits,
    /// Names the payment: repeating it has no second effect.
    pub reference: IdempotencyKey,
}
