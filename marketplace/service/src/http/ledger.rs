//! `/v1/market/ledger`: the entries of an account, page by page.

use super::state::MarketState;
use crate::auth::Who;
use crate::market::LedgerQuery;
use crate::model::LedgerEntry;
use axum::Json;
use axum::extract::State;
use forewarm_domain::id::TenantName;
use forewarm_domain::time::TimestampMs;
use forewarm_web::Problem;
use forewarm_web::parameters::{InQuery, limit};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<MarketState> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Which entries.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Page {
    /// The cost centre; the token's own unless given.
    tenant: Option<TenantName>,
    /// Booked from then on.
    from: Option<TimestampMs>,
    /// Booked before then.
    to: Option<TimestampMs>,
    /// After this sequence number, for the next page.
    after: Option<i64>,
    /// At most so many, 1 to 1000; 100 unless given.
    limit: Option<u32>,
}

/// Lists the entries of a cost centre's account, oldest first.
#[utoipa::path(get, path = "/v1/market/ledger", operation_id = "list_ledger", tag = "money", params(Page), responses((status = 200, body = Vec<LedgerEntry>)))]
async fn list(
    State(state): State<MarketState>,
    who: Who,
    InQuery(page): InQuery<Page>,
) -> Result<Json<Vec<LedgerEntry>>, Problem> {
    let tenant = who.tenant(page.tenant)?;
    let most = u32::try_from(limit(page.limit, 100, 1_000)?).unwrap_or(1_000);
    let query = LedgerQuery { from: page.from, to: page.to, after: page.after.unwrap_or(0), limit: most };
    Ok(Json(state.market.ledger(&who.0, &tenant, query).await?))
}
