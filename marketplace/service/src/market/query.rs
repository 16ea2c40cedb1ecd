//! What is asked for when the market is looked at, and what an account looks like from outside.

use crate::model::{Account, DeliveryWindow};
use forewarm_auction::{LeaseClass, MicroCredits, OrderId, RoundNumber};
use forewarm_domain::{
    id::{PersonaName, TenantName},
    time::TimestampMs,
};
use serde::{Deserialize, Serialize};

/// Which orders.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrderQuery {
    /// Those of this cost centre and all below it; all that the caller may see where absent.
    pub tenant: Option<TenantName>,
    /// Those for this persona.
    pub persona: Option<PersonaName>,
    /// Those that still stand.
    pub open_only: bool,
    /// Those placed before this one, for the next page.
    pub before: Option<OrderId>,
    /// At most so many, newest first; 1 to 1,000.
    pub limit: u32,
}

/// Which side of a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// As its tenant.
    Buyer,
    /// As its owner.
    Seller,
}

/// Which leases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseQuery {
    /// Which side the caller looks from.
    pub side: Side,
    /// Those of this cost centre and all below it; all that the caller may see where absent.
    pub tenant: Option<TenantName>,
    /// Those that are not over.
    pub live_only: bool,
    /// At most so many, newest first; 1 to 1,000.
    pub limit: u32,
}

/// Which entries of a ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LedgerQuery {
    /// Booked from this instant on.
    pub from: Option<TimestampMs>,
    /// Booked before this instant.
    pub to: Option<TimestampMs>,
    /// After this sequence number.
    pub after: i64,
    /// At most so many, oldest first; 1 to 1,000.
    pub limit: u32,
}

/// Which prices.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PriceQuery {
    /// Of this persona.
    pub persona: Option<PersonaName>,
    /// Of this class.
    pub class: Option<LeaseClass>,
    /// Of this window.
    pub window: Option<DeliveryWindow>,
    /// Of rounds before this one, for the next page.
    pub before: Option<RoundNumber>,
    /// At most so many, newest first; 1 to 1,000.
    pub limit: u32,
}

/// Which events.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EventQuery {
    /// After this sequence number.
    pub after: i64,
    /// At most so many, oldest first; 1 to 1,000.
    pub limit: u32,
}

/// An account with what its tenant wants to know of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AccountView {
    /// The account.
    pub account: Account,
    /// What may still be spent.
    pub available: MicroCredits,
    /// Paid for leases over the last day, less refunds.
    pub spent_last_day: MicroCredits,
}
