//! Where outgoing connections may lead to. Everything that connects to an address which somebody else chose (a driver's
//! request, a tenant's webhook) resolves its name once, has all addresses vetted, and connects to exactly these.
//!
//! # Guarantees
//! - Only public addresses pass, and those that the operator names; the addresses at which clouds hand out credentials
//!   pass only when they are named as they are.
//! - One address that may not be connected to refuses the whole name: a name that leads to both is not to be trusted.
//!
//! # Caveats
//! Whoever connects must use the addresses of the answer. Resolving again would let the name lead elsewhere meanwhile.

mod address;
mod host;
mod resolve;
mod vet;

pub use address::{AddressRange, InvalidRange, may_connect};
pub use host::{Host, parse_authority};
pub use resolve::{Resolver, SystemResolver};
pub use vet::{Refusal, vetted};
