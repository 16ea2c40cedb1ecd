//! The tokens that exist, in memory: a request never waits for the store to learn who calls.

use crate::store::{Scope, Store, StoreError, TokenRecord, Write};
use forewarm_domain::id::TenantName;
use forewarm_domain::time::{SECOND_MS, TimestampMs};
use forewarm_web::{Secret, TOKEN_NAME_MAX as NAME_MAX, TokenIndex, is_token_name};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a token that another host made or revoked may go unnoticed.
const REFRESH_AFTER: Duration = Duration::from_secs(2);

/// The tokens of the installation.
pub struct TokenBook {
    store: Store,
    tokens: Mutex<Tokens>,
    /// One request at a time changes or reads again what is in the store.
    changing: tokio::sync::Mutex<()>,
}

struct Tokens {
    index: TokenIndex<TokenRecord>,
    read_at: Instant,
}

/// A token that is asked for.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// Its name, unique.
    pub name: String,
    /// What it allows.
    pub scope: Scope,
    /// The one tenant that it speaks for.
    pub tenant: Option<TenantName>,
    /// Ends after so many seconds; `None` for never.
    pub lifetime_s: Option<u32>,
}

/// Why a token was not made or revoked.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The name is taken.
    #[error("there is a token named `{0}` already, perhaps a revoked one: choose another name")]
    Taken(String),
    /// The name cannot be used.
    #[error("a token's name has 1 to {NAME_MAX} letters, digits, spaces and - _ . @")]
    Name,
    /// A tenant's token without a tenant, or another one with.
    #[error("a token of scope `tenant` needs a tenant, and no other may have one")]
    Tenant,
    /// There is no such token.
    #[error("there is no token named `{0}`")]
    Unknown(String),
    /// Nobody could make tokens any more.
    #[error("`{0}` is the last administrator's token: make another one first")]
    LastAdmin(String),
    /// No randomness.
    #[error("the operating system gives no random bytes: {0}")]
    Random(#[from] rand::rngs::SysError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl TokenBook {
    /// Reads the tokens of `store`.
    ///
    /// # Errors
    /// [`StoreError`] when it can't be read.
    pub async fn open(store: Store) -> Result<Self, StoreError> {
        let tokens = Mutex::new(Tokens::from(store.tokens().await?));
        Ok(Self { store, tokens, changing: tokio::sync::Mutex::new(()) })
    }

    /// The valid token with this secret, if there is one.
    pub async fn find(&self, secret: &Secret, now: TimestampMs) -> Option<TokenRecord> {
        self.refresh_if_old().await;
        self.tokens().index.find(&secret.digest()).filter(|token| is_valid(token, now)).cloned()
    }

    /// Every token, revoked ones included, by name.
    #[must_use]
    pub fn list(&self) -> Vec<TokenRecord> {
        let mut list: Vec<TokenRecord> = self.tokens().index.iter().cloned().collect();
        list.sort_by(|a, b| a.name.cmp(&b.name));
        list
    }

    /// Makes a token. Its secret is in the answer and nowhere else.
    ///
    /// # Errors
    /// [`TokenError`] says what would be right.
    pub async fn create(&self, new: NewToken, now: TimestampMs) -> Result<(TokenRecord, Secret), TokenError> {
        check(&new)?;
        let secret = Secret::generate()?;
        let record = TokenRecord {
            name: new.name,
            sha256: secret.digest(),
            scope: new.scope,
            tenant: new.tenant,
            created_at: now,
            expires_at: new.lifetime_s.map(|seconds| now + i64::from(seconds) * SECOND_MS),
            revoked_at: None,
        };
        let _changing = self.changing.lock().await;
        match self.store.commit(vec![Write::Token(record.clone())]).await {
            Err(StoreError::Conflict { .. }) => return Err(TokenError::Taken(record.name)),
            other => other?,
        }
        self.tokens().index.insert(record.clone());
        Ok((record, secret))
    }

    /// Revokes a token: the next request with it fails.
    ///
    /// # Errors
    /// [`TokenError::Unknown`], [`TokenError::LastAdmin`] or the store's.
    pub async fn revoke(&self, name: &str, now: TimestampMs) -> Result<TokenRecord, TokenError> {
        let _changing = self.changing.lock().await;
        let records = self.store.tokens().await?;
        let unknown = || TokenError::Unknown(name.chars().take(NAME_MAX).collect());
        let mut record = records.iter().find(|token| token.name == name).cloned().ok_or_else(unknown)?;
        if record.revoked_at.is_some() {
            return Ok(record);
        }
        // A token that ends by itself does not keep the door open.
        let lasting =
            |token: &TokenRecord| token.scope == Scope::Admin && is_valid(token, now) && token.expires_at.is_none();
        let others = records.iter().any(|token| token.name != name && lasting(token));
        if lasting(&record) && !others {
            return Err(TokenError::LastAdmin(record.name));
        }
        self.store.commit(vec![Write::TokenRevoked { name: name.to_owned(), at: now }]).await?;
        record.revoked_at = Some(now);
        self.tokens().index.insert(record.clone());
        Ok(record)
    }

    /// Whether an administrator's token exists that is valid.
    #[must_use]
    pub fn has_admin(&self, now: TimestampMs) -> bool {
        self.tokens().index.iter().any(|token| token.scope == Scope::Admin && is_valid(token, now))
    }

    /// Reads the store again now and then, for what other hosts changed. Where it can't be read, what is known stands.
    async fn refresh_if_old(&self) {
        if self.tokens().read_at.elapsed() < REFRESH_AFTER {
            return;
        }
        let Ok(_changing) = self.changing.try_lock() else { return };
        match self.store.tokens().await {
            Ok(records) => *self.tokens() = Tokens::from(records),
            Err(error) => {
                tracing::warn!(%error, "the tokens could not be read again");
                self.tokens().read_at = Instant::now();
            }
        }
    }

    fn tokens(&self) -> MutexGuard<'_, Tokens> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<Vec<TokenRecord>> for Tokens {
    fn from(records: Vec<TokenRecord>) -> Self {
        Self { index: records.into_iter().collect(), read_at: Instant::now() }
    }
}

