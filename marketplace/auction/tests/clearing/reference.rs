//! An exhaustive search over all allocations of small books without min-fills, written from the rules alone: the greatest
//! surplus, then the most units, then what the ranks prefer; pairs by augmenting paths; the price by trying each.

use crate::orders::{Shape, book, market};
use forewarm_auction::{Ask, Bid, OrderId, Orders, Price, Seed, clear};
use proptest::prelude::*;
use std::{cmp::Reverse, collections::BTreeMap};

/// Surplus, units, and units per bid and per ask by rank: the greatest in this order is best.
type Allocation = (i64, u32, Vec<u32>, Vec<u32>);

struct Reference {
    bids: Vec<Bid>,
    asks: Vec<Ask>,
}

impl Reference {
    fn new(seed: Seed, orders: &Orders) -> Self {
        let Orders { mut asks, mut bids } = orders.clone();
        let lot = |id: OrderId| *blake3::keyed_hash(&seed.0, id.0.as_bytes()).as_bytes();
        asks.sort_by_key(|ask| (ask.reserve, ask.entry_round, lot(ask.id)));
        // Shares are of 1 or 2, so their doubles are whole.
        let doubled = |bid: &Bid| 2 * bid.dominant_share.part() / bid.dominant_share.whole();
        bids.sort_by_key(|bid| (Reverse(bid.limit), bid.entry_round, doubled(bid), lot(bid.id)));
        Self { bids, asks }
    }

    /// The best allocation in which the bids of `cut` take at most so many units.
    fn best(&self, cut: Option<(&str, u32)>) -> Allocation {
        let asks = every(&self.asks.iter().map(|ask| ask.quantity.get()).collect::<Vec<_>>());
        let bids = every(&self.bids.iter().map(|bid| bid.quantity.get()).collect::<Vec<_>>());
        let allowed = |units: &Vec<u32>| cut.is_none_or(|(name, most)| self.bought(name, units) <= most);
        let mut best = Allocation::default();
        for bids in bids.into_iter().filter(allowed) {
            let total: u32 = bids.iter().sum();
            for asks in asks.iter().filter(|asks| asks.iter().sum::<u32>() == total) {
                let value: i64 = self.bids.iter().zip(&bids).map(|(bid, units)| worth(bid.limit, *units)).sum();
                let cost: i64 = self.asks.iter().zip(asks).map(|(ask, units)| worth(ask.reserve, *units)).sum();
                best = best.max((value - cost, total, bids.clone(), asks.clone()));
            }
        }
        best
    }

    fn bought(&self, name: &str, units: &[u32]) -> u32 {
        let own = self.bids.iter().zip(units).filter(|(bid, _)| bid.organisation.as_str() == name);
        own.map(|(_, units)| units).sum()
    }

    /// Whether each unit bought finds a unit sold by somebody else.
    fn can_be_paired(&self, (_, _, bids, asks): &Allocation) -> bool {
        let sellers: Vec<_> = spread(self.asks.iter().map(|ask| ask.organisation.as_str()), asks);
        let mut taken = vec![None; sellers.len()];
        let buyers: Vec<_> = spread(self.bids.iter().map(|bid| bid.organisation.as_str()), bids);
        (0..buyers.len()).all(|buyer| augment(buyer, &buyers, &sellers, &mut taken, &mut vec![false; sellers.len()]))
    }

    /// The best allocation that can be paired. Where one organisation stands in the way, it is the one whose cutting
    /// helps, and it keeps as many units as it can.
    fn paired_best(&self) -> (Allocation, Option<&str>) {
        let free = self.best(None);
        if self.can_be_paired(&free) {
            return (free, None);
        }
        let mut names: Vec<_> = self.bids.iter().map(|bid| bid.organisation.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        let cuts = names.into_iter().filter_map(|name| {
            let caps = (0..self.bought(name, &free.2)).rev();
            let mut allocations = caps.map(|most| self.best(Some((name, most))));
            allocations.find(|allocation| self.can_be_paired(allocation)).map(|allocation| (allocation, Some(name)))
        });
        let found: Vec<_> = cuts.collect();
        assert_eq!(found.len(), 1, "exactly one organisation stands in the way");
        found.into_iter().next().expect("just counted")
    }

    /// The least price that suits all sellers and leaves no bid short that would pay more, other than cut ones.
    fn price(&self, (_, total, bids, asks): &Allocation, cut: Option<&str>) -> Option<u32> {
        let sellers_agree =
            |price| self.asks.iter().zip(asks).all(|(ask, units)| *units == 0 || ask.reserve.get() <= price);
        let short =
            |(bid, units): &(&Bid, &u32)| **units < bid.quantity.get() && Some(bid.organisation.as_str()) != cut;
        let none_waits = |price| self.bids.iter().zip(bids).filter(short).all(|(bid, _)| bid.limit.get() <= price);
        (1..=50).find(|price| sellers_agree(*price) && none_waits(*price)).filter(|_| *total > 0)
    }
}

fn worth(price: Price, units: u32) -> i64 {
    i64::from(price) * i64::from(units)
}

/// All vectors from zero to `most` in each place.
fn every(most: &[u32]) -> Vec<Vec<u32>> {
    most.iter().fold(vec![Vec::new()], |shorter, most| {
        let longer =
            |units: &Vec<u32>| (0..=*most).map(|next| [units.as_slice(), &[next]].concat()).collect::<Vec<_>>();
        shorter.iter().flat_map(longer).collect()
    })
}

/// Each name as often as it has units.
fn spread<'a>(names: impl Iterator<Item = &'a str>, units: &[u32]) -> Vec<&'a str> {
    names.zip(units).flat_map(|(name, units)| std::iter::repeat_n(name, *units as usize)).collect()
}

/// Finds `buyer` a unit of somebody else, moving earlier buyers on where needed (Kuhn's algorithm).
fn augment(buyer: usize, buyers: &[&str], sellers: &[&str], taken: &mut [Option<usize>], seen: &mut [bool]) -> bool {
    for unit in 0..sellers.len() {
        if buyers[buyer] == sellers[unit] || std::mem::replace(&mut seen[unit], true) {
            continue;
        }
        let earlier = taken[unit];
        if earlier.is_none_or(|earlier| augment(earlier, buyers, sellers, taken, seen)) {
            taken[unit] = Some(buyer);
            return true;
        }
    }
    false
}

fn check(seed: Seed, orders: &Orders) -> Result<(), TestCaseError> {
    let reference = Reference::new(seed, orders);
    let (allocation, cut) = reference.paired_best();
    let clearing = clear(&book(orders), seed);
    let filled: BTreeMap<_, _> = clearing.results.iter().map(|result| (result.order, result.filled)).collect();
    let bids: Vec<_> = reference.bids.iter().map(|bid| filled[&bid.id]).collect();
    let asks: Vec<_> = reference.asks.iter().map(|ask| filled[&ask.id]).collect();
    prop_assert_eq!((&bids, &asks), (&allocation.2, &allocation.3));
    prop_assert_eq!(clearing.price.map(Price::get), reference.price(&allocation, cut));
    Ok(())
}

const STRANGERS: Shape = Shape { orders_max: 4, units: 1..4, organisations: 200, min_fills: false };
const NEIGHBOURS: Shape = Shape { organisations: 2, orders_max: 3, ..STRANGERS };

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_exhaustive_search_agrees((seed, orders) in market(&STRANGERS)) {
        check(seed, &orders)?;
    }

    #[test]
    fn an_exhaustive_search_agrees_where_organisations_meet_themselves((seed, orders) in market(&NEIGHBOURS)) {
        check(seed, &orders)?;
    }
}
