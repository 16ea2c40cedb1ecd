//! The address of a database or a bus, which may carry a password: it is used, and never printed.

use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// An address whose password is left out wherever it is shown or serialised.
#[derive(Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String)]
pub struct ServiceUrl(String);

/// A text that is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an address begins with its scheme, such as sqlite://, postgres:// or nats://")]
pub struct InvalidUrl;

impl ServiceUrl {
    /// An address that was put together by the program itself.
    pub(crate) fn trusted(text: String) -> Self {
        Self(text)
    }

    /// The address with its password, for the one who connects.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What stands before `://`.
    #[must_use]
    pub fn scheme(&self) -> &str {
        self.0.split_once("://").map_or("", |(scheme, _)| scheme)
    }

    /// The address without its password.
    fn shown(&self) -> String {
        let Some((scheme, rest)) = self.0.split_once("://") else { return "***".into() };
        let authority = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(authority);
        let authority = match authority.rsplit_once('@') {
            Some((login, host)) => match login.split_once(':') {
                Some((user, _)) => format!("{user}:***@{host}"),
                None => format!("{login}@{host}"),
            },
            None => authority.to_owned(),
        };
        format!("{scheme}://{authority}{}", without_password(path))
    }
}

/// A path and query whose `password=` and `sslpassword=` values are left out.
fn without_password(path: &str) -> String {
    let Some((path, query)) = path.split_once('?') else { return path.to_owned() };
    let pairs: Vec<String> = query
        .split('&')
        .map(|pair| match pair.split_once('=') {
            Some((key, _)) if key.to_ascii_lowercase().ends_with("password") => format!("{key}=***"),
            _ => pair.to_owned(),
        })
        .collect();
    format!("{path}?{}", pairs.join("&"))
}

impl std::str::FromStr for ServiceUrl {
    type Err = InvalidUrl;
    fn from_str(text: &str) -> Result<Self, InvalidUrl> {
        Self::try_from(text.to_owned())
    }
}

impl TryFrom<String> for ServiceUrl {
    type Error = InvalidUrl;
    fn try_from(text: String) -> Result<Self, InvalidUrl> {
        // SQLite's own form for a database in memory has no slashes.
        let in_memory = text.starts_with("sqlite:");
        match text.split_once("://") {
            Some((scheme, rest)) if !scheme.is_empty() && !rest.is_empty() => Ok(Self(text)),
            None if in_memory => Ok(Self(text)),
            _ => Err(InvalidUrl),
        }
    }
}

impl fmt::Display for ServiceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.starts_with("sqlite:") { f.pad(&self.0) } else { f.pad(&self.shown()) }
    }
}

impl fmt::Debug for ServiceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServiceUrl({self})")
    }
}

impl Serialize for ServiceUrl {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_never_shown() {
        for (url, shown) in [
            ("postgres://web:s3cret@db:5432/forewarm", "postgres://web:***@db:5432/forewarm"),
            ("postgres://db/forewarm?user=a&password=s3cret", "postgres://db/forewarm?user=a&password=***"),
            ("nats://a:s3c:r@et@host:4222", "nats://a:***@host:4222"),
            ("nats://host:4222", "nats://host:4222"),
            ("sqlite::memory:", "sqlite::memory:"),
        ] {
            let parsed: ServiceUrl = url.parse().expect(url);
            assert_eq!((parsed.expose(), parsed.to_string().as_str()), (url, shown));
            assert!(!format!("{parsed:?}").contains("s3c"), "{parsed:?}");
        }
    }

    #[test]
    fn a_text_without_a_scheme_is_refused() {
        for bad in ["", "db", "://x", "postgres://"] {
            assert!(bad.parse::<ServiceUrl>().is_err(), "{bad}");
        }
    }
}
