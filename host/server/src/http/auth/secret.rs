//! The secret of a token: 32 random bytes, written as `fwt_` and 64 hexadecimal digits.

use rand::TryRng;
use rand::rngs::SysRng;
use sha2::{Digest, Sha256};
use std::fmt;

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
}
