//! How a delivery is signed: as [Standard Webhooks](https://www.standardwebhooks.com) has it. The signature covers the
//! event's id, the time of the attempt and the body, so that a receiver can tell forged, changed and replayed deliveries.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use rand::TryRng;
use rand::rngs::SysRng;
use sha2::Sha256;
use std::fmt;

const PREFIX: &str = "whsec_";
const BYTES: usize = 32;

/// The key that sender and receiver share, written as `whsec_` and base64.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningSecret([u8; BYTES]);

impl SigningSecret {
    /// A new one from the operating system's random source.
    ///
    /// # Errors
    /// The operating system's, when it has no randomness to give.
    pub fn generate() -> Result<Self, rand::rngs::SysError> {
        let mut bytes = [0; BYTES];
        SysRng.try_fill_bytes(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// Reads one that [`Self::expose`] wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text.strip_prefix(PREFIX)?).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// The secret itself, for the one who registers the webhook.
    #[must_use]
    pub fn expose(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(self.0))
    }

    /// The header `webhook-signature` of a delivery: `v1,` and the base64 of HMAC-SHA256 over `ID.TIMESTAMP.BODY`.
    #[must_use]
    pub fn sign(&self, id: &str, timestamp_s: i64, body: &[u8]) -> String {
        // A key of any length is one for this MAC.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return String::new() };
        mac.update(format!("{id}.{timestamp_s}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningSecret(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_those_of_the_standard() {
        // The example of the standard's reference libraries.
        let bytes = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("base64");
        let mut mac = Hmac::<Sha256>::new_from_slice(&bytes).expect("a key");
        mac.update(b"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{\"test\": 2432232314}");
        let reference = STANDARD.encode(mac.finalize().into_bytes());
        assert_eq!(reference, "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn every_part_is_covered() {
        let secret = SigningSecret([7; BYTES]);
        let signed = secret.sign("a", 1, b"{}");
        assert!(signed.starts_with("v1,"));
        assert_eq!(signed, secret.sign("a", 1, b"{}"));
        for other in [secret.sign("b", 1, b"{}"), secret.sign("a", 2, b"{}"), secret.sign("a", 1, b"{ }")] {
            assert_ne!(signed, other);
        }
        assert_ne!(signed, SigningSecret([8; BYTES]).sign("a", 1, b"{}"));
    }

    #[test]
    fn secrets_are_read_again_and_not_printed() {
        let secret = SigningSecret::generate().expect("random");
        assert_eq!(SigningSecret::parse(&secret.expose()), Some(secret.clone()));
        assert!(!format!("{secret:?}").contains(&secret.expose()[6..]));
        for bad in ["", "whsec_", "whsec_%%", "whsec_AAAA", &secret.expose()[6..]] {
            assert_eq!(SigningSecret::parse(bad), None, "{bad}");
        }
    }
}
