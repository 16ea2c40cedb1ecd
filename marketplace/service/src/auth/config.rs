//! What one tenant may take up of the server.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What one tenant may take up of the server; operators are not limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// Requests a second that a tenant may send, over time.
    pub requests_per_second: u32,
    /// Requests that it may send at once.
    pub burst: u32,
    /// Requests of a tenant that are worked on at a time.
    pub in_flight: u32,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self { requests_per_second: 500, burst: 1_000, in_flight: 128 }
    }
}
