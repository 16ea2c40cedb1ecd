//! The secret of a token: 32 random bytes, written as `fwt_` and 64 hexadecimal digits.

use crate::problem::{Problem, ProblemKind};
use axum::http::{HeaderMap, HeaderValue, header};
use rand::TryRng;
use rand::rngs::SysRng;
use sha2::{Digest, Sha256};
use std::fmt;
use std::path::Path;

const PREFIX: &str = "fwt_";
const BYTES: usize = 32;

/// A token's secret. Shown once, when it is made; never printed by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// A new secret from the operating system's random source.
    ///
    /// # Errors
    /// The operating system's, when it has no randomness to give.
    pub fn generate() -> Result<Self, rand::rngs::SysError> {
        let mut bytes = [0; BYTES];
        SysRng.try_fill_bytes(&mut bytes)?;
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self(format!("{PREFIX}{digits}")))
    }

    /// Reads a secret; `None` when the text has not the form of one, so that it need not be looked up.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(PREFIX)?;
        let hexadecimal = digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        (digits.len() == 2 * BYTES && hexadecimal).then(|| Self(text.to_owned()))
    }

    /// What is kept of it.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }

    /// The secret itself, for the one who asked for it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// The secret of the header `Authorization: Bearer TOKEN`.
///
/// # Errors
/// A problem that says what the header must be.
pub fn bearer(headers: &HeaderMap) -> Result<Secret, Problem> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Err(unauthenticated("send the header `Authorization: Bearer TOKEN`"));
    };
    let text = value.to_str().unwrap_or_default();
    let token = text.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let malformed = "the header `Authorization` must be `Bearer`, a space, and a token that begins with `fwt_`";
    token.and_then(|(_, token)| Secret::parse(token.trim())).ok_or_else(|| unauthenticated(malformed))
}

/// There is no valid token: `detail` says what would be right.
#[must_use]
pub fn unauthenticated(detail: &str) -> Problem {
    let challenge = HeaderValue::from_static("Bearer realm=\"forewarm\"");
    Problem::new(ProblemKind::Unauthenticated, detail).with_header(header::WWW_AUTHENTICATE, challenge)
}

/// A new file that only its owner can read, in the place of one that may be there.
///
/// # Errors
/// The system's.
pub fn write_for_owner(path: &Path) -> std::io::Result<std::fs::File> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_can_be_read_again_and_is_never_the_same() {
        let one = Secret::generate().expect("random");
        assert_eq!(Secret::parse(one.expose()), Some(one.clone()));
        assert_ne!(Secret::generate().expect("random"), one);
        assert_eq!(one.expose().len(), 68);
        assert!(!format!("{one:?}").contains(&one.expose()[4..]));
    }

    #[test]
    fn other_texts_are_no_secrets() {
        for bad in ["", "fwt_", &format!("fwt_{}", "g".repeat(64)), &"a".repeat(68), &format!("fwt_{}", "a".repeat(65))]
        {
            assert_eq!(Secret::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn only_a_bearer_token_is_taken() {
        let good = Secret::generate().expect("random");
        let header = |text: &str| HeaderMap::from_iter([(header::AUTHORIZATION, text.parse().expect("a header"))]);
        assert_eq!(bearer(&header(&format!("bearer {}", good.expose()))).expect("found"), good);
        for bad in ["", "Basic YTpi", "Bearer", "Bearer ", "Bearer fwt_short", good.expose()] {
            assert_eq!(bearer(&header(bad)).expect_err(bad).kind(), ProblemKind::Unauthenticated);
        }
        assert!(bearer(&HeaderMap::new()).is_err());
    }
}
