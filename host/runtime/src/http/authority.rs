//! Which hosts a destination of a grant stands for.

use super::HttpGrantError;
use forewarm_egress::Host;
use std::fmt;
use std::str::FromStr;

/// The hosts that a destination stands for: one, or all below a name, written `*.example.com`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPattern(Pattern);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Pattern {
    Exactly(Host),
    Below(String),
}

impl HostPattern {
    pub(super) fn matches(&self, host: &Host) -> bool {
        match (&self.0, host) {
            (Pattern::Exactly(only), host) => only == host,
            (Pattern::Below(parent), Host::Name(name)) => {
                name.strip_suffix(parent.as_str()).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
            }
            (Pattern::Below(_), Host::Address(_)) => false,
        }
    }
}

impl FromStr for HostPattern {
    type Err = HttpGrantError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let pattern = match text.strip_prefix("*.") {
            Some(parent) => match Host::parse(parent) {
                Some(Host::Name(parent)) if parent.contains('.') => Some(Pattern::Below(parent)),
                _ => None,
            },
            None => Host::parse(text).map(Pattern::Exactly),
        };
        let wrong = || {
            HttpGrantError(format!(
                "`{text}` is no host: write a name (international ones in their form xn--), *.NAME with two labels or \
                 more, an IPv4 address with four decimal parts, or an IPv6 address in brackets"
            ))
        };
        pattern.map(Self).ok_or_else(wrong)
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Pattern::Exactly(host) => host.fmt(f),
            Pattern::Below(parent) => write!(f, "*.{parent}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_labels() {
        let pattern: HostPattern = "*.example.com".parse().expect("a pattern");
        let host = |text: &str| Host::parse(text).expect("a host");
        assert!(pattern.matches(&host("a.example.com")) && pattern.matches(&host("a.b.example.com")));
        assert!(!pattern.matches(&host("example.com")) && !pattern.matches(&host("evilexample.com")));
        let address: HostPattern = "[::ffff:10.0.0.1]".parse().expect("a pattern");
        assert!(address.matches(&host("10.0.0.1")) && !pattern.matches(&host("10.0.0.1")));
        for wrong in ["*", "*.com", "*.1.2.3.4", "a.*.com", "**.example.com", "https://a.com", "a.com:80", "a.com/"] {
            assert!(wrong.parse::<HostPattern>().is_err(), "{wrong}");
        }
    }
}
