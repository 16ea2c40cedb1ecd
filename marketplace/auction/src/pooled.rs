//! The pool: all asks at their reserves, all bids, firm limits less the premium. Its result stands only when every firm
//! bid can be served by a unit that can be firm, and nobody by its own organisation.

use crate::{
    book::Book,
    clearing::{Fill, Told, demand, fills_of},
    digest::Seed,
    market::{ClassOutcome, Outcome, Regime},
    matching::{Awards, sold},
    money::Price,
    order::OrderId,
    pairing::Stake,
    priority::{Part, Ranking, Scale},
    self_trade::award_across,
    two_class::TwoClassBook,
};
use std::cmp::Ordering;

/// Clears the pool; none where its result can't stand. Among asks of one reserve those that can be firm go first: where
/// that decides anything, the reserve is the price, and their owners are indifferent. Firm bids at exactly the price take
/// part if they can; if not, a half-tick keeps them out, which costs nobody anything either.
pub(crate) fn clear(book: &TwoClassBook, seed: Seed) -> Option<Outcome> {
    let (first, second, organisations) = joint_numbers(book.firm(), book.reclaimable());
    let premium = i64::from(book.premium().get());
    let attempt = |factor: i64, tick: i64| {
        let scale = Scale { factor, asks: 0, bids: 0 };
        let dearer = Scale { bids: -factor * premium - tick, ..scale };
        let parts = [
            Part { organisations: Some(&first), ..Part::alone(book.firm(), dearer) },
            Part { organisations: Some(&second), ..Part::alone(book.reclaimable(), scale) },
        ];
        let ranking = Ranking::new(&parts, organisations, seed);
        let awards = award_across(&ranking);
        // An odd price is that of a firm bid which waits half a tick below its limit.
        let price = awards.price.map(|price| price.div_ceil(factor as u32));
        Split::new(book, &ranking, &awards, organisations).map(|split| split.outcome(book, &ranking, &awards, price))
    };
    attempt(1, 0).or_else(|| attempt(2, 1))
}

/// A number in the pool for each organisation of either book: a merge of two lists that are sorted by name.
fn joint_numbers(firm: &Book, reclaimable: &Book) -> (Vec<u32>, Vec<u32>, usize) {
    let (left, right) = (firm.organisations(), reclaimable.organisations());
    let (mut first, mut second) = (Vec::with_capacity(left.len()), Vec::with_capacity(right.len()));
    let mut next = 0;
    while first.len() < left.len() || second.len() < right.len() {
        let order = match (left.get(first.len()), right.get(second.len())) {
            (Some(one), Some(other)) => one.cmp(other),
            (Some(_), None) => Ordering::Less,
            (None, _) => Ordering::Greater,
        };
        first.extend(order.is_le().then_some(next));
        second.extend(order.is_ge().then_some(next));
        next += 1;
    }
    (first, second, next as usize)
}

/// What each organisation trades in the pool.
#[derive(Debug, Clone, Copy, Default)]
struct Turnover {
    firm_bought: u64,
    reclaimable_bought: u64,
    /// Of units that can be firm.
    firm_sold: u64,
    reclaimable_sold: u64,
}

/// Who is served from which units: stakes by rank that come to the same units on both sides.
struct Split {
    firm: (Vec<Stake>, Vec<Stake>),
    reclaimable: (Vec<Stake>, Vec<Stake>),
    firm_units: u64,
}

