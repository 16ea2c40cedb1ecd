//! `/v1/market/orders`: one's own bids and offers together, each with what the last round made of it.

use super::offers::{OrderPage, own};
use super::state::MarketState;
use crate::auth::Who;
use crate::model::{BidOrder, Offer};
use axum::Json;
use axum::extract::State;
use forewarm_web::Problem;
use forewarm_web::parameters::InQuery;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<MarketState> {
    OpenApiRouter::new().routes(routes!(list))
}

/// One's own orders. `last_reason` is the one reason code that the last round gave an order; none before its first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderList {
    /// Bids, newest first.
    pub bids: Vec<BidOrder>,
    /// Offers, newest first.
    pub offers: Vec<Offer>,
}

/// Lists one's own bids and offers, newest first.
#[utoipa::path(get, path = "/v1/market/orders", operation_id = "list_orders", tag = "orders", params(OrderPage), responses((status = 200, body = OrderList)))]
async fn list(
    State(state): State<MarketState>,
    who: Who,
    InQuery(page): InQuery<OrderPage>,
) -> Result<Json<OrderList>, Problem> {
    let mut query = page.query()?;
    query.tenant = query.tenant.or_else(|| who.0.tenant.clone());
    let own = own(&state, &who.0).await?;
    let bids = state.market.bids(&who.0, query.clone()).await?;
    let mut offers = state.market.offers(&who.0, query).await?;
    offers.retain(|offer| own.contains(&offer.tenant));
    Ok(Json(OrderList { bids, offers }))
}
