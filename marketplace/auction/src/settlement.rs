//! From a clearing to the money legs and leases that settle it: exact amounts in whole micro-credits, so that whoever
//! writes them decides nothing. What a bid held is accounted for to the last micro-credit.

use crate::{
    class::LeaseClass,
    clearing::{Fill, OrderResult, Side},
    market::TwoClassClearing,
    money::{MicroCredits, MoneyOverflow, Price},
    order::{Ask, Bid, OrderId, Quantity},
    terms::Terms,
    two_class::TwoClassBook,
};
use forewarm_domain::id::TenantName;
use serde::Serialize;
use uuid::Uuid;

/// One fill with its money: a lease to grant and legs to transfer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trade {
    /// The buyer's order.
    pub bid: OrderId,
    /// The seller's order.
    pub ask: OrderId,
    /// The root of the buyer's cost-centre tree; the account is that of the order.
    pub buyer: TenantName,
    /// The root of the seller's cost-centre tree; the account is that of the order.
    pub seller: TenantName,
    /// What the lease promises.
    pub class: LeaseClass,
    /// Instances to lease.
    pub units: Quantity,
    /// What one costs for a second.
    pub price: Price,
    /// What the buyer pays, from what its bid holds: units x price x seconds.
    pub cost: MicroCredits,
    /// What of the cost goes to the market.
    pub fee: MicroCredits,
    /// What of the cost goes to the seller: the rest.
    pub proceeds: MicroCredits,
    /// What the seller's account holds until the lease ends: the most that calling it back can cost. Zero if firm.
    pub security: MicroCredits,
}

/// What becomes of the money that one bid holds. The three parts are all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct HoldChange {
    /// The bid.
    pub bid: OrderId,
    /// Posted to sellers and market: the costs of its trades.
    pub posted: MicroCredits,
    /// Void: what it held for filled instances over what they cost.
    pub freed: MicroCredits,
    /// Held for instances that it did not get: void when the order ends, held on when it goes on.
    pub remaining: MicroCredits,
}

/// All that settling one book takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SettlePlan {
    /// Firm trades, then reclaimable ones, each in the order of the clearing's fills.
    pub trades: Vec<Trade>,
    /// One per bid: the firm book's by id, then the reclaimable book's.
    pub holds: Vec<HoldChange>,
    /// What all buyers pay.
    pub turnover: MicroCredits,
    /// What of it goes to the market.
    pub fees: MicroCredits,
}

/// Why a clearing can't be settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SettleError {
    /// Money of one order beyond what an amount can hold: refuse orders whose hold does not fit.
    #[error("order {order}: {source}")]
    Overflow {
        /// The order.
        order: OrderId,
        /// What does not fit.
        source: MoneyOverflow,
    },
    /// All orders together trade more than an amount can hold.
    #[error("the book's turnover: {0}")]
    Turnover(MoneyOverflow),
    /// The clearing names an order, or a price, that the book does not have.
    #[error("the clearing does not belong to the book: order {order} does not match; clear the book again")]
    Foreign {
        /// The order.
        order: OrderId,
    },
}

/// The plan that settles a book's clearing.
///
/// # Errors
/// [`SettleError`] when an amount does not fit or the clearing is another book's.
pub fn settle_plan(book: &TwoClassBook, clearing: &TwoClassClearing, terms: Terms) -> Result<SettlePlan, SettleError> {
    let mut plan = SettlePlan {
        trades: Vec::with_capacity(clearing.firm.fills.len() + clearing.reclaimable.fills.len()),
        holds: Vec::with_capacity(book.firm().bids().len() + book.reclaimable().bids().len()),
        turnover: MicroCredits::ZERO,
        fees: MicroCredits::ZERO,
    };
    let mut results = clearing.results.as_slice();
    for (class, own) in [(LeaseClass::Firm, book.firm()), (LeaseClass::Reclaimable, book.reclaimable())] {
        let outcome = clearing.outcome(class);
        for fill in &outcome.fills {
            let foreign = SettleError::Foreign { order: fill.bid };
            let price = outcome.price.ok_or(foreign)?;
            let bid = find(own.bids(), fill.bid, |bid| bid.id).ok_or(foreign)?;
            let ask = find(own.asks(), fill.ask, |ask| ask.id).or_else(|| lent(book, class, fill.ask));
            let ask = ask.ok_or(SettleError::Foreign { order: fill.ask })?;
            plan.add(trade(bid, ask, class, fill, price, terms)?)?;
        }
        results = results.get(own.asks().len()..).unwrap_or_default();
        for bid in own.bids() {
            let told = results.split_off_first().ok_or(SettleError::Foreign { order: bid.id })?;
            plan.holds.push(hold(bid, told, outcome.price, terms)?);
        }
    }
    Ok(plan)
}

