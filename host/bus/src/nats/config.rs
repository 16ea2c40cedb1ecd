//! How to reach NATS.

use crate::subscription::SUBSCRIPTION_CAPACITY;
use serde::Deserialize;
use std::fmt;
use std::path::PathBuf;

/// How to reach NATS. Its `Debug` shows neither token nor passwords.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NatsConfig {
    /// Servers of one cluster, such as `nats://127.0.0.1:4222` or `tls://nats.example.org`.
    pub urls: Vec<String>,
    /// A `.creds` file with a JWT and its key.
    #[serde(default)]
    pub credentials_file: Option<PathBuf>,
    /// A token, where the server wants one.
    #[serde(default)]
    pub token: Option<String>,
    /// The name that the server shows for this connection.
    #[serde(default = "default_name")]
    pub name: String,
    /// The largest payload in bytes; `None` leaves it to the server's `max_payload` (1 MiB unless it was raised).
    #[serde(default)]
    pub max_payload: Option<usize>,
    /// How many messages wait for a subscriber.
    #[serde(default = "default_capacity")]
    pub subscription_capacity: usize,
}

fn default_name() -> String {
    "forewarm".into()
}

fn default_capacity() -> usize {
    SUBSCRIPTION_CAPACITY
}

impl NatsConfig {
    /// Connects to these servers without credentials.
    #[must_use]
    pub fn new(urls: Vec<String>) -> Self {
        Self {
            urls,
            credentials_file: None,
            token: None,
            name: default_name(),
            max_payload: None,
            subscription_capacity: default_capacity(),
        }
    }

    /// The servers without user names and passwords.
    #[must_use]
    pub fn redacted_urls(&self) -> Vec<String> {
        self.urls.iter().map(|url| redact(url)).collect()
    }
}

/// Leaves out what stands between the scheme and the last `@`.
fn redact(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("nats", url));
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    format!("{scheme}://{host}")
}

impl fmt::Debug for NatsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NatsConfig")
            .field("urls", &self.redacted_urls())
            .field("credentials_file", &self.credentials_file)
            .field("token", &self.token.as_ref().map(|_| "(redacted)"))
            .field("name", &self.name)
            .field("max_payload", &self.max_payload)
            .field("subscription_capacity", &self.subscription_capacity)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let mut config = NatsConfig::new(vec!["nats://ann:p@ss-word@host:4222".into(), "host:4222".into()]);
        config.token = Some("s3cret".into());
        let shown = format!("{config:?}");
        assert!(shown.contains("nats://host:4222"), "{shown}");
        for secret in ["s3cret", "ann", "word"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }

    #[test]
    fn unknown_keys_are_refused() {
        assert!(serde_json::from_str::<NatsConfig>(r#"{"urls":["nats://host"]}"#).is_ok());
        assert!(serde_json::from_str::<NatsConfig>(r#"{"urls":[],"tocken":"x"}"#).is_err());
    }
}
