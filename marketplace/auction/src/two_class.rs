//! A sealed snapshot of all orders of one persona and delivery window: a book per lease class, whose owners offer what
//! they could lease for the whole window (firm) and what they may want back (reclaimable).

use crate::{
    book::{Book, InvalidBook, ORDERS_MAX, Orders, check_ids},
    class::FirmPremium,
};
use serde::{Deserialize, Serialize};

/// Both classes' orders and the premium between them, not yet checked against each other. Every reserve is that of a
/// reclaimable lease: clearing adds the premium where an ask is sold as firm.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TwoClassOrders {
    /// Asks of units that can be leased as either class, and bids for firm leases.
    pub firm: Orders,
    /// Asks of units that can be leased as reclaimable only, and bids for reclaimable leases.
    pub reclaimable: Orders,
    /// What a firm lease costs on top.
    pub premium: FirmPremium,
}

/// Two books that may be cleared together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "TwoClassOrders", into = "TwoClassOrders")]
pub struct TwoClassBook {
    firm: Book,
    reclaimable: Book,
    premium: FirmPremium,
}

impl TwoClassBook {
    /// Units that can be leased as either class, and bids for firm leases.
    #[must_use]
    pub fn firm(&self) -> &Book {
        &self.firm
    }

    /// Units that can be leased as reclaimable only, and bids for reclaimable leases.
    #[must_use]
    pub fn reclaimable(&self) -> &Book {
        &self.reclaimable
    }

    /// What a firm lease costs on top.
    #[must_use]
    pub fn premium(&self) -> FirmPremium {
        self.premium
    }

    /// The orders of both classes.
    #[must_use]
    pub fn orders(&self) -> usize {
        [&self.firm, &self.reclaimable].map(|book| book.asks().len() + book.bids().len()).iter().sum()
    }
}

impl TryFrom<TwoClassOrders> for TwoClassBook {
    type Error = InvalidBook;
    fn try_from(TwoClassOrders { firm, reclaimable, premium }: TwoClassOrders) -> Result<Self, InvalidBook> {
        let book = Self { firm: firm.try_into()?, reclaimable: reclaimable.try_into()?, premium };
        if book.orders() > ORDERS_MAX {
            return Err(InvalidBook::TooManyOrders { orders: book.orders() });
        }
        if book.firm.is_empty() || book.reclaimable.is_empty() {
            return Ok(book);
        }
        check_ids(book.firm.ids().chain(book.reclaimable.ids()).collect())?;
        Ok(book)
    }
}

impl From<TwoClassBook> for TwoClassOrders {
    fn from(TwoClassBook { firm, reclaimable, premium }: TwoClassBook) -> Self {
        Self { firm: firm.into(), reclaimable: reclaimable.into(), premium }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        OrderId,
        test_orders::{ask, bid},
    };

    fn orders(ask_id: u128, bid_id: u128) -> Orders {
        Orders { asks: vec![ask(ask_id, "a", 3, 5)], bids: vec![bid(bid_id, "b", 4, 5)] }
    }

    #[test]
    fn an_id_stands_in_one_class_only() {
        let book = |firm, reclaimable| {
            TwoClassBook::try_from(TwoClassOrders { firm, reclaimable, ..TwoClassOrders::default() })
        };
        assert_eq!(book(orders(1, 2), orders(3, 4)).map(|book| book.orders()), Ok(4));
        let twice = |id| Err(InvalidBook::DuplicateId { order: OrderId(uuid::Uuid::from_u128(id)) });
        assert_eq!(book(orders(1, 2), orders(1, 3)), twice(1));
        assert_eq!(book(orders(1, 2), orders(2, 3)), twice(2));
    }

    #[test]
    fn both_classes_together_are_bounded() {
        let many = |first: usize| {
            let ids = first..first + ORDERS_MAX / 2 + 1;
            Orders { asks: ids.map(|id| ask(id as u128, "a", 3, 5)).collect(), bids: Vec::new() }
        };
        let orders = TwoClassOrders { firm: many(0), reclaimable: many(ORDERS_MAX), ..TwoClassOrders::default() };
        let error = TwoClassBook::try_from(orders).expect_err("too many");
        assert_eq!(error, InvalidBook::TooManyOrders { orders: ORDERS_MAX + 2 });
    }

    #[test]
    fn a_book_survives_being_written() {
        let premium = FirmPremium::try_from(7).expect("valid");
        let orders = TwoClassOrders { firm: orders(1, 2), reclaimable: Orders::default(), premium };
        let book = TwoClassBook::try_from(orders).expect("valid");
        let text = serde_json::to_string(&book).expect("text");
        assert_eq!(serde_json::from_str::<TwoClassBook>(&text).expect("valid"), book);
        assert!(serde_json::from_str::<TwoClassBook>(&text.replace("\"premium\":7", "\"premium\":-7")).is_err());
    }
}
