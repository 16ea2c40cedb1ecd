//! The order in which bids and asks are served: by price, then earlier round, then (bids) lower dominant share, then a
//! lottery that the committed seed decides. There is no priority of time inside a round.

use crate::{
    book::Book,
    digest::Seed,
    order::{Ask, Bid, OrderId},
};
use forewarm_domain::id::TenantName;
use std::{
    cmp::{Ordering, Reverse},
    collections::HashMap,
};

/// An order at its rank.
pub(crate) struct Ranked<'a, T> {
    pub(crate) order: &'a T,
    /// Where it stands in the book's own order.
    pub(crate) place: usize,
    /// Its organisation, numbered from 0 within this book. The numbers name, they never decide.
    pub(crate) organisation: usize,
}

/// A book with both sides in the order of service.
pub(crate) struct Ranking<'a> {
    pub(crate) bids: Vec<Ranked<'a, Bid>>,
    pub(crate) asks: Vec<Ranked<'a, Ask>>,
    /// How many organisations take part.
    pub(crate) organisations: usize,
}

impl<'a> Ranking<'a> {
    pub(crate) fn new(book: &'a Book, seed: Seed) -> Self {
        let mut numbers = HashMap::new();
        let mut asks = number(book.asks(), |ask| &ask.organisation, &mut numbers);
        let mut bids = number(book.bids(), |bid| &bid.organisation, &mut numbers);
        rank(&mut asks, seed, |ask| ask.id, |a, b| key_of_ask(a).cmp(&key_of_ask(b)));
        rank(&mut bids, seed, |bid| bid.id, |a, b| key_of_bid(a).cmp(&key_of_bid(b)));
        Self { bids, asks, organisations: numbers.len() }
    }
}

fn key_of_ask(ask: &Ask) -> impl Ord {
    (ask.reserve, ask.entry_round)
}

fn key_of_bid(bid: &Bid) -> impl Ord {
    (Reverse(bid.limit), bid.entry_round, bid.dominant_share)
}

fn number<'a, T>(
    orders: &'a [T],
    organisation: impl Fn(&'a T) -> &'a TenantName,
    numbers: &mut HashMap<&'a TenantName, usize>,
) -> Vec<Ranked<'a, T>> {
    let mut numbered = |(place, order): (usize, &'a T)| {
        let next = numbers.len();
        let organisation = *numbers.entry(organisation(order)).or_insert(next);
        Ranked { order, place, organisation }
    };
    orders.iter().enumerate().map(&mut numbered).collect()
}

/// Sorts by `compare`, then draws lots among equals only: most orders of a book need no draw.
fn rank<T>(ranked: &mut [Ranked<'_, T>], seed: Seed, id: impl Fn(&T) -> OrderId, compare: impl Fn(&T, &T) -> Ordering) {
    ranked.sort_unstable_by(|a, b| compare(a.order, b.order));
    for equals in ranked.chunk_by_mut(|a, b| compare(a.order, b.order).is_eq()) {
        if equals.len() > 1 {
            equals.sort_by_cached_key(|ranked| (seed.draw(id(ranked.order)), id(ranked.order)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_orders::{ask, bid, book, share};

    fn check(book: &Book, seed: u8, bids: &[u128], asks: &[u128]) {
        let ranking = Ranking::new(book, Seed([seed; 32]));
        assert_eq!(ranking.bids.iter().map(|bid| bid.order.id.0.as_u128()).collect::<Vec<_>>(), bids);
        assert_eq!(ranking.asks.iter().map(|ask| ask.order.id.0.as_u128()).collect::<Vec<_>>(), asks);
    }

    #[test]
    fn price_goes_before_round_before_share() {
        let bids = vec![
            Bid { dominant_share: share(1, 3), ..bid(1, "a", 5, 1) },
            Bid { dominant_share: share(1, 4), ..bid(2, "b", 5, 1) },
            Bid { entry_round: crate::RoundNumber(0), dominant_share: share(9, 10), ..bid(3, "c", 5, 1) },
            bid(4, "d", 6, 1),
        ];
        let asks = vec![ask(11, "x", 3, 1), ask(12, "y", 2, 1)];
        check(&book(asks, bids), 0, &[4, 3, 2, 1], &[12, 11]);
    }

    #[test]
    fn the_seed_decides_among_equals() {
        let equals = |seed| {
            let book = book(Vec::new(), (0..20).map(|id| bid(id, "a", 5, 1)).collect());
            let ranking = Ranking::new(&book, Seed([seed; 32]));
            ranking.bids.iter().map(|bid| bid.place).collect::<Vec<_>>()
        };
        assert_eq!(equals(1), equals(1));
        assert_ne!(equals(1), equals(2));
        assert_ne!(equals(1), (0..20).collect::<Vec<_>>(), "ids alone must not decide");
    }
}
