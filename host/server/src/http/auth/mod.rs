//! Who calls, and what they may do. Every request under `/v1` needs a token; what a token allows is looked up in memory.
//!
//! Invariants: secrets are kept as SHA-256 digests only and compared in constant time; a revoked or expired token fails
//! from the next request on; the last administrator's token cannot be revoked.

mod book;
mod bootstrap;
mod caller;
mod market;

pub use book::{NewToken, TokenBook, TokenError};
pub use bootstrap::{BootstrapError, ensure_admin};
pub use caller::Caller;
pub(super) use caller::authenticate;
pub use forewarm_web::Secret;
pub use market::HostLogins;