impl forewarm_web::TokenRecord for TokenRecord {
    fn name(&self) -> &str {
        &self.name
    }

    fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }
}

fn is_valid(token: &TokenRecord, now: TimestampMs) -> bool {
    token.revoked_at.is_none() && token.expires_at.is_none_or(|end| now < end)
}

fn check(new: &NewToken) -> Result<(), TokenError> {
    if !is_token_name(&new.name) {
        return Err(TokenError::Name);
    }
    if (new.scope == Scope::Tenant) != new.tenant.is_some() {
        return Err(TokenError::Tenant);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreConfig;

    async fn book() -> TokenBook {
        let store = Store::open(&StoreConfig::new("sqlite::memory:")).await.expect("opens");
        TokenBook::open(store).await.expect("reads")
    }

    fn new(name: &str, scope: Scope) -> NewToken {
        NewToken { name: name.into(), scope, tenant: None, lifetime_s: None }
    }

    #[tokio::test]
    async fn a_token_is_found_by_its_secret_until_it_is_revoked() {
        let book = book().await;
        let now = TimestampMs(1_000);
        let (_, admin) = book.create(new("root", Scope::Admin), now).await.expect("made");
        let (record, secret) = book.create(new("ci", Scope::Read), now).await.expect("made");
        assert_eq!(book.find(&secret, now).await, Some(record));
        book.revoke("ci", now).await.expect("revoked");
        assert_eq!(book.find(&secret, now).await, None);
        assert!(book.find(&admin, now).await.is_some());
        assert!(matches!(book.create(new("ci", Scope::Read), now).await, Err(TokenError::Taken(_))));
    }

    #[tokio::test]
    async fn a_token_ends_by_itself() {
        let book = book().await;
        let brief = NewToken { lifetime_s: Some(10), ..new("brief", Scope::Read) };
        let (_, secret) = book.create(brief, TimestampMs(0)).await.expect("made");
        assert!(book.find(&secret, TimestampMs(9_999)).await.is_some());
        assert!(book.find(&secret, TimestampMs(10_000)).await.is_none());
    }

    #[tokio::test]
    async fn the_last_administrator_stays() {
        let book = book().await;
        let now = TimestampMs(0);
        book.create(new("root", Scope::Admin), now).await.expect("made");
        let brief = NewToken { lifetime_s: Some(60), ..new("brief", Scope::Admin) };
        book.create(brief, now).await.expect("made");
        assert!(matches!(book.revoke("root", now).await, Err(TokenError::LastAdmin(_))));
        book.create(new("second", Scope::Admin), now).await.expect("made");
        assert!(book.revoke("root", now).await.is_ok());
        assert!(matches!(book.revoke("nobody", now).await, Err(TokenError::Unknown(_))));
    }

    #[tokio::test]
    async fn names_and_tenants_are_checked() {
        let book = book().await;
        for name in ["", " a", "a\n", &"x".repeat(101)] {
            let refused = book.create(new(name, Scope::Read), TimestampMs(0)).await;
            assert!(matches!(refused, Err(TokenError::Name)), "{name}");
        }
        let refused = book.create(new("t", Scope::Tenant), TimestampMs(0)).await;
        assert!(matches!(refused, Err(TokenError::Tenant)));
    }
}
