//! Clears one sealed book of one lease class: a uniform-price call auction as a pure function, [`clear`].
//!
//! # Guarantees
//! - The same [`Book`] and [`Seed`] give the same [`Clearing`] and the same hash, in whatever order the orders came.
//! - One price for all: no buyer pays more than its limit, no seller gets less than its reserve.
//! - A bid gets nothing, or between its min-fill and its quantity. Units bought are units sold.
//! - Nobody who would pay more than the price is left short, other than with [`ReasonCode::ParadoxicallyRejected`] (its
//!   min-fill could not be met) or [`ReasonCode::SelfTrade`] (its organisation can buy no more without buying from
//!   itself). Neither makes a price.
//! - Nothing is traded inside one organisation, and no (bid, ask) pair appears twice among the fills.
//! - Time is O(n log n) in the number of orders; memory is O(n).
//!
//! # Assumptions
//! - The orders' money is held before they enter a book: clearing reads no budgets.
//! - The seed was committed to before the first order came in, else the lottery among equals can be steered.
//! - Dominant shares are those at the seal; fills of this book do not move them.
//!
//! # Invariants
//! No clock, no randomness, no input or output, no floats. Every number is bounded where it enters
//! ([`Price::MAX`], [`Quantity::MAX`], [`ORDERS_MAX`]), so no sum in here can overflow.
//!
//! # Caveats
//! A min-fill makes the best allocation a hard combinatorial problem. One pass in the order of priority is taken
//! instead: it is fast, explainable and flags whom it passes over, but may leave surplus on the table. With min-fills,
//! raising a limit can also lose units.

mod book;
mod clearing;
mod digest;
mod matching;
mod money;
mod order;
mod pairing;
mod priority;
mod self_trade;
#[cfg(test)]
mod test_orders;

pub use book::{Book, InvalidBook, ORDERS_MAX, Orders};
pub use clearing::{Clearing, Fill, OrderResult, ReasonCode, Side, clear};
pub use digest::{BookHash, ClearingHash, InvalidDigest, Seed};
pub use money::{InvalidPrice, MicroCredits, MoneyOverflow, Price};
pub use order::{Ask, Bid, DominantShare, InvalidQuantity, InvalidShare, OrderId, Quantity, RoundNumber};
