//! The audit log: one link per settled round, each chained to the one before by its hash, so that whoever has seen one
//! link can tell whether anything before it was changed.

mod chain;
mod verify;

pub use chain::{GENESIS, Link, RoundFacts, link};
pub use verify::{AuditEntry, Break, Verified, verify};
