//! The HTTP API of a market that stands alone: where it listens, and what all callers together may take up.

use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use utoipa::ToSchema;

/// The HTTP API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HttpConfig {
    /// The address and port that the API listens on. Put a proxy that ends TLS before it to reach it from elsewhere.
    #[schema(value_type = String)]
    pub listen: SocketAddr,
    /// The largest body of a request in KiB.
    pub body_limit_kib: u32,
    /// A request that takes longer than this many seconds is given up.
    pub request_timeout_s: u32,
    /// Requests that are worked on at a time; one more is turned away.
    pub max_concurrent_requests: u32,
    /// At shutdown, requests that are under way get this many seconds to end.
    pub drain_s: u32,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7190),
            body_limit_kib: 64,
            request_timeout_s: 30,
            max_concurrent_requests: 1_024,
            drain_s: 10,
        }
    }
}
