//! `/v1/market/reclaims`: an owner calls capacity back, and sees before what that costs.

use super::state::MarketState;
use crate::auth::Who;
use crate::model::{ReclaimPreview, ReclaimRequest};
use axum::Json;
use axum::extract::State;
use forewarm_domain::id::{PersonaName, TenantName};
use forewarm_web::Problem;
use forewarm_web::body::{Checked, checked_body};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<MarketState> {
    OpenApiRouter::new().routes(routes!(preview)).routes(routes!(reclaim))
}

/// What is called back.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ReclaimBody {
    /// The owner; the token's own cost centre unless given.
    tenant: Option<TenantName>,
    /// Of which persona.
    persona: PersonaName,
    /// How many instances.
    #[schema(minimum = 1, maximum = 1_000_000)]
    units: i64,
    /// Why, in a sentence for the tenants.
    #[schema(max_length = 200)]
    reason: Option<String>,
}

/// What tenants are told unless the owner says more.
const REASON: &str = "the owner needs the capacity";

checked_body!(ReclaimBody);

fn request(who: &Who, body: ReclaimBody) -> Result<ReclaimRequest, Problem> {
    let ReclaimBody { tenant, persona, units, reason } = body;
    let reason = reason.unwrap_or_else(|| REASON.to_owned());
    Ok(ReclaimRequest { seller: who.tenant(tenant)?, persona, units, reason })
}

/// Says which leases would be called back, and what that costs. Nothing is changed. For owners.
#[utoipa::path(post, path = "/v1/market/reclaims/preview", operation_id = "preview_reclaim", tag = "leases", request_body = ReclaimBody, responses((status = 200, body = ReclaimPreview)))]
async fn preview(
    State(state): State<MarketState>,
    who: Who,
    Checked(body): Checked<ReclaimBody>,
) -> Result<Json<ReclaimPreview>, Problem> {
    Ok(Json(state.market.reclaim_preview(&who.0, request(&who, body)?).await?))
}

/// Calls instances back: the tenants get notice now, refund and compensation when the notice is over. For owners.
#[utoipa::path(post, path = "/v1/market/reclaims", operation_id = "reclaim", tag = "leases", request_body = ReclaimBody, responses((status = 200, body = ReclaimPreview)))]
async fn reclaim(
    State(state): State<MarketState>,
    who: Who,
    Checked(body): Checked<ReclaimBody>,
) -> Result<Json<ReclaimPreview>, Problem> {
    Ok(Json(state.market.reclaim(&who.0, request(&who, body)?).await?))
}
