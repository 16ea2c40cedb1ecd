//! Where a webhook leads: a URL that is read strictly, and addresses that are vetted when it is registered and again at
//! every connection, because a name may lead elsewhere by then.

use super::config::WebhookConfig;
use forewarm_egress::{AddressRange, Host, InvalidRange, Refusal, Resolver, parse_authority, vetted};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// The longest URL.
pub const URL_BYTES_MAX: usize = 2_048;
/// How long a name may take to be resolved when it is registered.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(5);

/// The URL of a receiver: `https`, or `http` to an address that the operator names; no user information, no fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    text: String,
    host: Host,
    plain: bool,
}

/// Why a URL can't be a webhook's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTarget {
    /// It is not of the form that is read.
    #[error(
        "the URL must be https://HOST[:PORT]/PATH, at most {URL_BYTES_MAX} characters, with a plain host name or \
         address, without user information and fragment"
    )]
    Form,
    /// It leads to where webhooks must not lead.
    #[error("{0}: a webhook may lead to public addresses and to those of market.webhooks.allow_addresses")]
    Address(#[from] Refusal),
    /// It is not encrypted.
    #[error("the URL must be https: plain http is possible to addresses of market.webhooks.allow_addresses alone")]
    Plain,
}

impl Target {
    /// Reads a URL. Nothing is resolved yet.
    ///
    /// # Errors
    /// [`InvalidTarget::Form`].
    pub fn parse(text: &str) -> Result<Self, InvalidTarget> {
        let wrong = || InvalidTarget::Form;
        if text.len() > URL_BYTES_MAX || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(wrong());
        }
        if text.contains(['#', '\\', '"', '<', '>', '^', '`', '{', '|', '}']) {
            return Err(wrong());
        }
        let (plain, rest) = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (false, rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (true, rest),
            _ => return Err(wrong()),
        };
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        let (host, _) = parse_authority(authority).ok_or_else(wrong)?;
        Ok(Self { text: text.to_owned(), host, plain })
    }

    /// The URL.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn host(&self) -> &Host {
        &self.host
    }

    pub(super) fn is_plain(&self) -> bool {
        self.plain
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Says where webhooks may lead.
#[derive(Debug, Clone)]
pub struct Gate {
    resolver: Arc<dyn Resolver>,
    allowed: Arc<[AddressRange]>,
}

impl Gate {
    /// As the operator configures it.
    ///
    /// # Errors
    /// [`InvalidRange`] names the range that is none.
    pub fn new(config: &WebhookConfig, resolver: Arc<dyn Resolver>) -> Result<Self, InvalidRange> {
        Ok(Self { resolver, allowed: config.ranges()?.into() })
    }

    /// Whether a webhook may be registered for `target`: its name is resolved and vetted now.
    ///
    /// # Errors
    /// [`InvalidTarget`] says what would be right.
    pub async fn check(&self, target: &Target) -> Result<(), InvalidTarget> {
        let addresses = tokio::time::timeout(RESOLVE_TIMEOUT, self.addresses(target.host(), target.is_plain())).await;
        addresses.unwrap_or(Err(InvalidTarget::Address(Refusal::Unresolved))).map(|_| ())
    }

    /// The addresses of `host` that may be connected to, resolved now.
    pub(super) async fn addresses(&self, host: &Host, plain: bool) -> Result<Vec<IpAddr>, InvalidTarget> {
        let addresses = vetted(host, self.resolver.as_ref(), &self.allowed).await?;
        let named = |address: &IpAddr| self.allowed.iter().any(|range| range.contains(*address));
        if plain && !addresses.iter().all(named) {
            return Err(InvalidTarget::Plain);
        }
        Ok(addresses)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_trait::async_trait;

    #[derive(Debug)]
    struct Fixed(&'static str);

    #[async_trait]
    impl Resolver for Fixed {
        async fn resolve(&self, _: &str) -> std::io::Result<Vec<IpAddr>> {
            Ok(vec![self.0.parse().expect("an address")])
        }
    }

    async fn check(url: &str, leads_to: &'static str, allowed: &[&str]) -> Result<(), InvalidTarget> {
        let allow_addresses = allowed.iter().map(|&text| text.to_owned()).collect();
        let config = WebhookConfig { allow_addresses, ..WebhookConfig::default() };
        let gate = Gate::new(&config, Arc::new(Fixed(leads_to))).expect("ranges");
        gate.check(&Target::parse(url)?).await
    }

    #[tokio::test]
    async fn public_receivers_are_taken_and_internal_ones_refused() {
        assert_eq!(check("https://hooks.example/in?x=1", "1.1.1.1", &[]).await, Ok(()));
        let refused = Err(InvalidTarget::Address(Refusal::Forbidden));
        for url in ["https://127.0.0.1/", "https://[::1]:8443/", "https://169.254.169.254/latest", "https://10.0.0.1"] {
            assert_eq!(check(url, "1.1.1.1", &[]).await, refused, "{url}");
        }
        for inside in ["127.0.0.1", "10.1.2.3", "169.254.169.254", "fd00::1", "::ffff:127.0.0.1"] {
            assert_eq!(check("https://hooks.example/", inside, &[]).await, refused, "{inside}");
        }
        assert_eq!(check("https://hooks.example/", "10.1.2.3", &["10.1.0.0/16"]).await, Ok(()));
    }

    #[tokio::test]
    async fn plain_http_is_for_named_addresses_alone() {
        assert_eq!(check("http://hooks.example/", "1.1.1.1", &["10.0.0.0/8"]).await, Err(InvalidTarget::Plain));
        assert_eq!(check("http://127.0.0.1:9/", "1.1.1.1", &["127.0.0.0/8"]).await, Ok(()));
    }

    #[test]
    fn forms_that_can_be_read_in_two_ways_are_refused() {
        for bad in [
            "",
            "hooks.example",
            "ftp://hooks.example/",
            "https://",
            "https:///path",
            "https://user@hooks.example/",
            "https://user:pw@hooks.example/",
            "https://hooks.example/#part",
            "https://hooks.example\\@evil.example/",
            "https://0x7f000001/",
            "https://2130706433/",
            "https://127.1/",
            "https://hooks.example./",
            "https://hooks.example:0/",
            "https://h\u{f6}oks.example/",
            "https://hooks.example/a b",
            "javascript:alert(1)",
            &format!("https://hooks.example/{}", "a".repeat(URL_BYTES_MAX)),
        ] {
            assert_eq!(Target::parse(bad), Err(InvalidTarget::Form), "{bad}");
        }
    }
}
