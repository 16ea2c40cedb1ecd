//! What a plugin may use of the network.

use serde::Serialize;
use std::time::Duration;

/// What a plugin's requests may use. Going over a limit ends the request with an error of `wasi:http`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct HttpLimits {
    /// Connections at a time, idle ones included; from 1.
    pub connections: usize,
    /// Requests at a time, responses that are not read to their end included; from 1.
    pub in_flight: usize,
    /// Requests of one call. Each counts as a host call, too.
    pub per_call: u32,
    /// Requests per second on average; from 1.
    pub per_second: u32,
    /// Requests at once beyond the average; from 1.
    pub burst: u32,
    /// Bytes of a request's body.
    pub request_bytes: usize,
    /// Bytes of a response's body.
    pub response_bytes: u64,
    /// Bytes of all headers together, and of a request's path and query; of request and response each.
    pub header_bytes: usize,
    /// Headers of a request or a response.
    pub headers: usize,
    /// Time for name resolution, connection and TLS.
    pub connect: Duration,
    /// Time between the request and the response's headers.
    pub first_byte: Duration,
    /// Time between two parts of the response's body.
    pub between_bytes: Duration,
    /// Time of the whole exchange, the response's body included.
    pub total: Duration,
    /// Time after which an unused connection is closed.
    pub idle: Duration,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            connections: 8,
            in_flight: 8,
            per_call: 100,
            per_second: 50,
            burst: 100,
            request_bytes: 1 << 20,
            response_bytes: 8 << 20,
            header_bytes: 16 << 10,
            headers: 64,
            connect: Duration::from_secs(5),
            first_byte: Duration::from_secs(10),
            between_bytes: Duration::from_secs(5),
            total: Duration::from_secs(30),
            idle: Duration::from_secs(30),
        }
    }
}
