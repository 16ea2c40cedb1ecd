//! The order in which bids and asks are served: by price, then earlier round, then (bids) lower dominant share, then a
//! lottery that the committed seed decides. There is no priority of time inside a round.

use crate::{
    book::Book,
    digest::Seed,
    order::{DominantShare, OrderId},
};
use rayon::slice::ParallelSliceMut;

/// Bits that the place of an order takes, below its price in a sort key: [`crate::ORDERS_MAX`] fits.
const PLACE_BITS: u32 = 20;
const _: () = assert!(crate::ORDERS_MAX < 1 << PLACE_BITS);
/// From so many orders on, several threads sort them.
const ALONE_MAX: usize = 1 << 15;

/// An order at its rank, with all that the passes need of it side by side.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ranked {
    /// Limit or reserve on the scale of this clearing.
    pub(crate) price: u32,
    pub(crate) units: u32,
    /// The least that it takes; 1 where it said nothing.
    pub(crate) min_fill: u32,
    /// Its organisation's number in this clearing. The numbers name, they never decide.
    pub(crate) organisation: u32,
    /// Where it stands in its side of all parts, one after the other.
    pub(crate) place: u32,
}

/// How a part's prices enter: `factor * price + shift`, from 0 on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    pub(crate) factor: i64,
    pub(crate) asks: i64,
    pub(crate) bids: i64,
}

impl Scale {
    /// Prices as they are.
    pub(crate) const PLAIN: Self = Self { factor: 1, asks: 0, bids: 0 };

    fn price(self, price: u32, shift: i64) -> u32 {
        u32::try_from((self.factor * i64::from(price) + shift).max(0)).unwrap_or(u32::MAX)
    }
}

/// A book as it takes part in a clearing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part<'a> {
    pub(crate) book: &'a Book,
    pub(crate) scale: Scale,
    /// The clearing's number of each of the book's organisations.
    pub(crate) organisations: Option<&'a [u32]>,
}

impl<'a> Part<'a> {
    /// A book that is cleared alone.
    pub(crate) fn alone(book: &'a Book, scale: Scale) -> Self {
        Self { book, scale, organisations: None }
    }

    fn organisation(&self, own: u32) -> u32 {
        self.organisations.map_or(own, |numbers| numbers[own as usize])
    }

    fn asks(&self) -> impl Iterator<Item = Ranked> {
        self.book.asks().iter().zip(self.book.sellers()).map(|(ask, seller)| Ranked {
            price: self.scale.price(ask.reserve.get(), self.scale.asks),
            units: ask.quantity.get(),
            min_fill: 1,
            organisation: self.organisation(*seller),
            place: 0,
        })
    }

    fn bids(&self) -> impl Iterator<Item = Ranked> {
        self.book.bids().iter().zip(self.book.buyers()).map(|(bid, buyer)| Ranked {
            price: self.scale.price(bid.limit.get(), self.scale.bids),
            units: bid.quantity.get(),
            min_fill: bid.min_fill.map_or(1, crate::Quantity::get),
            organisation: self.organisation(*buyer),
            place: 0,
        })
    }
}

/// All parts' orders, both sides in the order of service.
#[derive(Debug)]
pub(crate) struct Ranking {
    pub(crate) bids: Vec<Ranked>,
    pub(crate) asks: Vec<Ranked>,
    /// How many organisations take part.
    pub(crate) organisations: usize,
}

impl Ranking {
    /// Ranks the orders of up to two parts. Among asks of one price those of the first part go first.
    pub(crate) fn new(parts: &[Part<'_>], organisations: usize, seed: Seed) -> Self {
        let (offered, wanted): (usize, usize) = parts
            .iter()
            .fold((0, 0), |(asks, bids), part| (asks + part.book.asks().len(), bids + part.book.bids().len()));
        let asks = || {
            let orders = parts.iter().zip(0..).flat_map(|(part, number)| part.asks().map(move |ask| (ask, number)));
            let ties = |place| {
                let ask = &nth(parts, place, Book::asks);
                Tie { round: ask.entry_round.0, share: DominantShare::NONE, id: ask.id }
            };
            ranked(offered, orders, |ask, part| u64::from(ask.price) << 1 | part, ties, seed)
        };
        let bids = || {
            let orders = parts.iter().flat_map(|part| part.bids().map(|bid| (bid, 0)));
            let ties = |place| {
                let bid = &nth(parts, place, Book::bids);
                Tie { round: bid.entry_round.0, share: bid.dominant_share, id: bid.id }
            };
            ranked(wanted, orders, |bid, _| u64::from(u32::MAX - bid.price), ties, seed)
        };
        let (asks, bids) = if offered + wanted > ALONE_MAX { rayon::join(asks, bids) } else { (asks(), bids()) };
        Self { bids, asks, organisations }
    }
}

/// The order at a place that counts through all parts.
fn nth<'a, T>(parts: &[Part<'a>], place: u32, side: fn(&'a Book) -> &'a [T]) -> &'a T {
    let (first, place) = (side(parts[0].book), place as usize);
    first.get(place).unwrap_or_else(|| &side(parts[1].book)[place - first.len()])
}

