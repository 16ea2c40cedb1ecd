//! Tokens in memory, found by the digest of their secret: a request never waits for the store to learn who calls.

use std::collections::HashMap;
use subtle::ConstantTimeEq;

/// The longest name of a token.
pub const TOKEN_NAME_MAX: usize = 100;

/// Whether a text can be a token's name: 1 to [`TOKEN_NAME_MAX`] letters, digits, spaces and `- _ . @`, no space at either
/// end.
#[must_use]
pub fn is_token_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || " -_.@".contains(c);
    (1..=TOKEN_NAME_MAX).contains(&text.len()) && text.chars().all(plain) && text.trim() == text
}

/// What is kept of a token, as far as finding it goes.
pub trait TokenRecord {
    /// Its name, unique.
    fn name(&self) -> &str;

    /// SHA-256 of its secret.
    fn sha256(&self) -> &[u8; 32];
}

/// Tokens by the first 8 bytes of their digest; the whole of it is compared in constant time.
#[derive(Debug)]
pub struct TokenIndex<T> {
    by_prefix: HashMap<[u8; 8], Vec<T>>,
}

impl<T> Default for TokenIndex<T> {
    fn default() -> Self {
        Self { by_prefix: HashMap::new() }
    }
}

impl<T: TokenRecord> TokenIndex<T> {
    /// Adds a token, in the place of an earlier one with the same name and secret.
    pub fn insert(&mut self, token: T) {
        let bucket = self.by_prefix.entry(prefix(token.sha256())).or_default();
        bucket.retain(|known| known.name() != token.name());
        bucket.push(token);
    }

    /// The token whose secret has this digest, valid or not.
    #[must_use]
    pub fn find(&self, digest: &[u8; 32]) -> Option<&T> {
        let bucket = self.by_prefix.get(&prefix(digest))?;
        bucket.iter().find(|token| bool::from(token.sha256().ct_eq(digest)))
    }

    /// All of them, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.by_prefix.values().flatten()
    }
}

impl<T: TokenRecord> FromIterator<T> for TokenIndex<T> {
    fn from_iter<I: IntoIterator<Item = T>>(tokens: I) -> Self {
        let mut index = Self::default();
        tokens.into_iter().for_each(|token| index.insert(token));
        index
    }
}

fn prefix(digest: &[u8; 32]) -> [u8; 8] {
    let mut prefix = [0; 8];
    prefix.copy_from_slice(&digest[..8]);
    prefix
}
