//! Orders for unit tests: ids from small numbers, first round, no dominant share.

use crate::{Ask, Bid, Book, DominantShare, OrderId, Orders, RoundNumber};
use uuid::Uuid;

pub(crate) fn ask(id: u128, organisation: &str, reserve: i64, quantity: i64) -> Ask {
    Ask {
        id: OrderId(Uuid::from_u128(id)),
        reserve: reserve.try_into().expect("a price"),
        quantity: quantity.try_into().expect("a quantity"),
        entry_round: RoundNumber(1),
        organisation: organisation.parse().expect("a name"),
    }
}

pub(crate) fn bid(id: u128, organisation: &str, limit: i64, quantity: i64) -> Bid {
    Bid {
        id: OrderId(Uuid::from_u128(id)),
        limit: limit.try_into().expect("a price"),
        quantity: quantity.try_into().expect("a quantity"),
        min_fill: None,
        entry_round: RoundNumber(1),
        organisation: organisation.parse().expect("a name"),
        dominant_share: DominantShare::NONE,
    }
}

pub(crate) fn share(part: u64, whole: u64) -> DominantShare {
    DominantShare::new(part, whole).expect("a ratio")
}

pub(crate) fn book(asks: Vec<Ask>, bids: Vec<Bid>) -> Book {
    Book::try_from(Orders { asks, bids }).expect("a book")
}
