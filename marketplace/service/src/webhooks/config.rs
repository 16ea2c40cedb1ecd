//! Where webhooks may lead, and how long their receivers are waited for.

use forewarm_egress::AddressRange;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Webhooks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WebhookConfig {
    /// Ranges of addresses in CIDR notation that webhooks may lead to although they are not public, such as
    /// `["10.20.0.0/16"]`. Plain `http://` is possible to these alone.
    pub allow_addresses: Vec<String>,
    /// A receiver that has not answered after this many seconds has failed.
    pub timeout_s: u32,
    /// Seconds until a delivery that failed is tried again; each further wait is three times as long, up to 4 hours.
    pub first_retry_s: u32,
    /// An event that could not be delivered for so many hours is given up, and the next one goes out.
    pub give_up_after_h: u32,
    /// Webhooks that a tenant may have.
    pub max_per_tenant: u32,
    /// Deliveries of all tenants that may be under way at a time.
    pub max_in_flight: u32,
}

impl Default for WebhookConfig {
    fn default() -> Self {
        Self {
            allow_addresses: Vec::new(),
            timeout_s: 10,
            first_retry_s: 5,
            give_up_after_h: 72,
            max_per_tenant: 10,
            max_in_flight: 256,
        }
    }
}

impl WebhookConfig {
    /// The ranges that are allowed.
    ///
    /// # Errors
    /// [`forewarm_egress::InvalidRange`] names the one that is none.
    pub fn ranges(&self) -> Result<Vec<AddressRange>, forewarm_egress::InvalidRange> {
        self.allow_addresses.iter().map(|text| text.parse()).collect()
    }
}
