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
use utoipa::ToSchema;

/// A text that is no seed or hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected 64 hexadecimal digits")]
pub struct InvalidDigest;

macro_rules! digest {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schema(value_type = String, pattern = "^[0-9a-f]{64}$")]
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
digest!(
    /// Stands for all clearings of a round and everything that went into them; written as 64 hexadecimal digits.
    RoundHash
);

impl Seed {
    /// The lot of an order: lower goes first, and of the same lots the lower id.
    pub(crate) fn draw(self, order: OrderId) -> u64 {
        let drawn = blake3::keyed_hash(&self.0, order.0.as_bytes());
        let first = drawn.as_bytes().first_chunk().copied().unwrap_or_default();
        u64::from_be_bytes(first)
    }
}

impl Book {
    /// The hash of orders in their canonical order, with their organisations.
    pub(crate) fn hash_of_content(&self) -> BookHash {
        let names = self.organisations().iter().map(|name| 8 + name.as_str().len()).sum::<usize>();
        let bytes = 24 + names + 36 * self.asks().len() + 56 * self.bids().len();
        let mut encoder = Encoder::new("forewarm auction book 1", bytes);
        encoder.length(self.organisations().len());
        self.organisations().iter().for_each(|name| encoder.text(name.as_str()));
        encoder.length(self.asks().len());
        for (ask, seller) in self.asks().iter().zip(self.sellers()) {
            let mut record = Record::<36>::new();
            record.order(ask.id).u32(ask.reserve.get()).u32(ask.quantity.get()).u64(ask.entry_round.0).u32(*seller);
            encoder.record(&record);
        }
        encoder.length(self.bids().len());
        for (bid, buyer) in self.bids().iter().zip(self.buyers()) {
            let mut record = Record::<56>::new();
            record.order(bid.id).u32(bid.limit.get()).u32(bid.quantity.get());
            record.u32(bid.min_fill.map_or(0, Quantity::get)).u64(bid.entry_round.0).u32(*buyer);
            record.u64(bid.dominant_share.part()).u64(bid.dominant_share.whole());
            encoder.record(&record);
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
    let mut encoder = Encoder::new("forewarm auction clearing 1", outcome_bytes(fills.len(), results.len()));
    encoder.bytes(&book.hash().0);
    encoder.bytes(&seed.0);
    encoder.price(price);
    encoder.fills(fills);
    encoder.results(results);
    ClearingHash(encoder.finish())
}

/// About what a clearing's encoding takes.
pub(crate) fn outcome_bytes(fills: usize, results: usize) -> usize {
    160 + 36 * fills + 22 * results
}

/// Bytes that are gathered before they are hashed: enough for all lanes of the processor.
const BUFFER: usize = 1 << 16;

/// One kind of hash in the making.
pub(crate) struct Encoder {
    hasher: blake3::Hasher,
    buffer: Vec<u8>,
}

impl Encoder {
    /// For about so many bytes: a buffer that grows step by step costs more than the hashing of a small book.
    pub(crate) fn new(context: &str, bytes: usize) -> Self {
        Self { hasher: blake3::Hasher::new_derive_key(context), buffer: Vec::with_capacity(bytes.min(BUFFER)) }
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        if self.buffer.len() + bytes.len() > BUFFER {
            self.hasher.update(&self.buffer);
            self.buffer.clear();
        }
        self.buffer.extend_from_slice(bytes);
    }

    pub(crate) fn length(&mut self, length: usize) {
        self.bytes(&(length as u64).to_le_bytes());
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.length(text.len());
        self.bytes(text.as_bytes());
    }

    pub(crate) fn price(&mut self, price: Option<Price>) {
        self.bytes(&price.map_or(0, Price::get).to_le_bytes());
    }

    pub(crate) fn fills(&mut self, fills: &[Fill]) {
        self.length(fills.len());
        for fill in fills {
            let mut record = Record::<36>::new();
            record.order(fill.bid).order(fill.ask).u32(fill.quantity.get());
            self.record(&record);
        }
    }

    pub(crate) fn results(&mut self, results: &[OrderResult]) {
        self.length(results.len());
        for result in results {
            let mut record = Record::<22>::new();
            record.order(result.order).put(&[result.side as u8, result.reason as u8]).u32(result.filled);
            self.record(&record);
        }
    }

    fn record<const SIZE: usize>(&mut self, record: &Record<SIZE>) {
        debug_assert_eq!(record.filled, SIZE, "a record of fixed size");
        self.bytes(&record.bytes);
    }

    pub(crate) fn finish(mut self) -> [u8; 32] {
        *self.hasher.update(&self.buffer).finalize().as_bytes()
    }
}

/// The fixed-width fields of one list entry, so that each entry is copied once.
struct Record<const SIZE: usize> {
    bytes: [u8; SIZE],
    filled: usize,
}

impl<const SIZE: usize> Record<SIZE> {
    fn new() -> Self {
        Self { bytes: [0; SIZE], filled: 0 }
    }

    fn put(&mut self, field: &[u8]) -> &mut Self {
        self.bytes[self.filled..self.filled + field.len()].copy_from_slice(field);
        self.filled += field.len();
        self
    }

    fn u32(&mut self, value: u32) -> &mut Self {
        self.put(&value.to_le_bytes())
    }

    fn u64(&mut self, value: u64) -> &mut Self {
        self.put(&value.to_le_bytes())
    }

    fn order(&mut self, order: OrderId) -> &mut Self {
        self.put(order.0.as_bytes())
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
