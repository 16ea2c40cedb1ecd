//! Making keys and signatures. Secret keys are files of minisign's format, with or without a password.

use crate::digest::Digest;
use crate::signature::{COMMENT_PREFIX, Signature};
use std::fmt;

/// A new pair of keys, as the texts of their files.
pub struct KeyPair {
    /// The text of the `.key` file. Whoever has it signs in its owner's name.
    pub secret: String,
    /// The text of the `.pub` file: a comment and the key.
    pub public: String,
}

/// Why a key could not be made or used.
#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    /// No randomness, or no memory for deriving from the password.
    #[error("no key could be made: {0}")]
    Generate(String),
    /// Not a secret key.
    #[error("this is no secret key: name the .key file that `forewarm plugin keygen` wrote")]
    NotAKey,
    /// It has a password.
    #[error("the secret key has a password: set FOREWARM_KEY_PASSWORD")]
    PasswordNeeded,
    /// The password is another one.
    #[error("the password is not that of the secret key")]
    WrongPassword,
    /// It could not sign.
    #[error("the component could not be signed: {0}")]
    Sign(String),
}

impl KeyPair {
    /// Makes a pair; the secret key is encrypted where there is a password.
    ///
    /// # Errors
    /// [`SigningError::Generate`] when the system gives no randomness.
    pub fn generate(password: Option<&str>) -> Result<Self, SigningError> {
        let failed = |error: minisign::PError| SigningError::Generate(error.to_string());
        let pair = match password {
            Some(password) => minisign::KeyPair::generate_encrypted_keypair(Some(password.to_owned())),
            None => minisign::KeyPair::generate_unencrypted_keypair(),
        };
        let minisign::KeyPair { pk, sk } = pair.map_err(failed)?;
        let secret = sk.to_box(Some("forewarm plugin secret key")).map_err(failed)?.into_string();
        let public = pk.to_box().map_err(failed)?.into_string();
        Ok(Self { secret, public })
    }

    /// The public key alone, as it stands in `plugins.trusted_keys`.
    #[must_use]
    pub fn public_key(&self) -> &str {
        self.public.lines().nth(1).unwrap_or_default()
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyPair").field("public", &self.public).finish_non_exhaustive()
    }
}

/// Signs a component. `release` (`NAME@VERSION`) and the component's digest become part of what is signed.
///
/// # Errors
/// [`SigningError`] when the secret key can't be read or its password is another one.
pub fn sign(component: &[u8], secret: &str, password: Option<&str>, release: &str) -> Result<Signature, SigningError> {
    let key = secret_key(secret, password)?;
    let comment = format!("{COMMENT_PREFIX}{release} {}", Digest::of(component));
    let made = minisign::sign(None, &key, component, Some(&comment), Some("signature of a forewarm plugin"));
    let text = made.map_err(|error| SigningError::Sign(error.to_string()))?.into_string();
    text.parse().map_err(|error: crate::SignatureError| SigningError::Sign(error.to_string()))
}

fn secret_key(text: &str, password: Option<&str>) -> Result<minisign::SecretKey, SigningError> {
    let boxed = || minisign::SecretKeyBox::from_string(text).map_err(|_| SigningError::NotAKey);
    if let Ok(key) = boxed()?.into_unencrypted_secret_key() {
        return Ok(key);
    }
    // What is no key at all fails before the password is tried.
    let encoded = text.lines().nth(1).ok_or(SigningError::NotAKey)?;
    if encoded.len() < 200 {
        return Err(SigningError::NotAKey);
    }
    let password = password.ok_or(SigningError::PasswordNeeded)?;
    boxed()?.into_secret_key(Some(password.to_owned())).map_err(|_| SigningError::WrongPassword)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_with_a_password_wants_it() {
        let pair = KeyPair::generate(Some("correct horse")).expect("makes one");
        assert!(sign(b"x", &pair.secret, Some("correct horse"), "a@1").is_ok());
        assert!(matches!(sign(b"x", &pair.secret, Some("battery"), "a@1"), Err(SigningError::WrongPassword)));
        assert!(matches!(sign(b"x", &pair.secret, None, "a@1"), Err(SigningError::PasswordNeeded)));
        assert!(!format!("{pair:?}").contains(pair.secret.lines().nth(1).expect("a line")));
    }

    #[test]
    fn what_is_no_secret_key_is_refused() {
        let pair = KeyPair::generate(None).expect("makes one");
        for bad in ["", "x", "x\ny", pair.public.as_str()] {
            assert!(matches!(sign(b"x", bad, None, "a@1"), Err(SigningError::NotAKey)), "{bad}");
        }
    }
}
