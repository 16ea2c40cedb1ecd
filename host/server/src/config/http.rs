//! The HTTP API: where it listens, and what a caller may take up.

use super::Faults;
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
    /// The largest body of a request that brings measurements, in KiB, once it is unpacked.
    pub ingest_body_limit_kib: u32,
    /// A request that takes longer than this many seconds is given up.
    pub request_timeout_s: u32,
    /// Requests that are worked on at a time; one more is turned away.
    pub max_concurrent_requests: u32,
    /// Event streams that are open at a time; one more is turned away.
    pub max_event_streams: u32,
    /// Events that are kept for streams that come back.
    pub event_backlog: u32,
    /// An event stream says that it lives after this many quiet seconds.
    pub event_keep_alive_s: u32,
    /// At shutdown, requests that are under way get this many seconds to end.
    pub drain_s: u32,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7180),
            body_limit_kib: 256,
            ingest_body_limit_kib: 16 * 1024,
            request_timeout_s: 30,
            max_concurrent_requests: 1_024,
            max_event_streams: 64,
            event_backlog: 1_024,
            event_keep_alive_s: 15,
            drain_s: 10,
        }
    }
}

impl HttpConfig {
    pub(super) fn check(&self, faults: &mut Faults) {
        faults.range("http.body_limit_kib", self.body_limit_kib, 1..=65_536, "KiB");
        faults.range("http.ingest_body_limit_kib", self.ingest_body_limit_kib, 1..=1_048_576, "KiB");
        faults.range("http.request_timeout_s", self.request_timeout_s, 1..=3_600, "seconds");
        faults.range("http.max_concurrent_requests", self.max_concurrent_requests, 1..=1_000_000, "requests");
        faults.range("http.max_event_streams", self.max_event_streams, 1..=100_000, "streams");
        faults.range("http.event_backlog", self.event_backlog, 1..=1_000_000, "events");
        faults.range("http.event_keep_alive_s", self.event_keep_alive_s, 1..=300, "seconds");
        faults.range("http.drain_s", self.drain_s, 0..=600, "seconds");
    }
}
