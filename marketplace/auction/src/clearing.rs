//! The clearing of a book, and what each order is told.

use crate::{
    book::Book,
    digest::{ClearingHash, Seed, clearing_hash},
    matching::{Award, Passed, sold},
    money::Price,
    order::{Ask, Bid, OrderId, Quantity},
    pairing::pair,
    priority::Ranking,
    self_trade::award_across,
};
use serde::Serialize;
use std::cmp::Ordering;

/// The side of an order. The numbers are part of the hashed encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Side {
    /// Offers capacity.
    Ask = 1,
    /// Wants capacity.
    Bid = 2,
}

/// Why an order got what it got. The numbers are part of the hashed encoding: none is ever reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum ReasonCode {
    /// All of it traded.
    Filled = 1,
    /// Stood at the price, where the other side ran out: a part traded.
    PartlyFilled = 2,
    /// A bid whose limit is below the price.
    BelowPrice = 3,
    /// An ask whose reserve is above the price.
    AbovePrice = 4,
    /// Stood at the price, but the other side had run out: better prices went first, and among equals an earlier round,
    /// a lower dominant share or a better lot.
    LostTie = 5,
    /// A bid that could pay the price, but for which less than its min-fill was left.
    ParadoxicallyRejected = 6,
    /// A bid that could pay the price, but its organisation already buys all that it can without buying from itself. A
    /// part may have traded.
    SelfTrade = 7,
    /// Nothing traded in this book, so there is no price to compare with.
    NoMatch = 8,
}

/// What became of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct OrderResult {
    /// The order.
    pub order: OrderId,
    /// Its side.
    pub side: Side,
    /// Instances traded, 0 to its quantity.
    pub filled: u32,
    /// Why.
    pub reason: ReasonCode,
}

/// Instances that go from one ask to one bid, at the clearing price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Fill {
    /// The buyer's order.
    pub bid: OrderId,
    /// The seller's order.
    pub ask: OrderId,
    /// How many.
    pub quantity: Quantity,
}

/// The outcome of a book. It is made by [`clear`] alone and never read back: clearing again gives the same one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Clearing {
    /// What every buyer pays and every seller gets; none without a trade.
    pub price: Option<Price>,
    /// Who gets how many from whom, the best bid first. No pair appears twice.
    pub fills: Vec<Fill>,
    /// One per order: asks by id, then bids by id.
    pub results: Vec<OrderResult>,
    /// Instances traded.
    pub volume: u64,
    /// Instances of bids that were not bought, at whatever limit.
    pub unfilled_demand: u64,
    /// Instances of asks that were not sold, at whatever reserve.
    pub unfilled_supply: u64,
    /// Equal exactly when book, seed and outcome are.
    pub hash: ClearingHash,
}

/// Clears a book: bids are served in the order of limit, entry round, dominant share and lot from asks in the order of
/// reserve, entry round and lot. All trade at the highest of the accepted reserves and of the first limit that fell short.
#[must_use]
pub fn clear(book: &Book, seed: Seed) -> Clearing {
    let ranking = Ranking::new(book, seed);
    let awards = award_across(&ranking);
    let (price, volume) = (awards.price, awards.units);
    let fill = |(bid, ask, units)| Fill { bid, ask, quantity: Quantity::within(units) };
    let ids =
        |pair: &crate::pairing::Pair| (ranking.bids[pair.bid].order.id, ranking.asks[pair.ask].order.id, pair.units);
    let fills: Vec<_> = pair(&ranking, &awards).iter().map(ids).map(fill).collect();

    let mut asks = vec![0; book.asks().len()];
    ranking.asks.iter().zip(sold(&ranking, volume)).for_each(|(ask, sold)| asks[ask.place] = sold);
    let mut bids = vec![Award::default(); book.bids().len()];
    ranking.bids.iter().zip(&awards.bids).for_each(|(bid, award)| bids[bid.place] = *award);

    let asks = book.asks().iter().zip(asks).map(|(ask, sold)| result_of_ask(ask, sold, price));
    let bids = book.bids().iter().zip(bids).map(|(bid, award)| result_of_bid(bid, award, price));
    let results: Vec<_> = asks.chain(bids).collect();
    let demand: u64 = book.bids().iter().map(|bid| u64::from(bid.quantity.get())).sum();
    let supply: u64 = book.asks().iter().map(|ask| u64::from(ask.quantity.get())).sum();
    let hash = clearing_hash(book, seed, price, &fills, &results);
    Clearing { price, fills, results, volume, unfilled_demand: demand - volume, unfilled_supply: supply - volume, hash }
}

fn result_of_ask(ask: &Ask, filled: u32, price: Option<Price>) -> OrderResult {
    let reason = match price.map(|price| ask.reserve.cmp(&price)) {
        None => ReasonCode::NoMatch,
        Some(_) if filled == ask.quantity.get() => ReasonCode::Filled,
        Some(_) if filled > 0 => ReasonCode::PartlyFilled,
        Some(Ordering::Greater) => ReasonCode::AbovePrice,
        Some(Ordering::Equal | Ordering::Less) => ReasonCode::LostTie,
    };
    OrderResult { order: ask.id, side: Side::Ask, filled, reason }
}

fn result_of_bid(bid: &Bid, award: Award, price: Option<Price>) -> OrderResult {
    let reason = match (award.passed, price.map(|price| bid.limit.cmp(&price))) {
        // Cut bids make no price, so that others may lift it past them.
        (Some(Passed::SelfTrade), Some(Ordering::Less)) => ReasonCode::BelowPrice,
        (Some(Passed::SelfTrade), _) => ReasonCode::SelfTrade,
        (Some(Passed::MinFill), _) => ReasonCode::ParadoxicallyRejected,
        (None, None) => ReasonCode::NoMatch,
        (None, Some(_)) if award.units == bid.quantity.get() => ReasonCode::Filled,
        (None, Some(_)) if award.units > 0 => ReasonCode::PartlyFilled,
        (None, Some(Ordering::Less)) => ReasonCode::BelowPrice,
        (None, Some(Ordering::Equal | Ordering::Greater)) => ReasonCode::LostTie,
    };
    OrderResult { order: bid.id, side: Side::Bid, filled: award.units, reason }
}
