//! A sealed snapshot of all orders of one persona, delivery window and lease class. It can only be built from orders that
//! fit together, and keeps them in one canonical order, so that nothing downstream depends on how they came.

use crate::{
    digest::BookHash,
    order::{Ask, Bid, OrderId, Quantity},
};
use forewarm_domain::id::TenantName;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};

/// The most orders of one book, asks and bids together.
pub const ORDERS_MAX: usize = 1_000_000;

/// The orders of a book, not yet checked against each other.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Orders {
    /// What owners offer.
    pub asks: Vec<Ask>,
    /// What tenants want.
    pub bids: Vec<Bid>,
}

/// Orders that may be cleared together, each side by rising id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Orders", into = "Orders")]
pub struct Book {
    asks: Vec<Ask>,
    bids: Vec<Bid>,
    /// Each organisation once, by name.
    organisations: Vec<TenantName>,
    /// The place in `organisations` of each ask's, in the order of the asks.
    sellers: Vec<u32>,
    /// The same for the bids.
    buyers: Vec<u32>,
    hash: BookHash,
}

/// Why orders are no book.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBook {
    /// More than one clearing takes.
    #[error("a book holds at most {ORDERS_MAX} orders, got {orders}; carry the newest over to the next round")]
    TooManyOrders {
        /// Asks and bids together.
        orders: usize,
    },
    /// One id, two orders.
    #[error("order {order} stands in the book twice; ids are unique across asks and bids")]
    DuplicateId {
        /// The id.
        order: OrderId,
    },
    /// A bid that could never be filled.
    #[error("bid {order} wants at least {min_fill} of {quantity} instances; lower its min-fill or raise its quantity")]
    MinFillOverQuantity {
        /// The bid.
        order: OrderId,
        /// The least it takes.
        min_fill: Quantity,
        /// The most it takes.
        quantity: Quantity,
    },
}

impl Book {
    /// The asks by rising id.
    #[must_use]
    pub fn asks(&self) -> &[Ask] {
        &self.asks
    }

    /// The bids by rising id.
    #[must_use]
    pub fn bids(&self) -> &[Bid] {
        &self.bids
    }

    /// The hash of the snapshot. Equal for the same orders in any order. It is found once, when the book is sealed.
    #[must_use]
    pub fn hash(&self) -> BookHash {
        self.hash
    }

    /// The asks' by rising id, then the bids'.
    pub(crate) fn ids(&self) -> impl Iterator<Item = OrderId> {
        self.asks.iter().map(|ask| ask.id).chain(self.bids.iter().map(|bid| bid.id))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.asks.is_empty() && self.bids.is_empty()
    }

    /// The organisations that take part, each once, by name.
    pub(crate) fn organisations(&self) -> &[TenantName] {
        &self.organisations
    }

    /// The place in [`Book::organisations`] of each ask's.
    pub(crate) fn sellers(&self) -> &[u32] {
        &self.sellers
    }

    /// The place in [`Book::organisations`] of each bid's.
    pub(crate) fn buyers(&self) -> &[u32] {
        &self.buyers
    }
}

impl TryFrom<Orders> for Book {
    type Error = InvalidBook;
    fn try_from(Orders { mut asks, mut bids }: Orders) -> Result<Self, InvalidBook> {
        let orders = asks.len() + bids.len();
        if orders > ORDERS_MAX {
            return Err(InvalidBook::TooManyOrders { orders });
        }
        asks.sort_unstable_by_key(|ask| ask.id);
        bids.sort_unstable_by_key(|bid| bid.id);
        bids.iter().try_for_each(check_min_fill)?;
        let names = || asks.iter().map(|ask| &ask.organisation).chain(bids.iter().map(|bid| &bid.organisation));
        let (organisations, mut sellers) = number(names, orders);
        let buyers = sellers.split_off(asks.len());
        let mut book = Self { asks, bids, organisations, sellers, buyers, hash: BookHash([0; 32]) };
        check_ids(book.ids().collect())?;
        book.hash = book.hash_of_content();
        Ok(book)
    }
}

