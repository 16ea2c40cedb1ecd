//! This host's tokens at the market: those who run the host run the market as well, and a tenant's token buys for it.

use super::TokenBook;
use crate::store::{Scope, TokenRecord};
use async_trait::async_trait;
use forewarm_domain::time::Clock;
use forewarm_market::auth::Logins;
use forewarm_market::model::{Caller, Role, Roles};
use forewarm_web::Secret;
use std::sync::Arc;

/// See the module's description.
pub struct HostLogins {
    tokens: Arc<TokenBook>,
    clock: Arc<dyn Clock>,
}

impl HostLogins {
    /// The tokens of this host.
    #[must_use]
    pub fn new(tokens: Arc<TokenBook>, clock: Arc<dyn Clock>) -> Self {
        Self { tokens, clock }
    }
}

#[async_trait]
impl Logins for HostLogins {
    async fn find(&self, secret: &Secret) -> Option<Caller> {
        self.tokens.find(secret, self.clock.now()).await.map(caller)
    }
}

fn caller(token: TokenRecord) -> Caller {
    let TokenRecord { name, scope, tenant, .. } = token;
    let roles: &[Role] = match (scope, &tenant) {
        (Scope::Admin | Scope::Operator, _) => &[Role::Operator],
        (Scope::Read, _) => &[Role::Auditor],
        (Scope::Tenant, Some(_)) => &[Role::Buyer, Role::Auditor],
        (Scope::Tenant, None) => &[],
    };
    Caller { name, tenant, roles: roles.iter().copied().collect::<Roles>() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use forewarm_domain::time::TimestampMs;

    #[test]
    fn a_tenants_token_buys_for_its_tenant_alone() {
        let of = |scope, tenant: Option<&str>| {
            let tenant = tenant.map(|name| name.parse().expect("valid"));
            let (created_at, sha256) = (TimestampMs(0), [0; 32]);
            caller(TokenRecord {
                name: "t".into(),
                sha256,
                scope,
                tenant,
                created_at,
                expires_at: None,
                revoked_at: None,
            })
        };
        let buyer = of(Scope::Tenant, Some("shop"));
        assert!(buyer.roles.has(Role::Buyer) && !buyer.roles.has(Role::Owner) && !buyer.roles.has(Role::Operator));
        assert_eq!(buyer.tenant.as_ref().map(forewarm_domain::id::TenantName::as_str), Some("shop"));
        assert!(of(Scope::Admin, None).roles.has(Role::Operator));
        assert_eq!(of(Scope::Read, None).roles.iter().collect::<Vec<_>>(), [Role::Auditor]);
    }
}
