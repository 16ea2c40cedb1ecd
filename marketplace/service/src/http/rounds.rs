//! `/v1/market/rounds`: the auctions, from open to published. They are the same for everybody.

use super::state::MarketState;
use crate::auth::Who;
use crate::model::{MarketKind, Round};
use axum::Json;
use axum::extract::State;
use forewarm_auction::RoundNumber;
use forewarm_web::Problem;
use forewarm_web::parameters::{InPath, InQuery, limit};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<MarketState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(open)).routes(routes!(get))
}

/// Which rounds.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Page {
    /// Those of this kind alone.
    kind: Option<MarketKind>,
    /// Those before this number, for the next page.
    before: Option<RoundNumber>,
    /// At most so many, 1 to 1000; 100 unless given.
    limit: Option<u32>,
}

/// Lists rounds, newest first.
#[utoipa::path(get, path = "/v1/market/rounds", operation_id = "list_rounds", tag = "rounds", params(Page), responses((status = 200, body = Vec<Round>)))]
async fn list(
    State(state): State<MarketState>,
    _: Who,
    InQuery(page): InQuery<Page>,
) -> Result<Json<Vec<Round>>, Problem> {
    let most = u32::try_from(limit(page.limit, 100, 1_000)?).unwrap_or(1_000);
    Ok(Json(state.market.rounds(page.kind, page.before, most).await?))
}

/// Gives the open round of each kind, with the time of its seal.
#[utoipa::path(get, path = "/v1/market/rounds/open", operation_id = "list_open_rounds", tag = "rounds", responses((status = 200, body = Vec<Round>)))]
async fn open(State(state): State<MarketState>, _: Who) -> Result<Json<Vec<Round>>, Problem> {
    Ok(Json(state.market.open_rounds().await?))
}

/// Gives one round.
#[utoipa::path(get, path = "/v1/market/rounds/{number}", operation_id = "get_round", tag = "rounds", params(("number" = RoundNumber, Path, description = "The round")), responses((status = 200, body = Round)))]
async fn get(
    State(state): State<MarketState>,
    _: Who,
    InPath(number): InPath<RoundNumber>,
) -> Result<Json<Round>, Problem> {
    Ok(Json(state.market.round(number).await?))
}