fn find<T>(orders: &[T], id: OrderId, of: impl Fn(&T) -> OrderId) -> Option<&T> {
    orders.binary_search_by_key(&id, of).ok().and_then(|place| orders.get(place))
}

/// Units that can be firm also serve reclaimable bids.
fn lent(book: &TwoClassBook, class: LeaseClass, id: OrderId) -> Option<&Ask> {
    find(book.firm().asks(), id, |ask| ask.id).filter(|_| class == LeaseClass::Reclaimable)
}

fn trade(
    bid: &Bid,
    ask: &Ask,
    class: LeaseClass,
    fill: &Fill,
    price: Price,
    terms: Terms,
) -> Result<Trade, SettleError> {
    let overflow = |source| SettleError::Overflow { order: bid.id, source };
    let cost = price.cost(fill.quantity, terms.duration.seconds()).map_err(overflow)?;
    let fee = terms.fee.of_rounded_down(cost);
    let proceeds = cost.checked_sub(fee).map_err(overflow)?;
    let security = match class {
        LeaseClass::Firm => MicroCredits::ZERO,
        LeaseClass::Reclaimable => terms
            .reclaim(price, fill.quantity, terms.duration.seconds())
            .and_then(|reclaim| reclaim.total())
            .map_err(overflow)?,
    };
    let (buyer, seller) = (bid.organisation.clone(), ask.organisation.clone());
    Ok(Trade {
        bid: bid.id,
        ask: ask.id,
        buyer,
        seller,
        class,
        units: fill.quantity,
        price,
        cost,
        fee,
        proceeds,
        security,
    })
}

/// What the bid held is its quantity at its limit.
fn hold(bid: &Bid, told: &OrderResult, price: Option<Price>, terms: Terms) -> Result<HoldChange, SettleError> {
    let foreign = SettleError::Foreign { order: bid.id };
    if told.order != bid.id || told.side != Side::Bid {
        return Err(foreign);
    }
    let left = bid.quantity.get().checked_sub(told.filled).ok_or(foreign)?;
    let cost = |price: Price, units: u32| match Quantity::try_from(i64::from(units)) {
        Ok(quantity) => {
            let overflow = |source| SettleError::Overflow { order: bid.id, source };
            price.cost(quantity, terms.duration.seconds()).map_err(overflow)
        }
        Err(_) => Ok(MicroCredits::ZERO),
    };
    let posted = match told.filled {
        0 => MicroCredits::ZERO,
        filled => cost(price.filter(|price| *price <= bid.limit).ok_or(foreign)?, filled)?,
    };
    let held_for_filled = cost(bid.limit, told.filled)?;
    let freed =
        held_for_filled.checked_sub(posted).map_err(|source| SettleError::Overflow { order: bid.id, source })?;
    Ok(HoldChange { bid: bid.id, posted, freed, remaining: cost(bid.limit, left)? })
}

impl SettlePlan {
    fn add(&mut self, trade: Trade) -> Result<(), SettleError> {
        self.turnover = self.turnover.checked_add(trade.cost).map_err(SettleError::Turnover)?;
        self.fees = self.fees.checked_add(trade.fee).map_err(SettleError::Turnover)?;
        self.trades.push(trade);
        Ok(())
    }
}

/// A movement of money that a trade brings about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Leg {
    /// The proceeds, from what the bid holds to the seller.
    Proceeds,
    /// The fee, from what the bid holds to the market.
    Fee,
    /// The security, from the seller's balance to its hold.
    Security,
}

impl Leg {
    /// The id of a trade's transfer: settling the same round again gives the same ids. No two trades of a round have the
    /// same bid and ask.
    #[must_use]
    pub fn transfer_id(self, round: Uuid, bid: OrderId, ask: OrderId) -> Uuid {
        let name = match self {
            Self::Proceeds => "proceeds",
            Self::Fee => "fee",
            Self::Security => "security",
        };
        Uuid::new_v5(&round, &[bid.0.as_bytes(), ask.0.as_bytes(), name.as_bytes()].concat())
    }
}
