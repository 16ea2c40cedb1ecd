//! Verifying signatures: the format is that of minisign (Ed25519 over the BLAKE2b digest of the component).

use crate::digest::Digest;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The longest signature; real ones have some 400 bytes.
pub const MAX_SIGNATURE_BYTES: usize = 4 << 10;
/// What `forewarm plugin sign` begins the signed comment with.
pub(crate) const COMMENT_PREFIX: &str = "forewarm-plugin ";

/// Whose signatures count: the second line of a `.pub` file, as `RWQ...`.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    text: String,
    key: minisign_verify::PublicKey,
}

/// A detached signature: the four lines of a `.minisig` file.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Signature {
    text: String,
    parsed: minisign_verify::Signature,
}

/// Why a key or a signature is not one, or does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// Not a public key.
    #[error("`{0}` is no public key: use the second line of the .pub file, which begins with RW")]
    Key(String),
    /// Not a signature.
    #[error("the signature can't be read ({0}): make it anew with `forewarm plugin sign`")]
    Malformed(String),
    /// Made by a key that is not trusted.
    #[error("it is signed by a key that is none of plugins.trusted_keys")]
    UnknownKey,
    /// Made by a trusted key for other bytes.
    #[error("its signature does not hold: the component was changed after it was signed")]
    Wrong,
}

impl PublicKey {
    /// Whether the signature is this key's and holds for `component`.
    fn verify(&self, component: &[u8], signature: &Signature) -> Result<(), SignatureError> {
        self.key.verify(component, &signature.parsed, false).map_err(|error| match error {
            minisign_verify::Error::UnexpectedKeyId => SignatureError::UnknownKey,
            minisign_verify::Error::InvalidSignature => SignatureError::Wrong,
            other => SignatureError::Malformed(other.to_string()),
        })
    }
}

/// Verifies a signature against all trusted keys and gives the one that made it.
///
/// # Errors
/// [`SignatureError`]: unknown where no key made it, wrong where one did and the bytes are others.
pub(crate) fn verify<'a>(
    keys: &'a [PublicKey],
    component: &[u8],
    signature: &Signature,
) -> Result<&'a PublicKey, SignatureError> {
    let mut verdict = SignatureError::UnknownKey;
    for key in keys {
        match key.verify(component, signature) {
            Ok(()) => return Ok(key),
            Err(SignatureError::UnknownKey) => {}
            Err(error) => verdict = error,
        }
    }
    Err(verdict)
}

impl FromStr for PublicKey {
    type Err = SignatureError;
    fn from_str(text: &str) -> Result<Self, SignatureError> {
        let text = text.trim();
        let key = minisign_verify::PublicKey::from_base64(text)
            .map_err(|_| SignatureError::Key(text.chars().take(80).collect()))?;
        Ok(Self { text: text.to_owned(), key })
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Signature {
    /// The text of a `.minisig` file.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The digest of the component that it says to be for, if `forewarm plugin sign` made it. Nothing is verified.
    #[must_use]
    pub fn claimed_digest(&self) -> Option<Digest> {
        let fields = self.parsed.trusted_comment().strip_prefix(COMMENT_PREFIX)?;
        fields.split_whitespace().find_map(|field| field.parse().ok())
    }
}

impl FromStr for Signature {
    type Err = SignatureError;
    fn from_str(text: &str) -> Result<Self, SignatureError> {
        if text.len() > MAX_SIGNATURE_BYTES {
            let why = format!("{} bytes, over {MAX_SIGNATURE_BYTES}", text.len());
            return Err(SignatureError::Malformed(why));
        }
        let parsed =
            minisign_verify::Signature::decode(text).map_err(|error| SignatureError::Malformed(error.to_string()))?;
        Ok(Self { text: text.to_owned(), parsed })
    }
}

impl TryFrom<String> for Signature {
    type Error = SignatureError;
    fn try_from(text: String) -> Result<Self, SignatureError> {
        text.parse()
    }
}

impl From<Signature> for String {
    fn from(signature: Signature) -> Self {
        signature.text
    }
}

impl PartialEq for Signature {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Signature").field(&self.parsed.trusted_comment()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signing::{KeyPair, sign};

    fn key_pair() -> (KeyPair, PublicKey) {
        let pair = KeyPair::generate(None).expect("randomness");
        let public = pair.public_key().parse().expect("a key");
        (pair, public)
    }

    #[test]
    fn a_signature_holds_for_its_bytes_and_its_key_alone() {
        let ((ours, our_key), (theirs, their_key)) = (key_pair(), key_pair());
        let signature = sign(b"component", &ours.secret, None, "a@1").expect("signs");
        let both = [their_key.clone(), our_key.clone()];
        assert_eq!(verify(&both, b"component", &signature), Ok(&our_key));
        assert_eq!(verify(&both, b"Component", &signature), Err(SignatureError::Wrong));
        assert_eq!(verify(&[their_key], b"component", &signature), Err(SignatureError::UnknownKey));
        assert_eq!(verify(&[], b"component", &signature), Err(SignatureError::UnknownKey));
        let other = sign(b"component", &theirs.secret, None, "a@1").expect("signs");
        assert_eq!(verify(&[our_key], b"component", &other), Err(SignatureError::UnknownKey));
    }

    #[test]
    fn a_signature_whose_comment_was_changed_does_not_hold() {
        let (pair, key) = key_pair();
        let signature = sign(b"component", &pair.secret, None, "a@1").expect("signs");
        assert_eq!(signature.claimed_digest(), Some(Digest::of(b"component")));
        let changed: Signature = signature.as_str().replace("a@1", "a@2").parse().expect("well-formed");
        assert_eq!(verify(&[key], b"component", &changed), Err(SignatureError::Wrong));
    }

    #[test]
    fn what_is_no_key_or_signature_is_refused() {
        for bad in ["", "x", "RWQ", "untrusted comment: y\n"] {
            assert!(matches!(bad.parse::<PublicKey>(), Err(SignatureError::Key(_))), "{bad}");
            assert!(matches!(bad.parse::<Signature>(), Err(SignatureError::Malformed(_))), "{bad}");
        }
        assert!("x".repeat(MAX_SIGNATURE_BYTES + 1).parse::<Signature>().is_err());
    }
}
