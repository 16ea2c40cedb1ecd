//! The caller of one request: found by its token before a handler runs, asked by handlers what it may do.

use crate::http::problem::{Problem, ProblemKind};
use crate::http::state::AppState;
use crate::store::Scope;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;
use forewarm_domain::id::TenantName;
use forewarm_web::{bearer, unauthenticated};

/// For whom a token that speaks for no tenant in particular claims unless it says.
const DEFAULT_TENANT: &str = "default";

/// Who calls. As a handler's argument it is there on every route that needs a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The token's name.
    pub name: String,
    /// What the token allows.
    pub scope: Scope,
    /// The one tenant that it speaks for.
    pub tenant: Option<TenantName>,
}

impl Caller {
    /// Lets those through who look after the whole installation or look at it: everyone but tenants.
    ///
    /// # Errors
    /// A problem that names the scope which is needed.
    pub fn may_read(&self) -> Result<(), Problem> {
        self.one_of(&[Scope::Read, Scope::Operator, Scope::Admin])
    }

    /// Lets operators and administrators through.
    ///
    /// # Errors
    /// A problem that names the scope which is needed.
    pub fn may_operate(&self) -> Result<(), Problem> {
        self.one_of(&[Scope::Operator, Scope::Admin])
    }

    /// Lets administrators through.
    ///
    /// # Errors
    /// A problem that names the scope which is needed.
    pub fn may_administrate(&self) -> Result<(), Problem> {
        self.one_of(&[Scope::Admin])
    }

    /// Lets those through who may claim, for `wanted` or, without, the tenant that the token speaks for.
    ///
    /// # Errors
    /// A problem when the token only looks, or speaks for another tenant.
    pub fn claims_for(&self, wanted: Option<TenantName>) -> Result<TenantName, Problem> {
        self.one_of(&[Scope::Tenant, Scope::Operator, Scope::Admin])?;
        match (&self.tenant, wanted) {
            (Some(own), Some(wanted)) if *own != wanted => {
                let detail = format!("this token speaks for tenant {own}, not {wanted}");
                Err(Problem::new(ProblemKind::Forbidden, detail))
            }
            (Some(own), _) => Ok(own.clone()),
            (None, Some(wanted)) => Ok(wanted),
            (None, None) => DEFAULT_TENANT.parse().map_err(Problem::internal),
        }
    }

    /// Lets those through who may change claims, and says whose: `None` for everybody's.
    ///
    /// # Errors
    /// A problem when the token only looks.
    pub fn changes_claims(&self) -> Result<Option<&TenantName>, Problem> {
        self.one_of(&[Scope::Tenant, Scope::Operator, Scope::Admin])?;
        Ok(self.tenant.as_ref())
    }

    fn one_of(&self, scopes: &[Scope]) -> Result<(), Problem> {
        if scopes.contains(&self.scope) {
            return Ok(());
        }
        let needed: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
        let detail =
            format!("a token of scope {} is needed, this one has scope {}", needed.join(" or "), self.scope.as_str());
        Err(Problem::new(ProblemKind::Forbidden, detail))
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // Without the layer below there is no caller, and so no way in.
        parts.extensions.get::<Self>().cloned().ok_or_else(|| unauthenticated("this route needs a token"))
    }
}

/// Finds out who calls; without a valid token the request ends here.
pub(in crate::http) async fn authenticate(
    State(state): State<AppState>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let found = match bearer(request.headers()) {
        Ok(secret) => {
            let now = state.core.clock().now();
            let expired_or_unknown = "the token is not known, was revoked, or has expired";
            state.tokens.find(&secret, now).await.ok_or_else(|| unauthenticated(expired_or_unknown))
        }
        Err(problem) => Err(problem),
    };
    let token = found.inspect_err(|_| {
        state.metrics.login_refused();
        tracing::warn!(path = request.uri().path(), "a request without a valid token was refused");
    })?;
    tracing::Span::current().record("caller", &token.name);
    request.extensions_mut().insert(Caller { name: token.name, scope: token.scope, tenant: token.tenant });
    Ok(next.run(request).await)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(scope: Scope, tenant: Option<&str>) -> Caller {
        let tenant = tenant.map(|name| name.parse().expect("valid"));
        Caller { name: "test".into(), scope, tenant }
    }

    #[test]
    fn each_scope_may_what_it_may() {
        for (scope, read, operate, administrate) in [
            (Scope::Admin, true, true, true),
            (Scope::Operator, true, true, false),
            (Scope::Read, true, false, false),
            (Scope::Tenant, false, false, false),
        ] {
            let caller = caller(scope, None);
            let allowed = (caller.may_read().is_ok(), caller.may_operate().is_ok(), caller.may_administrate().is_ok());
            assert_eq!(allowed, (read, operate, administrate), "{scope:?}");
        }
    }

    #[test]
    fn a_tenant_claims_for_itself_only() {
        let own = caller(Scope::Tenant, Some("red"));
        assert_eq!(own.claims_for(None).expect("own").as_str(), "red");
        let refused = own.claims_for(Some("blue".parse().expect("valid"))).expect_err("another's");
        assert_eq!(refused.kind(), ProblemKind::Forbidden);
        assert_eq!(own.changes_claims().expect("own").map(TenantName::as_str), Some("red"));
        let everybody = caller(Scope::Operator, None);
        assert_eq!(everybody.claims_for(None).expect("unnamed").as_str(), "default");
        assert_eq!(everybody.changes_claims().expect("all"), None);
        assert!(caller(Scope::Read, None).claims_for(Some("red".parse().expect("valid"))).is_err());
    }
}
