//! The clearing of a book, and what each order is told.

use crate::{
    book::Book,
    digest::{ClearingHash, Seed, clearing_hash},
    matching::{Award, Awards, Passed, sold},
    money::Price,
    order::{Ask, Bid, OrderId, Quantity},
    pairing::{Stake, pair},
    priority::{Part, Ranking, Scale},
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
    let ranking = Ranking::new(&[Part::alone(book, Scale::PLAIN)], book.organisations().len(), seed);
    let awards = award_across(&ranking);
    let price = awards.price.map(Price::within);
    let fills = fills_across(&ranking, &awards, |place| book.bids()[place].id, |place| book.asks()[place].id);
    let told = Told::new(&ranking, &awards);
    let mut results = Vec::with_capacity(book.asks().len() + book.bids().len());
    told.asks(book, 0, price.map(Price::get), 0, &mut results);
    told.bids(book, 0, price.map(Price::get), &mut results);
    let volume = awards.units;
    let (unfilled_demand, unfilled_supply) = (demand(book) - volume, supply(book) - volume);
    let hash = clearing_hash(book, seed, price, &fills, &results);
    Clearing { price, fills, results, volume, unfilled_demand, unfilled_supply, hash }
}

/// Instances that all bids want.
pub(crate) fn demand(book: &Book) -> u64 {
    book.bids().iter().map(|bid| u64::from(bid.quantity.get())).sum()
}

/// Instances that all asks offer.
pub(crate) fn supply(book: &Book) -> u64 {
    book.asks().iter().map(|ask| u64::from(ask.quantity.get())).sum()
}

/// Every winner's fills, where any winner may buy from any owner but its own.
pub(crate) fn fills_across(
    ranking: &Ranking,
    awards: &Awards,
    bid: impl Fn(usize) -> OrderId,
    ask: impl Fn(usize) -> OrderId,
) -> Vec<Fill> {
    let stake =
        |order: &crate::priority::Ranked, units| Stake { place: order.place, organisation: order.organisation, units };
    let winners = ranking.bids.iter().zip(&awards.bids).filter(|(_, award)| award.units > 0);
    let bids: Vec<_> = winners.map(|(order, award)| stake(order, award.units)).collect();
    let asks: Vec<_> = sold(ranking, awards.units).map(|(order, units)| stake(order, units)).collect();
    fills_of(&bids, &asks, bid, ask)
}

/// The fills of stakes that come to the same units on both sides.
pub(crate) fn fills_of(
    bids: &[Stake],
    asks: &[Stake],
    bid: impl Fn(usize) -> OrderId,
    ask: impl Fn(usize) -> OrderId,
) -> Vec<Fill> {
    let pairs = pair(bids, asks);
    let fill = |pair: &crate::pairing::Pair| Fill {
        bid: bid(bids[pair.bid].place as usize),
        ask: ask(asks[pair.ask].place as usize),
        quantity: Quantity::within(pair.units),
    };
    pairs.iter().map(fill).collect()
}

/// What each order got, by its place.
pub(crate) struct Told {
    sold: Vec<u32>,
    awards: Vec<Award>,
}

impl Told {
    pub(crate) fn new(ranking: &Ranking, awards: &Awards) -> Self {
        let mut told = Self { sold: vec![0; ranking.asks.len()], awards: vec![Award::default(); ranking.bids.len()] };
        sold(ranking, awards.units).for_each(|(ask, units)| told.sold[ask.place as usize] = units);
        let by_rank = ranking.bids.iter().zip(&awards.bids);
        by_rank.for_each(|(bid, award)| told.awards[bid.place as usize] = *award);
        told
    }

    /// Tells the asks of a book whose first one has the place `first`; the least that one takes is `premium` over its
    /// reserve.
    pub(crate) fn asks(&self, book: &Book, first: usize, price: Option<u32>, premium: u32, to: &mut Vec<OrderResult>) {
        let sold = self.sold[first..].iter();
        to.extend(book.asks().iter().zip(sold).map(|(ask, sold)| result_of_ask(ask, *sold, price, premium)));
    }

    /// Tells the bids of a book whose first one has the place `first`.
    pub(crate) fn bids(&self, book: &Book, first: usize, price: Option<u32>, to: &mut Vec<OrderResult>) {
        let awards = self.awards[first..].iter();
        to.extend(book.bids().iter().zip(awards).map(|(bid, award)| result_of_bid(bid, *award, price)));
    }
}

fn result_of_ask(ask: &Ask, filled: u32, price: Option<u32>, premium: u32) -> OrderResult {
    let reason = match price.map(|price| (ask.reserve.get() + premium).cmp(&price)) {
        None => ReasonCode::NoMatch,
        Some(_) if filled == ask.quantity.get() => ReasonCode::Filled,
        Some(_) if filled > 0 => ReasonCode::PartlyFilled,
        Some(Ordering::Greater) => ReasonCode::AbovePrice,
        Some(Ordering::Equal | Ordering::Less) => ReasonCode::LostTie,
    };
    OrderResult { order: ask.id, side: Side::Ask, filled, reason }
}

fn result_of_bid(bid: &Bid, award: Award, price: Option<u32>) -> OrderResult {
    let reason = match (award.passed, price.map(|price| bid.limit.get().cmp(&price))) {
        // Bids that were passed over make no price, so that others may lift it past them.
        (Some(_), Some(Ordering::Less)) => ReasonCode::BelowPrice,
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
