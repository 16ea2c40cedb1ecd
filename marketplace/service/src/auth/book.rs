//! The market's tokens, in memory and in the store.

use crate::error::MarketError;
use crate::model::{Caller, Role, Roles};
use crate::records::Records;
use forewarm_domain::id::TenantName;
use forewarm_domain::time::{SECOND_MS, TimestampMs};
use forewarm_web::{Secret, TokenIndex, TokenRecord, is_token_name};
use serde::{Deserialize, Serialize};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Under which kind tokens are kept.
const KIND: &str = "token";

/// A token: who holds its secret may do this for a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Its name, unique.
    pub name: String,
    /// SHA-256 of its secret.
    pub sha256: [u8; 32],
    /// The cost centre that it speaks for, and all below it; none for those who look after the whole market.
    pub tenant: Option<TenantName>,
    /// What it may do.
    pub roles: Roles,
    /// When it was made.
    pub created_at: TimestampMs,
    /// By whom.
    pub created_by: String,
    /// When it ends by itself.
    pub expires_at: Option<TimestampMs>,
    /// When it was revoked.
    pub revoked_at: Option<TimestampMs>,
}

impl Token {
    /// Whoever holds it.
    #[must_use]
    pub fn caller(&self) -> Caller {
        Caller { name: self.name.clone(), tenant: self.tenant.clone(), roles: self.roles }
    }

    fn is_valid(&self, now: TimestampMs) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}

impl TokenRecord for Token {
    fn name(&self) -> &str {
        &self.name
    }

    fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }
}

/// A token that is asked for.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// Its name.
    pub name: String,
    /// The cost centre that it is to speak for.
    pub tenant: Option<TenantName>,
    /// What it may do.
    pub roles: Vec<Role>,
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
    #[error("a token's name has 1 to 100 letters, digits, spaces and - _ . @")]
    Name,
    /// The roles do not go together, or not with the tenant.
    #[error("a token has one role or more; owner and buyer need a tenant, operator stands alone and has none")]
    Roles,
    /// There is no such token.
    #[error("there is no token named `{0}`")]
    Unknown(String),
    /// Nobody could make tokens any more.
    #[error("`{0}` is the last operator's token: make another one first")]
    LastOperator(String),
    /// No randomness.
    #[error("the operating system gives no random bytes: {0}")]
    Random(#[from] rand::rngs::SysError),
    /// The market failed.
    #[error(transparent)]
    Market(#[from] MarketError),
}

/// How a token is written to the store.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    name: String,
    sha256: [u8; 32],
    tenant: Option<TenantName>,
    roles: Vec<Role>,
    created_at: TimestampMs,
    created_by: String,
    expires_at: Option<TimestampMs>,
    revoked_at: Option<TimestampMs>,
}

impl From<Stored> for Token {
    fn from(stored: Stored) -> Self {
        let Stored { name, sha256, tenant, roles, created_at, created_by, expires_at, revoked_at } = stored;
        Self {
            name,
            sha256,
            tenant,
            roles: roles.into_iter().collect(),
            created_at,
            created_by,
            expires_at,
            revoked_at,
        }
    }
}

impl From<&Token> for Stored {
    fn from(token: &Token) -> Self {
        Self {
            name: token.name.clone(),
            sha256: token.sha256,
            tenant: token.tenant.clone(),
            roles: token.roles.iter().collect(),
            created_at: token.created_at,
            created_by: token.created_by.clone(),
            expires_at: token.expires_at,
            revoked_at: token.revoked_at,
        }
    }
}

/// The tokens of the market.
pub struct TokenBook {
    records: Records,
    index: Mutex<TokenIndex<Token>>,
    /// One request at a time changes what is in the store.
    changing: tokio::sync::Mutex<()>,
}

impl TokenBook {
    /// Reads the tokens of the store.
    ///
    /// # Errors
    /// [`MarketError`] when they can't be read.
    pub async fn open(records: Records) -> Result<Self, MarketError> {
        let stored: Vec<Stored> = records.all(KIND).await?;
        let index = Mutex::new(stored.into_iter().map(Token::from).collect());
        Ok(Self { records, index, changing: tokio::sync::Mutex::new(()) })
    }

