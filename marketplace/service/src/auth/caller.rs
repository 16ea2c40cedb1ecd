//! Who calls: found by the token before a handler runs, and let in as far as the tenant's share of the server goes.

use super::share::Refused;
use crate::http::MarketState;
use crate::model::{Caller, Role};
use async_trait::async_trait;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;
use forewarm_domain::id::TenantName;
use forewarm_web::{Problem, ProblemKind, Secret, bearer, unauthenticated};

/// Tokens of somebody else's that are good for the market as well: a host's, where the market is part of it.
#[async_trait]
pub trait Logins: Send + Sync + 'static {
    /// Whoever holds this secret, if the token is valid.
    async fn find(&self, secret: &Secret) -> Option<Caller>;
}

/// The caller of this request, as a handler's argument.
#[derive(Debug, Clone)]
pub(crate) struct Who(pub(crate) Caller);

impl Who {
    /// The cost centre that a request is about: the one that it names, or else the token's own.
    pub(crate) fn tenant(&self, named: Option<TenantName>) -> Result<TenantName, Problem> {
        named.or_else(|| self.0.tenant.clone()).ok_or_else(|| {
            let detail = "this token speaks for no tenant of its own: name the tenant";
            Problem::new(ProblemKind::InvalidParameter, detail)
        })
    }

    /// Lets those through who have the role; operators may do everything.
    pub(crate) fn must_be(&self, roles: &[Role]) -> Result<(), Problem> {
        if self.0.roles.has(Role::Operator) || roles.iter().any(|role| self.0.roles.has(*role)) {
            return Ok(());
        }
        let wanted: Vec<&str> = roles.iter().chain([&Role::Operator]).map(|role| role.as_str()).collect();
        let has: Vec<&str> = self.0.roles.iter().map(Role::as_str).collect();
        let detail = format!("this needs the role {}, the token has {}", wanted.join(" or "), has.join(" and "));
        Err(Problem::new(ProblemKind::Forbidden, detail))
    }
}

impl<S: Sync> FromRequestParts<S> for Who {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // Without the layer below there is no caller, and so no way in.
        parts.extensions.get::<Self>().cloned().ok_or_else(|| unauthenticated("this route needs a token"))
    }
}

/// Finds out who calls, and takes a place of its tenant's share. Without a valid token or a place the request ends here,
/// before anything of its body is read.
pub(crate) async fn admit(
    State(state): State<MarketState>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let secret = bearer(request.headers())?;
    let caller = find(&state, &secret).await.ok_or_else(|| {
        tracing::warn!(path = request.uri().path(), "a request without a valid token was refused");
        unauthenticated("the token is not known, was revoked, or has expired")
    })?;
    tracing::Span::current().record("caller", &caller.name);
    // Those who look after the market are needed most when somebody floods it.
    let _place = if caller.roles.has(Role::Operator) {
        None
    } else {
        let key = caller.tenant.as_ref().map_or(caller.name.as_str(), TenantName::as_str);
        Some(state.shares.enter(key, std::time::Instant::now()).map_err(refused)?)
    };
    request.extensions_mut().insert(Who(caller));
    Ok(next.run(request).await)
}

async fn find(state: &MarketState, secret: &Secret) -> Option<Caller> {
    if let Some(token) = state.tokens.find(secret, state.clock.now()) {
        return Some(token.caller());
    }
    match &state.logins {
        Some(logins) => logins.find(secret).await,
        None => None,
    }
}

fn refused(refused: Refused) -> Problem {
    let Refused { reason, retry_after_s } = refused;
    Problem::new(ProblemKind::RateLimited, reason).retry_after(retry_after_s)
}
