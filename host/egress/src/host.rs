//! Where a request goes, read strictly: forms that two readers could understand differently are refused.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const MAX_NAME_BYTES: usize = 253;
const MAX_LABEL_BYTES: usize = 63;

/// A host of a URL: a name in lower case, or an address in its shortest form.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// A name in lower case, international ones in their ASCII form.
    Name(String),
    /// An address; IPv4 in IPv6 notation counts as what it is.
    Address(IpAddr),
}

impl Host {
    /// Reads `host` as it stands in a URL. Refused are what is not a name of letters, digits and hyphens (IDNA in its
    /// ASCII form included), a trailing dot, addresses in decimal, octal, hexadecimal or short form, and zone ids.
    #[must_use]
    pub fn parse(host: &str) -> Option<Self> {
        if let Some(address) = host.strip_prefix('[') {
            let address: Ipv6Addr = address.strip_suffix(']')?.parse().ok()?;
            return Some(Self::Address(IpAddr::V6(address).to_canonical()));
        }
        if ends_in_a_number(host) {
            let address: Ipv4Addr = host.parse().ok()?;
            return Some(Self::Address(address.into()));
        }
        is_name(host).then(|| Self::Name(host.to_ascii_lowercase()))
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V4(address)) => address.fmt(f),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

/// As URL readers in browsers and resolvers judge: such a host is an IPv4 address or nothing.
fn ends_in_a_number(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or(host);
    let digits = last.strip_prefix("0x").or_else(|| last.strip_prefix("0X"));
    match digits {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

fn is_name(host: &str) -> bool {
    let label = |label: &str| {
        (1..=MAX_LABEL_BYTES).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.len() <= MAX_NAME_BYTES && host.split('.').all(label)
}

/// An authority without user information: a host and, where it is written, a port.
#[must_use]
pub fn parse_authority(authority: &str) -> Option<(Host, Option<u16>)> {
    let after_host = authority.rfind(']').unwrap_or(0);
    let (host, port) = match authority.rfind(':').filter(|colon| *colon >= after_host) {
        Some(colon) => (&authority[..colon], Some(port(&authority[colon + 1..])?)),
        None => (authority, None),
    };
    Some((Host::parse(host)?, port))
}

fn port(text: &str) -> Option<u16> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|_| plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(authority: &str) -> Option<(String, Option<u16>)> {
        parse_authority(authority).map(|(host, port)| (host.to_string(), port))
    }

    #[test]
    fn plain_forms_are_read() {
        for (authority, host, port) in [
            ("API.Example.com", "api.example.com", None),
            ("localhost:8080", "localhost", Some(8080)),
            ("xn--bcher-kva.example", "xn--bcher-kva.example", None),
            ("192.0.2.7:80", "192.0.2.7", Some(80)),
            ("[2001:DB8:0::1]:443", "[2001:db8::1]", Some(443)),
            ("[::ffff:7f00:1]", "127.0.0.1", None),
            ("[::ffff:127.0.0.1]", "127.0.0.1", None),
        ] {
            assert_eq!(check(authority), Some((host.to_owned(), port)), "{authority}");
        }
    }

    #[test]
    fn ambiguous_forms_are_refused() {
        for authority in [
            "",
            ".",
            "a..b",
            "example.com.",
            "user@example.com",
            "user:pass@example.com",
            "example.com:",
            "a:0",
            "a:080",
            "a:65536",
            "a:+80",
            "a:8 0",
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "0177.0.0.1",
            "127.1",
            "127.0.1",
            "127.0.0.0x1",
            "127.0.0.01",
            "127.0.0.1.",
            "1.2.3.4.5",
            "256.0.0.1",
            "[::1",
            "::1",
            "[fe80::1%25eth0]",
            "[fe80::1%eth0]",
            "[127.0.0.1]",
            "exa_mple.com",
            "-a.com",
            "a-.com",
            "b\u{fc}cher.example",
            "%6c.com",
            "a/b",
            "a?b",
            "a#b",
            "a\\b",
            "a b",
        ] {
            assert_eq!(check(authority), None, "{authority}");
        }
        assert_eq!(check(&"a".repeat(64)), None);
        assert_eq!(check(&["a"; 128].join(".")), None);
    }
}