    /// The valid token with this secret, if there is one.
    #[must_use]
    pub fn find(&self, secret: &Secret, now: TimestampMs) -> Option<Token> {
        self.index().find(&secret.digest()).filter(|token| token.is_valid(now)).cloned()
    }

    /// Every token, revoked ones included, by name.
    #[must_use]
    pub fn list(&self) -> Vec<Token> {
        let mut list: Vec<Token> = self.index().iter().cloned().collect();
        list.sort_by(|a, b| a.name.cmp(&b.name));
        list
    }

    /// Whether an operator's token exists that is valid.
    #[must_use]
    pub fn has_operator(&self, now: TimestampMs) -> bool {
        self.index().iter().any(|token| token.roles.has(Role::Operator) && token.is_valid(now))
    }

    /// Makes a token. Its secret is in the answer and nowhere else.
    ///
    /// # Errors
    /// [`TokenError`] says what would be right.
    pub async fn create(&self, new: NewToken, by: &str, now: TimestampMs) -> Result<(Token, Secret), TokenError> {
        check(&new)?;
        let secret = Secret::generate()?;
        let token = Token {
            name: new.name,
            sha256: secret.digest(),
            tenant: new.tenant,
            roles: new.roles.into_iter().collect(),
            created_at: now,
            created_by: by.to_owned(),
            expires_at: new.lifetime_s.map(|seconds| now + i64::from(seconds) * SECOND_MS),
            revoked_at: None,
        };
        let _changing = self.changing.lock().await;
        if self.index().iter().any(|known| known.name == token.name) {
            return Err(TokenError::Taken(token.name));
        }
        self.records.put(KIND, &token.name, &Stored::from(&token)).await?;
        self.index().insert(token.clone());
        Ok((token, secret))
    }

    /// Revokes a token: the next request with it fails.
    ///
    /// # Errors
    /// [`TokenError::Unknown`], [`TokenError::LastOperator`] or the market's.
    pub async fn revoke(&self, name: &str, now: TimestampMs) -> Result<Token, TokenError> {
        let _changing = self.changing.lock().await;
        let found = self.index().iter().find(|token| token.name == name).cloned();
        let mut token = found.ok_or_else(|| TokenError::Unknown(name.chars().take(100).collect()))?;
        if token.revoked_at.is_some() {
            return Ok(token);
        }
        let lasts = |other: &Token| {
            other.name != name && other.roles.has(Role::Operator) && other.is_valid(now) && other.expires_at.is_none()
        };
        if token.roles.has(Role::Operator) && !self.index().iter().any(lasts) {
            return Err(TokenError::LastOperator(token.name));
        }
        token.revoked_at = Some(now);
        self.records.replace(KIND, name, &Stored::from(&token)).await?;
        self.index().insert(token.clone());
        Ok(token)
    }

    fn index(&self) -> MutexGuard<'_, TokenIndex<Token>> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn check(new: &NewToken) -> Result<(), TokenError> {
    if !is_token_name(&new.name) {
        return Err(TokenError::Name);
    }
    let has = |role: Role| new.roles.contains(&role);
    let operates = has(Role::Operator);
    let needs_tenant = has(Role::Owner) || has(Role::Buyer);
    let fits =
        if operates { new.roles.len() == 1 && new.tenant.is_none() } else { !needs_tenant || new.tenant.is_some() };
    if fits && !new.roles.is_empty() { Ok(()) } else { Err(TokenError::Roles) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_and_tenants_go_together() {
        let check = |roles: &[Role], tenant: Option<&str>| {
            let tenant = tenant.map(|name| name.parse().expect("valid"));
            check(&NewToken { name: "t".into(), tenant, roles: roles.to_vec(), lifetime_s: None }).is_ok()
        };
        assert!(check(&[Role::Buyer, Role::Owner], Some("shop")) && check(&[Role::Auditor], Some("shop")));
        assert!(check(&[Role::Operator], None) && check(&[Role::Auditor], None));
        assert!(
            !check(&[], Some("shop")) && !check(&[Role::Buyer], None) && !check(&[Role::Auditor, Role::Owner], None)
        );
        assert!(!check(&[Role::Operator], Some("shop")) && !check(&[Role::Operator, Role::Buyer], None));
    }
}