/// Each name once, in their order, and the place of each name in that list.
fn number<'a, I: Iterator<Item = &'a TenantName>>(names: impl Fn() -> I, count: usize) -> (Vec<TenantName>, Vec<u32>) {
    let mut seen = HashMap::new();
    let mut places = Vec::with_capacity(count);
    places.extend(names().map(|name| {
        let next = seen.len() as u32;
        *seen.entry(name).or_insert(next)
    }));
    let distinct: BTreeSet<_> = seen.iter().map(|(name, seen)| (*name, *seen)).collect();
    let mut ranks = vec![0; distinct.len()];
    distinct.iter().zip(0..).for_each(|((_, seen), rank)| ranks[*seen as usize] = rank);
    places.iter_mut().for_each(|place| *place = ranks[*place as usize]);
    (distinct.into_iter().map(|(name, _)| name.clone()).collect(), places)
}

impl From<Book> for Orders {
    fn from(Book { asks, bids, .. }: Book) -> Self {
        Self { asks, bids }
    }
}

/// Refuses a second order of one id. Few rising runs are checked in linear time: the stable sort merges them.
pub(crate) fn check_ids(mut ids: Vec<OrderId>) -> Result<(), InvalidBook> {
    ids.sort();
    let twice = ids.windows(2).find(|pair| pair[0] == pair[1]);
    twice.map_or(Ok(()), |pair| Err(InvalidBook::DuplicateId { order: pair[0] }))
}

fn check_min_fill(bid: &Bid) -> Result<(), InvalidBook> {
    match bid.min_fill {
        Some(min_fill) if min_fill > bid.quantity => {
            Err(InvalidBook::MinFillOverQuantity { order: bid.id, min_fill, quantity: bid.quantity })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASK: &str = r#"{"id":"00000000-0000-0000-0000-000000000001","reserve":3,"quantity":5,"entry_round":1,
        "organisation":"a"}"#;
    const BID: &str = r#"{"id":"00000000-0000-0000-0000-000000000002","limit":4,"quantity":5,"min_fill":2,"entry_round":1,
        "organisation":"b","dominant_share":{"part":1,"whole":4}}"#;

    fn read(asks: &[&str], bids: &[&str]) -> Result<Book, String> {
        let text = format!(r#"{{"asks":[{}],"bids":[{}]}}"#, asks.join(","), bids.join(","));
        serde_json::from_str(&text).map_err(|error| error.to_string())
    }

    fn check_refused(asks: &[&str], bids: &[&str], expected: &str) {
        let error = read(asks, bids).expect_err("not a book");
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn a_book_survives_being_written() {
        let book = read(&[ASK], &[BID]).expect("valid");
        let again = serde_json::from_str(&serde_json::to_string(&book).expect("text")).expect("valid");
        assert_eq!(book, again);
        assert!(read(&[], &[]).is_ok(), "a round may be empty");
    }

    #[test]
    fn bad_orders_are_refused_by_name() {
        check_refused(&[ASK, ASK], &[], "order 00000000-0000-0000-0000-000000000001 stands in the book twice");
        let same_id = BID.replace("0002", "0001");
        check_refused(&[ASK], &[&same_id], "order 00000000-0000-0000-0000-000000000001 stands in the book twice");
        let greedy = BID.replace("\"min_fill\":2", "\"min_fill\":6");
        check_refused(&[], &[&greedy], "000000000002 wants at least 6 of 5 instances");
        for (from, to, expected) in [
            ("\"quantity\":5", "\"quantity\":0", "1 to 1000000 instances; got 0"),
            ("\"quantity\":5", "\"quantity\":-5", "1 to 1000000 instances; got -5"),
            ("\"quantity\":5", "\"quantity\":1000001", "1 to 1000000 instances; got 1000001"),
            ("\"limit\":4", "\"limit\":0", "micro-credits per instance-second; got 0"),
            ("\"limit\":4", "\"limit\":1000000001", "micro-credits per instance-second; got 1000000001"),
            ("\"min_fill\":2", "\"min_fill\":0", "1 to 1000000 instances; got 0"),
            ("\"limit\":4", "\"limt\":4", "unknown field `limt`"),
        ] {
            check_refused(&[], &[&BID.replace(from, to)], expected);
        }
    }

    #[test]
    fn too_many_orders_are_refused() {
        let ask: Ask = serde_json::from_str(ASK).expect("valid");
        let orders = Orders { asks: vec![ask; ORDERS_MAX + 1], bids: Vec::new() };
        assert_eq!(Book::try_from(orders), Err(InvalidBook::TooManyOrders { orders: ORDERS_MAX + 1 }));
    }
}
