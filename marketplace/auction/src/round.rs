//! All books of one round, on as many threads as the caller's rayon pool has.

use crate::{
    digest::{Encoder, RoundHash, Seed},
    market::{TwoClassClearing, clear_market},
    two_class::TwoClassBook,
};
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};
use serde::Serialize;

/// The outcome of a round.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RoundClearing {
    /// One per book, in the order of the books.
    pub books: Vec<TwoClassClearing>,
    /// Equal exactly when seed, books and outcomes are, whatever the order of the books and the number of threads.
    pub hash: RoundHash,
}

/// Clears books that share no order. One seed serves all: it draws a lot per order, and no order is in two books.
#[must_use]
pub fn clear_round(books: &[TwoClassBook], seed: Seed) -> RoundClearing {
    let books: Vec<_> = books.par_iter().map(|book| clear_market(book, seed)).collect();
    let mut hashes: Vec<_> = books.iter().map(|book| book.hash).collect();
    hashes.sort_unstable();
    let mut encoder = Encoder::new("forewarm auction round 1", 40 + 32 * hashes.len());
    encoder.bytes(&seed.0);
    encoder.length(hashes.len());
    hashes.iter().for_each(|hash| encoder.bytes(&hash.0));
    RoundClearing { books, hash: RoundHash(encoder.finish()) }
}
