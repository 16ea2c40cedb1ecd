//! What an operator grants: destinations, each with what may be asked of it.

use super::AddressRange;
use super::authority::HostPattern;
use super::limits::HttpLimits;
use super::path::{self, PathPrefix};
use super::problem::Problem;
use super::secret::SecretHeader;
use forewarm_egress::Host;
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// What a plugin may reach, and how much of it. Without destinations every request is refused.
#[derive(Debug, Clone, Default)]
pub struct HttpGrant {
    /// Where requests may go. The first that fits a request decides.
    pub destinations: Vec<HttpDestination>,
    /// What they may use.
    pub limits: HttpLimits,
}

/// A place that requests may go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpDestination {
    /// Encrypted or not.
    pub scheme: HttpScheme,
    /// The hosts.
    pub host: HostPattern,
    /// The port.
    pub port: u16,
    /// What may be asked.
    pub methods: BTreeSet<HttpMethod>,
    /// The paths.
    pub path_prefix: PathPrefix,
    /// Addresses that are allowed though they are not public.
    pub allow_addresses: Vec<AddressRange>,
    /// Certificates in PEM that the server's has to be signed by; `None` stands for the public authorities.
    pub ca_pem: Option<Vec<u8>>,
    /// What the host adds to each request.
    pub secret_headers: Vec<SecretHeader>,
}

impl HttpDestination {
    /// Reading from `host` over TLS at its usual port, any path.
    #[must_use]
    pub fn new(host: HostPattern) -> Self {
        Self {
            scheme: HttpScheme::Https,
            host,
            port: HttpScheme::Https.default_port(),
            methods: BTreeSet::from([HttpMethod::Get, HttpMethod::Head]),
            path_prefix: PathPrefix::default(),
            allow_addresses: Vec::new(),
            ca_pem: None,
            secret_headers: Vec::new(),
        }
    }
}

/// Whether a connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HttpScheme {
    /// Over TLS.
    Https,
    /// In the clear.
    Http,
}

impl HttpScheme {
    /// The port that goes without saying.
    #[must_use]
    pub fn default_port(self) -> u16 {
        match self {
            Self::Https => 443,
            Self::Http => 80,
        }
    }

    /// The scheme as it is written in a URL.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
        }
    }
}

impl fmt::Display for HttpScheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What may be asked. `CONNECT` and `TRACE` are never granted: one opens a tunnel, the other repeats secret headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HttpMethod {
    /// `GET`
    Get,
    /// `HEAD`
    Head,
    /// `POST`
    Post,
    /// `PUT`
    Put,
    /// `PATCH`
    Patch,
    /// `DELETE`
    Delete,
    /// `OPTIONS`
    Options,
}

impl HttpMethod {
    /// Every method that can be granted.
    pub const ALL: [Self; 7] = [Self::Get, Self::Head, Self::Post, Self::Put, Self::Patch, Self::Delete, Self::Options];

    /// The method as it is written in a request.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
        }
    }
}

impl FromStr for HttpMethod {
    type Err = super::HttpGrantError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|method| method.as_str() == text);
        known.ok_or_else(|| {
            let all = Self::ALL.map(Self::as_str).join(", ");
            super::HttpGrantError(format!("`{text}` is no method that can be granted; these can: {all}"))
        })
    }
}

/// What a request asks for, as the grant judges it.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) scheme: HttpScheme,
    pub(super) host: &'a Host,
    pub(super) port: u16,
    pub(super) method: &'a str,
    pub(super) path: &'a str,
}

impl HttpGrant {
    /// The index of the destination that allows what is asked.
    ///
    /// # Errors
    /// The first of place, path and method that no destination allows.
    pub(super) fn destination(&self, asked: &Asked<'_>) -> Result<usize, Problem> {
        if path::climbs(asked.path) {
            return Err(Problem::Path);
        }
        let mut closest = Problem::Destination;
        for (index, destination) in self.destinations.iter().enumerate().filter(|(_, one)| one.is_at(asked)) {
            let path = destination.path_prefix.allows(asked.path);
            if path && destination.methods.iter().any(|method| method.as_str() == asked.method) {
                return Ok(index);
            }
            if path {
                closest = Problem::Method;
            } else if closest == Problem::Destination {
                closest = Problem::Path;
            }
        }
        Err(closest)
    }
}

impl HttpDestination {
    fn is_at(&self, asked: &Asked<'_>) -> bool {
        self.scheme == asked.scheme && self.port == asked.port && self.host.matches(asked.host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant() -> HttpGrant {
        let host = |text: &str| text.parse().expect("a host");
        let read =
            HttpDestination { path_prefix: "/v1".parse().expect("a path"), ..HttpDestination::new(host("a.com")) };
        let methods = BTreeSet::from([HttpMethod::Post]);
        let write = HttpDestination { methods, path_prefix: "/v1/pods".parse().expect("a path"), ..read.clone() };
        let other = HttpDestination { scheme: HttpScheme::Http, port: 8080, ..HttpDestination::new(host("*.b.com")) };
        HttpGrant { destinations: vec![read, write, other], limits: HttpLimits::default() }
    }

    fn check(scheme: HttpScheme, host: &str, port: u16, method: &str, path: &str) -> Result<usize, Problem> {
        let host = Host::parse(host).expect("a host");
        grant().destination(&Asked { scheme, host: &host, port, method, path })
    }

    #[test]
    fn the_first_that_fits_decides() {
        use HttpScheme::{Http, Https};
        assert_eq!(check(Https, "a.com", 443, "GET", "/v1/pods"), Ok(0));
        assert_eq!(check(Https, "a.com", 443, "POST", "/v1/pods/x"), Ok(1));
        assert_eq!(check(Http, "x.b.com", 8080, "HEAD", "/"), Ok(2));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        use HttpScheme::{Http, Https};
        for (scheme, host, port) in
            [(Http, "a.com", 443), (Https, "a.com", 80), (Https, "b.a.com", 443), (Http, "b.com", 8080)]
        {
            assert_eq!(check(scheme, host, port, "GET", "/v1"), Err(Problem::Destination), "{scheme} {host} {port}");
        }
        assert_eq!(check(Https, "a.com", 443, "GET", "/v2"), Err(Problem::Path));
        assert_eq!(check(Https, "a.com", 443, "GET", "/v1/../v2"), Err(Problem::Path));
        assert_eq!(check(Https, "a.com", 443, "POST", "/v1/nodes"), Err(Problem::Method));
        for method in ["DELETE", "get", "TRACE", "CONNECT"] {
            assert_eq!(check(Https, "a.com", 443, method, "/v1"), Err(Problem::Method), "{method}");
        }
    }
}
