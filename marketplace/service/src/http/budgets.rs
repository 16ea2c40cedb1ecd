//! `/v1/market/budgets`: what a cost centre and all below it may spend in a period.

use super::state::MarketState;
use crate::auth::Who;
use crate::model::{Budget, NewBudget};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use forewarm_domain::id::TenantName;
use forewarm_web::Problem;
use forewarm_web::body::{Checked, checked_body};
use forewarm_web::parameters::InQuery;
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<MarketState> {
    OpenApiRouter::new().routes(routes!(create, list))
}

checked_body!(NewBudget);

/// Whose budgets.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Of {
    /// The cost centre; the token's own unless given.
    tenant: Option<TenantName>,
}

/// Makes a budget. For operators.
#[utoipa::path(post, path = "/v1/market/budgets", operation_id = "create_budget", tag = "money", request_body = NewBudget, responses((status = 201, body = Budget)))]
async fn create(
    State(state): State<MarketState>,
    who: Who,
    Checked(body): Checked<NewBudget>,
) -> Result<(StatusCode, Json<Budget>), Problem> {
    Ok((StatusCode::CREATED, Json(state.market.create_budget(&who.0, body).await?)))
}

/// Lists the budgets of a cost centre and of all above it, with what was used of each.
#[utoipa::path(get, path = "/v1/market/budgets", operation_id = "list_budgets", tag = "money", params(Of), responses((status = 200, body = Vec<Budget>)))]
async fn list(
    State(state): State<MarketState>,
    who: Who,
    InQuery(of): InQuery<Of>,
) -> Result<Json<Vec<Budget>>, Problem> {
    let tenant = who.tenant(of.tenant)?;
    Ok(Json(state.market.budgets(&who.0, &tenant).await?))
}
