//! `/v1/market/events`: what happened, for readers that ask instead of being told.

use super::offers::own;
use super::state::MarketState;
use crate::auth::Who;
use crate::market::EventQuery;
use crate::model::{OutboxEvent, Role};
use axum::Json;
use axum::extract::State;
use forewarm_web::Problem;
use forewarm_web::parameters::{InQuery, limit};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<MarketState> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Which events.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Page {
    /// After this sequence number; from the first one on unless given.
    after: Option<i64>,
    /// At most so many are looked at, 1 to 1000; 100 unless given.
    limit: Option<u32>,
}

/// Events and where to go on.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct EventPage {
    /// Those that concern the caller, oldest first.
    events: Vec<OutboxEvent>,
    /// Ask for what comes after this.
    next: i64,
}

/// Lists events that concern the token's tenant, all below it, or everybody, in the order in which they happened.
#[utoipa::path(get, path = "/v1/market/events", operation_id = "list_market_events", tag = "news", params(Page), responses((status = 200, body = EventPage)))]
async fn list(
    State(state): State<MarketState>,
    who: Who,
    InQuery(page): InQuery<Page>,
) -> Result<Json<EventPage>, Problem> {
    let after = page.after.unwrap_or(0);
    let most = u32::try_from(limit(page.limit, 100, 1_000)?).unwrap_or(1_000);
    let mut events = state.market.events(EventQuery { after, limit: most }).await?;
    let next = events.last().map_or(after, |event| event.sequence);
    if !(who.0.tenant.is_none() && (who.0.roles.has(Role::Operator) || who.0.roles.has(Role::Auditor))) {
        let own = own(&state, &who.0).await?;
        events.retain(|event| event.tenant.as_ref().is_none_or(|tenant| own.contains(tenant)));
    }
    Ok(Json(EventPage { events, next }))
}