impl Split {
    /// Parts the units sold between the classes. By Hall's theorem for this graph (bids by class and organisation on one
    /// side, asks on the other), a pairing exists exactly when for each organisation the units that have to serve firm
    /// bids, because no other reclaimable bid can take them, are no more than those that may; and when firm bids need no
    /// more than all units that can be firm.
    fn new(book: &TwoClassBook, ranking: &Ranking, awards: &Awards, organisations: usize) -> Option<Self> {
        let (firm_bids, firm_asks) = (book.firm().bids().len(), book.firm().asks().len());
        let (mut buyers, mut reclaimable_buyers) = (Vec::new(), Vec::new());
        let mut turnover = vec![Turnover::default(); organisations];
        for (bid, award) in ranking.bids.iter().zip(&awards.bids).filter(|(_, award)| award.units > 0) {
            let stake = Stake { place: bid.place, organisation: bid.organisation, units: award.units };
            let of = &mut turnover[bid.organisation as usize];
            if (bid.place as usize) < firm_bids {
                of.firm_bought += u64::from(award.units);
                buyers.push(stake);
            } else {
                of.reclaimable_bought += u64::from(award.units);
                reclaimable_buyers.push(stake);
            }
        }
        for (ask, units) in sold(ranking, awards.units) {
            let of = &mut turnover[ask.organisation as usize];
            let firm = (ask.place as usize) < firm_asks;
            *(if firm { &mut of.firm_sold } else { &mut of.reclaimable_sold }) += u64::from(units);
        }
        let needed = turnover.iter().map(|of| of.firm_bought).sum();
        let mut firm_units = shares(&turnover, needed, awards.units - needed)?;
        let (mut sellers, mut reclaimable_sellers) = (Vec::new(), Vec::new());
        for (ask, units) in sold(ranking, awards.units) {
            let left = &mut firm_units[ask.organisation as usize];
            let firm = (ask.place as usize) < firm_asks;
            let as_firm = if firm { u32::try_from(*left).map_or(units, |left| units.min(left)) } else { 0 };
            *left -= u64::from(as_firm);
            let stake = |units| Stake { place: ask.place, organisation: ask.organisation, units };
            sellers.extend((as_firm > 0).then(|| stake(as_firm)));
            reclaimable_sellers.extend((units > as_firm).then(|| stake(units - as_firm)));
        }
        Some(Self {
            firm: (buyers, sellers),
            reclaimable: (reclaimable_buyers, reclaimable_sellers),
            firm_units: needed,
        })
    }

    fn outcome(&self, book: &TwoClassBook, ranking: &Ranking, awards: &Awards, price: Option<u32>) -> Outcome {
        let firm_price = price.map(|price| price + book.premium().get());
        let (firm, reclaimable) = (book.firm(), book.reclaimable());
        let told = Told::new(ranking, awards);
        let mut results = Vec::with_capacity(book.orders());
        told.asks(firm, 0, price, 0, &mut results);
        told.bids(firm, 0, firm_price, &mut results);
        told.asks(reclaimable, firm.asks().len(), price, 0, &mut results);
        told.bids(reclaimable, firm.bids().len(), price, &mut results);
        let outcome = |of: &Book, fills, volume, price: Option<u32>| ClassOutcome {
            price: price.filter(|_| volume > 0).map(Price::within),
            fills,
            volume,
            unfilled_demand: demand(of) - volume,
        };
        let [firm_fills, reclaimable_fills] = [&self.firm, &self.reclaimable].map(|stakes| fills(book, stakes));
        let rest = awards.units - self.firm_units;
        Outcome {
            regime: Regime::Pooled,
            firm: outcome(firm, firm_fills, self.firm_units, firm_price),
            reclaimable: outcome(reclaimable, reclaimable_fills, rest, price),
            results,
        }
    }
}

/// How many units of each organisation serve firm bids, `firm` in all, so that `reclaimable` bids can take the rest.
fn shares(turnover: &[Turnover], firm: u64, reclaimable: u64) -> Option<Vec<u64>> {
    let least =
        |of: &Turnover| (of.firm_sold + of.reclaimable_sold + of.reclaimable_bought).saturating_sub(reclaimable);
    let most = |of: &Turnover| of.firm_sold.min(firm.saturating_sub(of.firm_bought));
    let mut shares: Vec<u64> = turnover.iter().map(least).collect();
    let mut left = firm.checked_sub(shares.iter().sum())?;
    for (share, of) in shares.iter_mut().zip(turnover) {
        let more = most(of).checked_sub(*share)?.min(left);
        *share += more;
        left -= more;
    }
    (left == 0).then_some(shares)
}

fn fills(book: &TwoClassBook, (bids, asks): &(Vec<Stake>, Vec<Stake>)) -> Vec<Fill> {
    let (firm, reclaimable) = (book.firm(), book.reclaimable());
    let bid = |place: usize| -> OrderId {
        let own = firm.bids();
        own.get(place).unwrap_or_else(|| &reclaimable.bids()[place - own.len()]).id
    };
    let ask = |place: usize| -> OrderId {
        let own = firm.asks();
        own.get(place).unwrap_or_else(|| &reclaimable.asks()[place - own.len()]).id
    };
    fills_of(bids, asks, bid, ask)
}
