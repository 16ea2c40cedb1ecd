//! Who calls the market, and what they may do. A token speaks for one cost centre and all below it, in one role or more;
//! an operator's speaks for the whole market.
//!
//! # Invariants
//! - Secrets are kept as SHA-256 digests only and compared in constant time; a revoked or expired token fails from the next
//!   request on; the last operator's token cannot be revoked.
//! - What is another tenant's is answered as if it were not there.
//! - A tenant's requests beyond its share end before their body is read.

mod book;
mod caller;
mod config;
mod share;

pub use book::{NewToken, Token, TokenBook, TokenError};
pub use caller::Logins;
pub(crate) use caller::{Who, admit};
pub use config::LimitsConfig;
pub use share::{Place, Refused, Shares};
