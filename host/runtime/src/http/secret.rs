//! Secrets that the host adds to requests. Their value leaves this module only into such a request.

use super::HttpGrantError;
use http::{HeaderName, HeaderValue};
use std::fmt;

/// A secret value that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(HeaderValue);

impl Secret {
    /// A secret as it is sent, such as `Bearer abc`.
    ///
    /// # Errors
    /// When it is empty, or has bytes that a header can't have. The value itself is not told.
    pub fn new(value: &str) -> Result<Self, HttpGrantError> {
        let wrong = || HttpGrantError("the secret has characters that a header can't have, or none at all".to_owned());
        let plain = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
        let mut value = HeaderValue::from_str(value).ok().filter(|_| plain).ok_or_else(wrong)?;
        value.set_sensitive(true);
        Ok(Self(value))
    }

    pub(super) fn value(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

/// A header that the host adds to every request to a destination; a plugin can neither see nor set it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretHeader {
    pub(super) name: HeaderName,
    pub(super) secret: Secret,
}

impl SecretHeader {
    /// The header `name` with a secret value.
    ///
    /// # Errors
    /// When `name` is no name of a header, or one that belongs to the connection.
    pub fn new(name: &str, secret: Secret) -> Result<Self, HttpGrantError> {
        let parsed = HeaderName::from_bytes(name.as_bytes()).ok().filter(|name| !super::headers::is_forbidden(name));
        let parsed = parsed.filter(|name| *name != http::header::CONTENT_LENGTH);
        let wrong = || HttpGrantError(format!("`{name}` is no header that the host can add"));
        Ok(Self { name: parsed.ok_or_else(wrong)?, secret })
    }

    /// The header's name, in lower case.
    #[must_use]
    pub fn name(&self) -> &str {
        self.name.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown() {
        let secret = Secret::new("Bearer hunter2").expect("a value");
        let header = SecretHeader::new("Authorization", secret.clone()).expect("a header");
        assert!(!format!("{header:?} {:?}", secret.value()).contains("hunter2"));
        assert_eq!(header.name(), "authorization");
    }

    #[test]
    fn wrong_ones_are_refused_without_being_repeated() {
        for value in ["", "a\r\nb: c", "a\nb", "a\0", "caf\u{e9}"] {
            let error = Secret::new(value).expect_err("no header value");
            assert!(value.is_empty() || !error.to_string().contains(value));
        }
        let secret = Secret::new("x").expect("a value");
        for name in ["", "a b", "host", "Content-Length", "transfer-encoding", "a:b"] {
            assert!(SecretHeader::new(name, secret.clone()).is_err(), "{name}");
        }
    }
}
