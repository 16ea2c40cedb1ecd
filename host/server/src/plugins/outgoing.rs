//! The requests of a plugin, as the API shows them: where they may go and what became of them.

use forewarm_runtime::{AddressRange, HttpDestination, HttpMethod, Plugin, SecretHeader};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The requests of a plugin that has the capability `http`.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OutgoingInfo {
    /// Where they may go.
    pub destinations: Vec<DestinationInfo>,
    /// Requests that it made, refused ones included.
    pub requests: u64,
    /// Requests that were refused or failed, by reason; reasons that did not occur are left out.
    #[schema(value_type = std::collections::HashMap<String, u64>)]
    pub failures: BTreeMap<&'static str, u64>,
}

/// A place that a plugin's requests may go to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DestinationInfo {
    /// Scheme, host, port and the beginning of the path.
    pub url: String,
    /// The methods.
    pub methods: Vec<&'static str>,
    /// Addresses that are allowed though they are not public.
    pub allow_addresses: Vec<String>,
    /// The names of the headers that the host adds; their values are secret.
    pub secret_headers: Vec<String>,
}

impl OutgoingInfo {
    /// `None` where the plugin makes no requests.
    pub(super) fn of(plugin: &Plugin) -> Option<Self> {
        let (grant, metrics) = (plugin.http()?, plugin.metrics().http);
        Some(Self {
            destinations: grant.destinations.iter().map(DestinationInfo::of).collect(),
            requests: metrics.requests,
            failures: metrics.failures().filter(|(_, count)| *count > 0).collect(),
        })
    }
}

impl DestinationInfo {
    fn of(of: &HttpDestination) -> Self {
        Self {
            url: format!("{}://{}:{}{}", of.scheme, of.host, of.port, of.path_prefix),
            methods: of.methods.iter().copied().map(HttpMethod::as_str).collect(),
            allow_addresses: of.allow_addresses.iter().map(AddressRange::to_string).collect(),
            secret_headers: of.secret_headers.iter().map(SecretHeader::name).map(str::to_owned).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use forewarm_runtime::Secret;

    #[test]
    fn a_destination_is_shown_without_its_secrets() {
        let secret = SecretHeader::new("Authorization", Secret::new("Bearer hunter2").expect("a value"));
        let mut destination = HttpDestination::new("*.example.com".parse().expect("a host"));
        destination.secret_headers.push(secret.expect("a header"));
        let shown = serde_json::to_value(DestinationInfo::of(&destination)).expect("serialises");
        let expected = serde_json::json!({
            "url": "https://*.example.com:443/", "methods": ["GET", "HEAD"], "allow_addresses": [],
            "secret_headers": ["authorization"],
        });
        assert_eq!(shown, expected);
    }
}
