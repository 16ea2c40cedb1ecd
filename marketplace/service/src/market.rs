//! The facade.

use crate::{
    config::MarketConfig,
    error::MarketError,
    model::{
        Account, BidOrder, Budget, Caller, CostCentre, DeliveryWindow, Lease, LeaseId, LedgerEntry, MarketKind, NewBid,
        NewBudget, NewCostCentre, NewDeposit, NewOffer, NewOrganisation, Offer, Organisation, OutboxEvent, PricePoint,
        ReclaimPreview, ReclaimRequest, Round, Ticket, Transfer,
    },
    probe::Probe,
};
use forewarm_auction::{LeaseClass, MicroCredits, OrderId, RoundNumber, Seed};
use forewarm_domain::{
    id::{PersonaName, TenantName},
    time::{Clock, TimestampMs},
};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What the market is handed.
pub struct MarketParts {
    /// Tells the date.
    pub clock: Arc<dyn Clock>,
    /// Draws the seed of a round's lottery: unpredictable in production.
    pub seeds: Arc<dyn Fn() -> Seed + Send + Sync>,
    /// Carries events, and calls to the hosts that have the instances.
    pub bus: Arc<dyn forewarm_bus::Bus>,
    /// Is told of the points that are passed.
    pub probe: Arc<dyn Probe>,
}

/// The market. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Market;

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, utoipa::ToSchema)]
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
    /// Those of this cost centre and all below it.
    pub tenant: Option<TenantName>,
    /// Those that are not over.
    pub live_only: bool,
    /// At most so many, newest first.
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
    /// At most so many, oldest first.
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
    /// At most so many, newest first.
    pub limit: u32,
}

/// Which events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventQuery {
    /// After this sequence number.
    pub after: i64,
    /// At most so many, oldest first.
    pub limit: u32,
}

/// An account with what its tenant wants to know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountView {
    /// The account.
    pub account: Account,
    /// What may still be spent.
    pub available: MicroCredits,
    /// Paid for leases over the last day, less refunds.
    pub spent_last_day: MicroCredits,
}

fn skeleton<T>() -> Result<T, MarketError> {
    Err(MarketError::Closed)
}