/// What decides between orders of one price.
struct Tie {
    round: u64,
    share: DominantShare,
    id: OrderId,
}

/// Sorts by price, packed with the place into one number, then settles what is equal: most orders need no more.
fn ranked(
    count: usize,
    orders: impl Iterator<Item = (Ranked, u64)>,
    price: impl Fn(&Ranked, u64) -> u64,
    tie: impl Fn(u32) -> Tie,
    seed: Seed,
) -> Vec<Ranked> {
    let placed = orders.zip(0..).map(|((order, part), place)| (Ranked { place, ..order }, part));
    let (mut keys, mut by_place) = (Vec::with_capacity(count), Vec::with_capacity(count));
    for (order, part) in placed {
        keys.push(price(&order, part) << PLACE_BITS | u64::from(order.place));
        by_place.push(order);
    }
    if keys.len() > ALONE_MAX {
        keys.par_sort_unstable();
    } else {
        keys.sort_unstable();
    }
    let mut scratch = Vec::new();
    for equals in keys.chunk_by_mut(|a, b| a >> PLACE_BITS == b >> PLACE_BITS).filter(|equals| equals.len() > 1) {
        settle(equals, &tie, seed, &mut scratch);
    }
    keys.iter().map(|key| by_place[place(*key) as usize]).collect()
}

fn place(key: u64) -> u32 {
    (key & ((1 << PLACE_BITS) - 1)) as u32
}

/// Sorts keys of one price by round and share, and draws lots among those that are still equal.
fn settle(keys: &mut [u64], tie: impl Fn(u32) -> Tie, seed: Seed, scratch: &mut Vec<(Tie, u64)>) {
    scratch.clear();
    scratch.extend(keys.iter().map(|key| (tie(place(*key)), *key)));
    let by_claim = |(a, _): &(Tie, u64), (b, _): &(Tie, u64)| (a.round, a.share).cmp(&(b.round, b.share));
    scratch.sort_unstable_by(by_claim);
    for equals in scratch.chunk_by_mut(|a, b| by_claim(a, b).is_eq()).filter(|equals| equals.len() > 1) {
        // The round has decided nothing among these: the lot takes its place.
        equals.iter_mut().for_each(|(tie, _)| tie.round = seed.draw(tie.id));
        equals.sort_unstable_by_key(|(tie, _)| (tie.round, tie.id));
    }
    keys.iter_mut().zip(scratch.iter()).for_each(|(key, (_, settled))| *key = *settled);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        order::Bid,
        test_orders::{ask, bid, book, share},
    };

    fn rank(book: &Book, seed: u8) -> Ranking {
        Ranking::new(&[Part::alone(book, Scale::PLAIN)], book.organisations().len(), Seed([seed; 32]))
    }

    fn check(book: &Book, seed: u8, bids: &[u128], asks: &[u128]) {
        let ranking = rank(book, seed);
        let bid = |ranked: &Ranked| book.bids()[ranked.place as usize].id.0.as_u128();
        let ask = |ranked: &Ranked| book.asks()[ranked.place as usize].id.0.as_u128();
        assert_eq!(ranking.bids.iter().map(bid).collect::<Vec<_>>(), bids);
        assert_eq!(ranking.asks.iter().map(ask).collect::<Vec<_>>(), asks);
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
            rank(&book, seed).bids.iter().map(|bid| bid.place).collect::<Vec<_>>()
        };
        assert_eq!(equals(1), equals(1));
        assert_ne!(equals(1), equals(2));
        assert_ne!(equals(1), (0..20).collect::<Vec<_>>(), "ids alone must not decide");
    }

    #[test]
    fn asks_of_the_first_part_go_first_among_equals() {
        let first = book(vec![ask(1, "x", 4, 1), ask(2, "x", 5, 1)], Vec::new());
        let second = book(vec![ask(3, "y", 4, 1), ask(4, "y", 3, 1)], vec![bid(5, "z", 7, 1)]);
        let scale = Scale { factor: 2, asks: 0, bids: -1 };
        let parts = [Part::alone(&first, scale), Part { organisations: Some(&[1, 2]), ..Part::alone(&second, scale) }];
        let ranking = Ranking::new(&parts, 3, Seed([0; 32]));
        let found: Vec<_> = ranking.asks.iter().map(|ask| (ask.place, ask.price, ask.organisation)).collect();
        assert_eq!(found, [(3, 6, 1), (0, 8, 0), (2, 8, 1), (1, 10, 0)]);
        assert_eq!((ranking.bids[0].price, ranking.bids[0].organisation), (13, 2));
    }
}
