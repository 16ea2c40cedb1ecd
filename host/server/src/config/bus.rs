//! What connects several hosts: a NATS server, or nothing for a host on its own.

use super::{Faults, ServiceUrl};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use utoipa::ToSchema;

/// What connects several hosts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BusConfig {
    /// The NATS server: `nats://HOST:4222` or `tls://HOST:4222`. Without it the host stands alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nats_url: Option<ServiceUrl>,
    /// A file of NATS credentials, as `nsc` makes them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub credentials_file: Option<PathBuf>,
}

impl BusConfig {
    pub(super) fn check(&self, faults: &mut Faults) {
        if let Some(url) = &self.nats_url
            && !matches!(url.scheme(), "nats" | "tls" | "ws" | "wss")
        {
            faults.push("bus.nats_url", format!("is `{url}`"), "use a nats:// or a tls:// address");
        }
        match &self.credentials_file {
            Some(file) if !file.is_file() => {
                let problem = format!("names {}, which is no file", file.display());
                faults.push("bus.credentials_file", problem, "name the credentials file that `nsc` made");
            }
            Some(_) if self.nats_url.is_none() => {
                faults.push("bus.credentials_file", "is set without a server", "set bus.nats_url as well");
            }
            _ => {}
        }
    }
}
