//! `/v1/market/organisations` and `/v1/market/cost-centres`: who takes part.

use super::state::MarketState;
use crate::auth::Who;
use crate::model::{CostCentre, NewCostCentre, NewOrganisation, Organisation};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use forewarm_web::Problem;
use forewarm_web::body::{Checked, checked_body};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<MarketState> {
    OpenApiRouter::new().routes(routes!(create, list)).routes(routes!(create_centre, list_centres))
}

checked_body!(NewOrganisation, NewCostCentre);

/// Makes an organisation with its root cost centre and account. For operators.
#[utoipa::path(post, path = "/v1/market/organisations", operation_id = "create_organisation", tag = "members", request_body = NewOrganisation, responses((status = 201, body = Organisation)))]
async fn create(
    State(state): State<MarketState>,
    who: Who,
    Checked(body): Checked<NewOrganisation>,
) -> Result<(StatusCode, Json<Organisation>), Problem> {
    Ok((StatusCode::CREATED, Json(state.market.create_organisation(&who.0, body).await?)))
}

/// Lists the organisations that the token may see, by name.
#[utoipa::path(get, path = "/v1/market/organisations", operation_id = "list_organisations", tag = "members", responses((status = 200, body = Vec<Organisation>)))]
async fn list(State(state): State<MarketState>, who: Who) -> Result<Json<Vec<Organisation>>, Problem> {
    Ok(Json(state.market.organisations(&who.0).await?))
}

/// Makes a cost centre with an account of its own. For operators.
#[utoipa::path(post, path = "/v1/market/cost-centres", operation_id = "create_cost_centre", tag = "members", request_body = NewCostCentre, responses((status = 201, body = CostCentre)))]
async fn create_centre(
    State(state): State<MarketState>,
    who: Who,
    Checked(body): Checked<NewCostCentre>,
) -> Result<(StatusCode, Json<CostCentre>), Problem> {
    Ok((StatusCode::CREATED, Json(state.market.create_cost_centre(&who.0, body).await?)))
}

/// Lists the cost centres that the token may see, by name.
#[utoipa::path(get, path = "/v1/market/cost-centres", operation_id = "list_cost_centres", tag = "members", responses((status = 200, body = Vec<CostCentre>)))]
async fn list_centres(State(state): State<MarketState>, who: Who) -> Result<Json<Vec<CostCentre>>, Problem> {
    Ok(Json(state.market.cost_centres(&who.0).await?))
}
