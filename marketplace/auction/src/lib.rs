//! Clears the sealed books of the capacity market: a uniform-price call auction as pure functions. [`clear`] takes a book
//! of one lease class, [`clear_market`] both classes of one persona and window, [`clear_round`] all books of a round;
//! [`settle_plan`] says which money moves then.
//!
//! # Guarantees
//! - The same books and [`Seed`] give the same result and the same hash, in whatever order the orders came and on
//!   whatever number of threads.
//! - One price per class for all: no buyer pays more than its limit, no seller gets less than its reserve, or its reserve
//!   and the premium for a firm lease.
//! - A bid gets nothing, or between its min-fill and its quantity. Units bought are units sold.
//! - Nobody who would pay more than the price is left short, other than with [`ReasonCode::ParadoxicallyRejected`] (its
//!   min-fill could not be met) or [`ReasonCode::SelfTrade`] (its organisation can buy no more without buying from
//!   itself). Neither makes a price. With two classes this holds unless the outcome is [`Regime::Flagged`].
//! - Nothing is traded inside one organisation, and no (bid, ask) pair appears twice among the fills.
//! - Time is O(n log n) in the number of orders; memory is O(n).
//!
//! # Assumptions
//! - The orders' money is held before they enter a book: clearing reads no budgets.
//! - The seed was committed to before the first order came in, else the lottery among equals can be steered.
//! - Dominant shares are those at the seal; fills of this book do not move them.
//! - No order stands in two books of a round.
//!
//! # Invariants
//! No clock, no randomness, no input or output, no floats. Every number is bounded where it enters
//! ([`Price::MAX`], [`Quantity::MAX`], [`ORDERS_MAX`]), so no sum of units in here can overflow; money is checked.
//!
//! # Caveats
//! A min-fill makes the best allocation a hard combinatorial problem. One pass in the order of priority is taken
//! instead: it is fast, explainable and flags whom it passes over, but may leave surplus on the table. With min-fills,
//! raising a limit can also lose units.

mod book;
mod class;
mod clearing;
mod digest;
mod market;
mod matching;
mod money;
mod order;
mod pairing;
mod pooled;
mod priority;
mod round;
mod self_trade;
mod settlement;
mod terms;
#[cfg(test)]
mod test_orders;
mod two_class;

pub use book::{Book, InvalidBook, ORDERS_MAX, Orders};
pub use class::{FirmPremium, InvalidPremium, LeaseClass};
pub use clearing::{Clearing, Fill, OrderResult, ReasonCode, Side, clear};
pub use digest::{BookHash, ClearingHash, InvalidDigest, RoundHash, Seed};
pub use market::{ClassOutcome, Regime, TwoClassClearing, clear_market};
pub use money::{InvalidPrice, MicroCredits, MoneyOverflow, Price};
pub use order::{Ask, Bid, DominantShare, InvalidQuantity, InvalidShare, OrderId, Quantity, RoundNumber};
pub use round::{RoundClearing, clear_round};
pub use settlement::{HoldChange, Leg, SettleError, SettlePlan, Trade, settle_plan};
pub use terms::{InvalidDuration, InvalidRate, LeaseDuration, PartsPerMillion, Reclaim, Terms};
pub use two_class::{TwoClassBook, TwoClassOrders};
