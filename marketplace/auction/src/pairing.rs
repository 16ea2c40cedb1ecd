//! Who buys from whom. Any pairing gives everybody the same units at the same price; this one follows the ranks and then
//! exchanges partners where both are of one organisation.

use crate::{
    matching::{Awards, sold},
    priority::Ranking,
};

/// Units that go from an ask to a bid, both by rank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) bid: usize,
    pub(crate) ask: usize,
    pub(crate) units: u32,
}

/// Pairs of different organisations, each at most once, by rank. `awards` must allow such a pairing.
pub(crate) fn pair(ranking: &Ranking<'_>, awards: &Awards) -> Vec<Pair> {
    let mut pairs = apart(ranking, by_rank(ranking, awards));
    pairs.sort_unstable_by_key(|pair| (pair.bid, pair.ask));
    pairs.dedup_by(|next, kept| {
        let same = (next.bid, next.ask) == (kept.bid, kept.ask);
        if same {
            kept.units += next.units;
        }
        same
    });
    pairs
}

/// The best bid takes the cheapest asks, and so on down.
fn by_rank(ranking: &Ranking<'_>, awards: &Awards) -> Vec<Pair> {
    let mut asks = sold(ranking, awards.units).enumerate();
    let (mut ask, mut left) = (0, 0);
    let mut pairs = Vec::new();
    for (bid, award) in awards.bids.iter().enumerate() {
        let mut wanted = award.units;
        while wanted > 0 {
            if left == 0 {
                let Some(next) = asks.next() else { break };
                (ask, left) = next;
            }
            let units = wanted.min(left);
            pairs.push(Pair { bid, ask, units });
            (wanted, left) = (wanted - units, left - units);
        }
    }
    pairs.retain(|pair| pair.units > 0);
    pairs
}

/// Exchanges partners until no pair is of one organisation: first pairs of two different organisations among each other,
/// and those of the one that may be left with pairs that it has no part in.
fn apart(ranking: &Ranking<'_>, pairs: Vec<Pair>) -> Vec<Pair> {
    let buyer = |pair: &Pair| ranking.bids[pair.bid].organisation;
    let seller = |pair: &Pair| ranking.asks[pair.ask].organisation;
    let (own, mut others): (Vec<_>, Vec<_>) = pairs.into_iter().partition(|pair| buyer(pair) == seller(pair));
    // All of one organisation at any time.
    let mut waiting: Vec<Pair> = Vec::new();
    for mut pair in own {
        while let Some(other) = waiting.last_mut().filter(|other| pair.units > 0 && buyer(other) != buyer(&pair)) {
            exchange(&mut pair, other, &mut others);
            waiting.pop_if(|other| other.units == 0);
        }
        if pair.units > 0 {
            waiting.push(pair);
        }
    }
    let mut done = Vec::with_capacity(others.len() + waiting.len());
    for mut pair in others {
        let strange = |own: &&mut Pair| buyer(own) != buyer(&pair) && buyer(own) != seller(&pair);
        let mut free = pair;
        while let Some(own) = waiting.last_mut().filter(strange).filter(|_| free.units > 0) {
            exchange(&mut free, own, &mut done);
            waiting.pop_if(|own| own.units == 0);
        }
        pair.units = free.units;
        if pair.units > 0 {
            done.push(pair);
        }
    }
    debug_assert!(waiting.is_empty(), "the awards left no partner for {waiting:?}");
    done
}

/// Moves as many units as both have to the crosswise pairs.
fn exchange(one: &mut Pair, other: &mut Pair, crosswise: &mut Vec<Pair>) {
    let units = one.units.min(other.units);
    crosswise.push(Pair { bid: one.bid, ask: other.ask, units });
    crosswise.push(Pair { bid: other.bid, ask: one.ask, units });
    one.units -= units;
    other.units -= units;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Seed,
        order::{Ask, Bid},
        self_trade::award_across,
        test_orders::{ask, bid, book},
    };

    fn check(asks: Vec<Ask>, bids: Vec<Bid>, expected: &[(usize, usize, u32)]) {
        let book = book(asks, bids);
        let ranking = Ranking::new(&book, Seed([0; 32]));
        let pairs = pair(&ranking, &award_across(&ranking));
        assert_eq!(pairs.iter().map(|pair| (pair.bid, pair.ask, pair.units)).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn strangers_are_paired_by_rank() {
        let (asks, bids) = (vec![ask(1, "a", 1, 5), ask(2, "b", 2, 5)], vec![bid(3, "c", 9, 7), bid(4, "d", 8, 3)]);
        check(asks, bids, &[(0, 0, 5), (0, 1, 2), (1, 1, 3)]);
    }

    #[test]
    fn own_pairs_exchange_partners() {
        let (asks, bids) = (vec![ask(1, "a", 1, 5), ask(2, "b", 2, 5)], vec![bid(3, "a", 9, 5), bid(4, "b", 8, 5)]);
        check(asks, bids, &[(0, 1, 5), (1, 0, 5)]);
    }

    #[test]
    fn the_last_organisation_exchanges_with_strangers() {
        let asks = vec![ask(1, "a", 1, 2), ask(2, "c", 2, 3)];
        let bids = vec![bid(3, "a", 9, 2), bid(4, "d", 8, 2), bid(5, "e", 7, 1)];
        check(asks, bids, &[(0, 1, 2), (1, 0, 2), (2, 1, 1)]);
    }
}
