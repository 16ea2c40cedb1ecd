//! The capability `http`: outgoing requests of drivers through the host's own connector.
//!
//! A request passes, in this order: the grant (scheme, host, port, method, path), the headers' rules, the limits, name
//! resolution with every address vetted, a connection to exactly the vetted address, and the secret headers, which the
//! host adds last. The response passes its own limits on the way back. No redirect is followed, no proxy is used, no
//! cookie is kept, and HTTP/1.1 is the only version spoken.

mod authority;
mod body;
mod call;
mod client;
mod connect;
mod grant;
mod headers;
mod hooks;
mod limits;
mod metrics;
mod path;
mod pool;
mod problem;
mod rate;
mod secret;

pub use authority::HostPattern;
pub use forewarm_egress::{AddressRange, Resolver, SystemResolver};
pub use grant::{HttpDestination, HttpGrant, HttpMethod, HttpScheme};
pub use limits::HttpLimits;
pub use metrics::HttpMetrics;
pub use path::PathPrefix;
pub use secret::{Secret, SecretHeader};

pub(crate) use client::Client;
pub(crate) use hooks::{Hooks, OFFERED, link};
pub(crate) use metrics::HttpCounters;

/// What is wrong with a part of a grant; the text says what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct HttpGrantError(pub(crate) String);

impl From<forewarm_egress::InvalidRange> for HttpGrantError {
    fn from(error: forewarm_egress::InvalidRange) -> Self {
        Self(error.to_string())
    }
}
