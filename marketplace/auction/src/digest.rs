//! Seeds and hashes of 32 bytes, and the canonical encodings that are hashed: fixed-width little-endian integers, lengths
//! before lists and texts, 0 for an absent option. BLAKE3 with one context each, so that no two kinds can be confused.

use crate::{
    book::Book,
    clearing::{Fill, OrderResult},
    money::Price,
    order::{OrderId, Quantity},
};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A text that is no seed or hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected 64 hexadecimal digits")]
pub struct InvalidDigest;

macro_rules! digest {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(pub [u8; 32]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&blake3::Hash::from_bytes(self.0).to_hex())
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidDigest;
            fn from_str(text: &str) -> Result<Self, InvalidDigest> {
                blake3::Hash::from_hex(text).map(|hash| Self(*hash.as_bytes())).map_err(|_| InvalidDigest)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidDigest;
            fn try_from(text: String) -> Result<Self, InvalidDigest> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(digest: $name) -> Self {
                digest.to_string()
            }
        }
    };
}

digest!(
    /// What decides the lottery among equals; written as 64 hexadecimal digits.
    Seed
);
digest!(
    /// Stands for the whole content of a sealed book; written as 64 hexadecimal digits.
    BookHash
);
digest!(
    /// Stands for a clearing and everything that went into it; written as 64 hexadecimal digits.
    ClearingHash
);

impl Seed {
    /// The lot of an order: lower goes first.
    pub(crate) fn draw(self, order: OrderId) -> [u8; 32] {
        *blake3::keyed_hash(&self.0, order.0.as_bytes()).as_bytes()
    }
}

impl Book {
    /// The hash of the snapshot. Equal for the same orders in any order.
    #[must_use]
    pub fn hash(&self) -> BookHash {
        let mut encoder = Encoder::new("forewarm auction book 1");
        encoder.length(self.asks().len());
        for ask in self.asks() {
            encoder.order(ask.id);
            encoder.u32(ask.reserve.get());
            encoder.u32(ask.quantity.get());
            encoder.u64(ask.entry_round.0);
            encoder.text(ask.organisation.as_str());
        }
        encoder.length(self.bids().len());
        for bid in self.bids() {
            encoder.order(bid.id);
            encoder.u32(bid.limit.get());
            encoder.u32(bid.quantity.get());
            encoder.u32(bid.min_fill.map_or(0, Quantity::get));
            encoder.u64(bid.entry_round.0);
            encoder.text(bid.organisation.as_str());
            encoder.u64(bid.dominant_share.part());
            encoder.u64(bid.dominant_share.whole());
        }
        BookHash(encoder.finish())
    }
}

/// The hash of a result, with the book and the seed that it came from.
pub(crate) fn clearing_hash(
    book: &Book,
    seed: Seed,
    price: Option<Price>,
    fills: &[Fill],
    results: &[OrderResult],
) -> ClearingHash {
    let mut encoder = Encoder::new("forewarm auction clearing 1");
    encoder.bytes(&book.hash().0);
    encoder.bytes(&seed.0);
    encoder.u32(price.map_or(0, Price::get));
    encoder.length(fills.len());
    for fill in fills {
        encoder.order(fill.bid);
        encoder.order(fill.ask);
        encoder.u32(fill.quantity.get());
    }
    encoder.length(results.len());
    for result in results {
        encoder.order(result.order);
        encoder.bytes(&[result.side as u8, result.reason as u8]);
        encoder.u32(result.filled);
    }
    ClearingHash(encoder.finish())
}

struct Encoder(blake3::Hasher);

impl Encoder {
    fn new(context: &str) -> Self {
        Self(blake3::Hasher::new_derive_key(context))
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn u32(&mut self, value: u32) {
        self.bytes(&value.to_le_bytes());
    }

    fn u64(&mut self, value: u64) {
        self.bytes(&value.to_le_bytes());
    }

    fn length(&mut self, length: usize) {
        self.u64(length as u64);
    }

    fn order(&mut self, order: OrderId) {
        self.bytes(order.0.as_bytes());
    }

    fn text(&mut self, text: &str) {
        self.length(text.len());
        self.bytes(text.as_bytes());
    }

    fn finish(self) -> [u8; 32] {
        *self.0.finalize().as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_orders::{ask, bid, book};

    #[test]
    fn digests_are_written_in_hexadecimal() {
        let text = "00ff".repeat(16);
        let seed: Seed = text.parse().expect("valid");
        assert_eq!(seed.to_string(), text);
        assert_eq!("00ff".parse::<Seed>(), Err(InvalidDigest));
    }

    #[test]
    fn every_part_of_an_order_is_in_the_hash() {
        let (ask, bid) = (ask(1, "a", 3, 4), bid(2, "b", 5, 6));
        let two = Quantity::try_from(2).expect("valid");
        let round = crate::RoundNumber(9);
        let changed_asks = [
            crate::Ask { id: OrderId(uuid::Uuid::from_u128(7)), ..ask.clone() },
            crate::Ask { reserve: Price::MAX, ..ask.clone() },
            crate::Ask { quantity: two, ..ask.clone() },
            crate::Ask { entry_round: round, ..ask.clone() },
            crate::Ask { organisation: bid.organisation.clone(), ..ask.clone() },
        ];
        let changed_bids = [
            crate::Bid { id: OrderId(uuid::Uuid::from_u128(7)), ..bid.clone() },
            crate::Bid { limit: Price::MAX, ..bid.clone() },
            crate::Bid { quantity: two, ..bid.clone() },
            crate::Bid { min_fill: Some(two), ..bid.clone() },
            crate::Bid { entry_round: round, ..bid.clone() },
            crate::Bid { organisation: ask.organisation.clone(), ..bid.clone() },
            crate::Bid { dominant_share: crate::test_orders::share(1, 2), ..bid.clone() },
        ];
        let mut hashes = vec![book(vec![ask.clone()], vec![bid.clone()]).hash()];
        hashes.extend(changed_asks.map(|changed| book(vec![changed], vec![bid.clone()]).hash()));
        hashes.extend(changed_bids.map(|changed| book(vec![ask.clone()], vec![changed]).hash()));
        let distinct: std::collections::BTreeSet<_> = hashes.iter().collect();
        assert_eq!(distinct.len(), hashes.len());
    }
}