impl Market {
    /// Opens the market's database, brings it up to date, and takes up what was under way.
    pub async fn open(_config: MarketConfig, _parts: MarketParts) -> Result<Self, MarketError> {
        skeleton()
    }
    /// Runs rounds, leases and events until `stop` is cancelled.
    pub async fn run(&self, _stop: CancellationToken) {}
    /// Commits what is queued, then closes the database.
    pub async fn close(&self) {}
    /// Makes an organisation with its root cost centre and account. Operators.
    pub async fn create_organisation(&self, _by: &Caller, _new: NewOrganisation) -> Result<Organisation, MarketError> {
        skeleton()
    }
    /// Makes a cost centre. Operators.
    pub async fn create_cost_centre(&self, _by: &Caller, _new: NewCostCentre) -> Result<CostCentre, MarketError> {
        skeleton()
    }
    /// The organisations that the caller may see, by name.
    pub async fn organisations(&self, _by: &Caller) -> Result<Vec<Organisation>, MarketError> {
        skeleton()
    }
    /// The cost centres that the caller may see, by name.
    pub async fn cost_centres(&self, _by: &Caller) -> Result<Vec<CostCentre>, MarketError> {
        skeleton()
    }
    /// Pays money in. Operators.
    pub async fn deposit(&self, _by: &Caller, _new: NewDeposit) -> Result<Transfer, MarketError> {
        skeleton()
    }
    /// Pays money out. Operators.
    pub async fn withdraw(&self, _by: &Caller, _new: NewDeposit) -> Result<Transfer, MarketError> {
        skeleton()
    }
    /// Sets how far a balance may fall below zero. Operators.
    pub async fn set_credit_limit(
        &self,
        _by: &Caller,
        _tenant: &TenantName,
        _limit: MicroCredits,
    ) -> Result<Account, MarketError> {
        skeleton()
    }
    /// Sets below which available amount an event tells. Buyers, owners, operators.
    pub async fn set_alert(
        &self,
        _by: &Caller,
        _tenant: &TenantName,
        _below: Option<MicroCredits>,
    ) -> Result<Account, MarketError> {
        skeleton()
    }
    /// A cost centre's account.
    pub async fn account(&self, _by: &Caller, _tenant: &TenantName) -> Result<AccountView, MarketError> {
        skeleton()
    }
    /// Every account, the market's own included. Operators and auditors of no organisation.
    pub async fn accounts(&self, _by: &Caller) -> Result<Vec<Account>, MarketError> {
        skeleton()
    }
    /// Makes a budget. Operators.
    pub async fn create_budget(&self, _by: &Caller, _new: NewBudget) -> Result<Budget, MarketError> {
        skeleton()
    }
    /// The budgets of a cost centre and of all above it.
    pub async fn budgets(&self, _by: &Caller, _tenant: &TenantName) -> Result<Vec<Budget>, MarketError> {
        skeleton()
    }
    /// The entries of a cost centre's account.
    pub async fn ledger(
        &self,
        _by: &Caller,
        _tenant: &TenantName,
        _query: LedgerQuery,
    ) -> Result<Vec<LedgerEntry>, MarketError> {
        skeleton()
    }
    /// What a bid would mean, without placing it.
    pub async fn ticket(&self, _by: &Caller, _new: NewBid) -> Result<Ticket, MarketError> {
        skeleton()
    }
    /// Places a bid and sets its money aside. Buyers.
    pub async fn place_bid(&self, _by: &Caller, _new: NewBid) -> Result<BidOrder, MarketError> {
        skeleton()
    }
    /// Lists capacity. Owners.
    pub async fn place_offer(&self, _by: &Caller, _new: NewOffer) -> Result<Offer, MarketError> {
        skeleton()
    }
    /// Takes a bid back. Buyers.
    pub async fn cancel_bid(&self, _by: &Caller, _id: OrderId) -> Result<BidOrder, MarketError> {
        skeleton()
    }
    /// Takes an offer back. Owners.
    pub async fn cancel_offer(&self, _by: &Caller, _id: OrderId) -> Result<Offer, MarketError> {
        skeleton()
    }
    /// One bid.
    pub async fn bid(&self, _by: &Caller, _id: OrderId) -> Result<BidOrder, MarketError> {
        skeleton()
    }
    /// One offer.
    pub async fn offer(&self, _by: &Caller, _id: OrderId) -> Result<Offer, MarketError> {
        skeleton()
    }
    /// Bids.
    pub async fn bids(&self, _by: &Caller, _query: OrderQuery) -> Result<Vec<BidOrder>, MarketError> {
        skeleton()
    }
    /// Offers. Everyone sees those that stand.
    pub async fn offers(&self, _by: &Caller, _query: OrderQuery) -> Result<Vec<Offer>, MarketError> {
        skeleton()
    }
    /// One round.
    pub async fn round(&self, _number: RoundNumber) -> Result<Round, MarketError> {
        skeleton()
    }
    /// The open round of each kind.
    pub async fn open_rounds(&self) -> Result<Vec<Round>, MarketError> {
        skeleton()
    }
    /// Rounds, newest first.
    pub async fn rounds(
        &self,
        _kind: Option<MarketKind>,
        _before: Option<RoundNumber>,
        _limit: u32,
    ) -> Result<Vec<Round>, MarketError> {
        skeleton()
    }
    /// What was traded at which price, newest first.
    pub async fn prices(&self, _query: PriceQuery) -> Result<Vec<PricePoint>, MarketError> {
        skeleton()
    }
    /// One lease, for its buyer or seller.
    pub async fn lease(&self, _by: &Caller, _id: LeaseId) -> Result<Lease, MarketError> {
        skeleton()
    }
    /// Leases.
    pub async fn leases(&self, _by: &Caller, _query: LeaseQuery) -> Result<Vec<Lease>, MarketError> {
        skeleton()
    }
    /// Gives a lease back early. Buyers. Under notice of a reclaim the unused time is refunded from now on.
    pub async fn release(&self, _by: &Caller, _id: LeaseId) -> Result<Lease, MarketError> {
        skeleton()
    }
    /// What calling capacity back would cost. Owners.
    pub async fn reclaim_preview(&self, _by: &Caller, _request: ReclaimRequest) -> Result<ReclaimPreview, MarketError> {
        skeleton()
    }
    /// Calls capacity back. Owners.
    pub async fn reclaim(&self, _by: &Caller, _request: ReclaimRequest) -> Result<ReclaimPreview, MarketError> {
        skeleton()
    }
    /// Events in the order of their sequence.
    pub async fn events(&self, _query: EventQuery) -> Result<Vec<OutboxEvent>, MarketError> {
        skeleton()
    }
}
