//! `/v1/tokens`: who may call. For administrators.

use super::auth::{Caller, NewToken, TokenError};
use super::body::{Checked, checked_body};
use super::parameters::InPath;
use super::problem::{Problem, ProblemKind};
use super::state::AppState;
use crate::store::{Scope, TokenRecord};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use forewarm_domain::id::TenantName;
use forewarm_domain::time::TimestampMs;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(create, list)).routes(routes!(revoke))
}

/// A token, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenView {
    /// Its name.
    pub name: String,
    /// What it allows.
    pub scope: Scope,
    /// The one tenant that it speaks for.
    pub tenant: Option<TenantName>,
    /// When it was made.
    pub created_at: TimestampMs,
    /// When it ends by itself.
    pub expires_at: Option<TimestampMs>,
    /// When it was revoked.
    pub revoked_at: Option<TimestampMs>,
}

/// A token and its secret, which is shown this once.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct CreatedToken {
    /// The token.
    token: TokenView,
    /// What goes into `Authorization: Bearer`.
    secret: String,
}

/// A token that is asked for.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TokenBody {
    /// Its name, unique.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// What it allows.
    scope: Scope,
    /// The one tenant that it speaks for; with scope `tenant`, and only then.
    #[schema(value_type = Option<String>, pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
    tenant: Option<TenantName>,
    /// Ends the token after so many seconds; never unless given.
    #[schema(minimum = 1, maximum = 315_360_000)]
    lifetime_s: Option<u32>,
}

checked_body!(TokenBody);

/// Makes a token. Its secret is in the answer and can't be had again.
#[utoipa::path(
    post,
    path = "/v1/tokens",
    tag = "tokens",
    operation_id = "create_token",
    request_body = TokenBody,
    responses((status = 201, body = CreatedToken))
)]
async fn create(
    State(state): State<AppState>,
    caller: Caller,
    Checked(body): Checked<TokenBody>,
) -> Result<(StatusCode, Json<CreatedToken>), Problem> {
    caller.may_administrate()?;
    let TokenBody { name, scope, tenant, lifetime_s } = body;
    let now = state.core.clock().now();
    let (record, secret) = state.tokens.create(NewToken { name, scope, tenant, lifetime_s }, now).await?;
    tracing::info!(token = record.name, scope = scope.as_str(), by = caller.name, "token made");
    let created = CreatedToken { token: view(record), secret: secret.expose().to_owned() };
    Ok((StatusCode::CREATED, Json(created)))
}

/// Lists the tokens, revoked ones included, by name.
#[utoipa::path(get, path = "/v1/tokens", operation_id = "list_tokens", tag = "tokens", responses((status = 200, body = Vec<TokenView>)))]
async fn list(State(state): State<AppState>, caller: Caller) -> Result<Json<Vec<TokenView>>, Problem> {
    caller.may_administrate()?;
    Ok(Json(state.tokens.list().into_iter().map(view).collect()))
}

/// Revokes a token: the next request with it fails.
#[utoipa::path(
    delete,
    path = "/v1/tokens/{name}",
    tag = "tokens",
    operation_id = "revoke_token",
    params(("name" = String, Path, description = "The token")),
    responses((status = 200, body = TokenView))
)]
async fn revoke(
    State(state): State<AppState>,
    caller: Caller,
    InPath(name): InPath<String>,
) -> Result<Json<TokenView>, Problem> {
    caller.may_administrate()?;
    let record = state.tokens.revoke(&name, state.core.clock().now()).await?;
    tracing::info!(token = record.name, by = caller.name, "token revoked");
    Ok(Json(view(record)))
}

fn view(record: TokenRecord) -> TokenView {
    let TokenRecord { name, scope, tenant, created_at, expires_at, revoked_at, .. } = record;
    TokenView { name, scope, tenant, created_at, expires_at, revoked_at }
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        let detail = error.to_string();
        match error {
            TokenError::Taken(_) | TokenError::LastAdmin(_) => Self::new(ProblemKind::Conflict, detail),
            TokenError::Name | TokenError::Tenant => Self::new(ProblemKind::InvalidBody, detail),
            TokenError::Unknown(_) => Self::new(ProblemKind::NotFound, detail),
            TokenError::Random(_) => Self::internal(detail),
            TokenError::Store(error) => error.into(),
        }
    }
}
