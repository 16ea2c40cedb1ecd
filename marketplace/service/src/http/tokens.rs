//! `/v1/market/tokens`: who may call. For operators.

use super::state::MarketState;
use crate::auth::{NewToken, Token, Who};
use crate::error::MarketError;
use crate::model::{Role, Roles};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use forewarm_domain::id::TenantName;
use forewarm_domain::time::TimestampMs;
use forewarm_web::Problem;
use forewarm_web::body::{Checked, checked_body};
use forewarm_web::parameters::InPath;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<MarketState> {
    OpenApiRouter::new().routes(routes!(create, list)).routes(routes!(revoke))
}

/// A token, without its secret.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct MarketTokenView {
    /// Its name.
    name: String,
    /// The cost centre that it speaks for, and all below it.
    tenant: Option<TenantName>,
    /// What it may do.
    roles: Vec<Role>,
    /// When it was made.
    created_at: TimestampMs,
    /// By whom.
    created_by: String,
    /// When it ends by itself.
    expires_at: Option<TimestampMs>,
    /// When it was revoked.
    revoked_at: Option<TimestampMs>,
}

impl From<Token> for MarketTokenView {
    fn from(token: Token) -> Self {
        let Token { name, tenant, roles, created_at, created_by, expires_at, revoked_at, .. } = token;
        Self { name, tenant, roles: Roles::iter(roles).collect(), created_at, created_by, expires_at, revoked_at }
    }
}

/// A token and its secret, which is shown this once.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct CreatedMarketToken {
    /// The token.
    token: MarketTokenView,
    /// What goes into `Authorization: Bearer`.
    secret: String,
}

/// A token that is asked for.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MarketTokenBody {
    /// Its name, unique.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// The cost centre that it is to speak for; none for operators and auditors of the whole market.
    tenant: Option<TenantName>,
    /// What it may do.
    #[schema(min_items = 1, max_items = 4)]
    roles: Vec<Role>,
    /// Ends the token after so many seconds; never unless given.
    #[schema(minimum = 1, maximum = 315_360_000)]
    lifetime_s: Option<u32>,
}

checked_body!(MarketTokenBody);

/// Makes a token. Its secret is in the answer and can't be had again.
#[utoipa::path(post, path = "/v1/market/tokens", operation_id = "create_market_token", tag = "members", request_body = MarketTokenBody, responses((status = 201, body = CreatedMarketToken)))]
async fn create(
    State(state): State<MarketState>,
    who: Who,
    Checked(body): Checked<MarketTokenBody>,
) -> Result<(StatusCode, Json<CreatedMarketToken>), Problem> {
    who.must_be(&[])?;
    let MarketTokenBody { name, tenant, roles, lifetime_s } = body;
    if let Some(tenant) = &tenant {
        let centres = state.market.cost_centres(&who.0).await?;
        if !centres.iter().any(|centre| centre.name == *tenant) {
            return Err(MarketError::not_found("cost centre", tenant).into());
        }
    }
    let new = NewToken { name, tenant, roles, lifetime_s };
    let (token, secret) = state.tokens.create(new, &who.0.name, state.clock.now()).await?;
    tracing::info!(token = token.name, by = who.0.name, "market token made");
    let created = CreatedMarketToken { token: token.into(), secret: secret.expose().to_owned() };
    Ok((StatusCode::CREATED, Json(created)))
}

/// Lists the tokens, revoked ones included, by name.
#[utoipa::path(get, path = "/v1/market/tokens", operation_id = "list_market_tokens", tag = "members", responses((status = 200, body = Vec<MarketTokenView>)))]
async fn list(State(state): State<MarketState>, who: Who) -> Result<Json<Vec<MarketTokenView>>, Problem> {
    who.must_be(&[])?;
    Ok(Json(state.tokens.list().into_iter().map(MarketTokenView::from).collect()))
}

/// Revokes a token: the next request with it fails.
#[utoipa::path(delete, path = "/v1/market/tokens/{name}", operation_id = "revoke_market_token", tag = "members", params(("name" = String, Path, description = "The token")), responses((status = 200, body = MarketTokenView)))]
async fn revoke(
    State(state): State<MarketState>,
    who: Who,
    InPath(name): InPath<String>,
) -> Result<Json<MarketTokenView>, Problem> {
    who.must_be(&[])?;
    let token = state.tokens.revoke(&name, state.clock.now()).await?;
    tracing::info!(token = token.name, by = who.0.name, "market token revoked");
    Ok(Json(token.into()))
}
