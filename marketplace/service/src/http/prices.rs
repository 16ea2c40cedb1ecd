//! `/v1/market/prices`: what was traded at which price, how much, and how much was wanted in vain.

use super::state::MarketState;
use crate::auth::Who;
use crate::market::PriceQuery;
use crate::model::{DeliveryWindow, PricePoint};
use axum::Json;
use axum::extract::State;
use forewarm_auction::{LeaseClass, RoundNumber};
use forewarm_domain::id::PersonaName;
use forewarm_domain::time::TimestampMs;
use forewarm_web::parameters::{InQuery, limit};
use forewarm_web::{Problem, ProblemKind};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<MarketState> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Which prices.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Page {
    /// Of this persona.
    persona: Option<PersonaName>,
    /// Of this class.
    class: Option<LeaseClass>,
    /// Of the window from then on; together with `until`.
    from: Option<TimestampMs>,
    /// Of the window until then; together with `from`.
    until: Option<TimestampMs>,
    /// Of rounds before this number, for the next page.
    before: Option<RoundNumber>,
    /// At most so many, 1 to 1000; 100 unless given.
    limit: Option<u32>,
}

/// Lists prices, volumes and unfilled demand, newest round first.
#[utoipa::path(get, path = "/v1/market/prices", operation_id = "list_prices", tag = "rounds", params(Page), responses((status = 200, body = Vec<PricePoint>)))]
async fn list(
    State(state): State<MarketState>,
    _: Who,
    InQuery(page): InQuery<Page>,
) -> Result<Json<Vec<PricePoint>>, Problem> {
    let most = u32::try_from(limit(page.limit, 100, 1_000)?).unwrap_or(1_000);
    let refuse = |detail: String| Problem::new(ProblemKind::InvalidParameter, detail);
    let window = match (page.from, page.until) {
        (None, None) => None,
        (Some(from), Some(until)) => {
            let window = DeliveryWindow::new(from, until);
            Some(window.map_err(|error| refuse(format!("the query is not valid: {error}")))?)
        }
        _ => return Err(refuse("the query is not valid: give both from and until of a window, or neither".to_owned())),
    };
    let query = PriceQuery { persona: page.persona, class: page.class, window, before: page.before, limit: most };
    Ok(Json(state.market.prices(query).await?))
}
