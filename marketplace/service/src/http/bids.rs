//! `/v1/market/bids`: what tenants want to lease, sealed until the round clears.

use super::keys::Key;
use super::offers::OrderPage;
use super::state::MarketState;
use crate::auth::Who;
use crate::model::{BidOrder, DeliveryWindow, ExclusiveGroup, IdempotencyKey, NewBid, Ticket, TimeInForce};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use forewarm_auction::{LeaseClass, OrderId};
use forewarm_domain::id::{PersonaName, TenantName};
use forewarm_web::Problem;
use forewarm_web::body::{Checked, checked_body};
use forewarm_web::parameters::{InPath, InQuery};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<MarketState> {
    OpenApiRouter::new().routes(routes!(create, list)).routes(routes!(preview)).routes(routes!(get, cancel))
}

/// A bid as it is asked for. The window is on the market's grid.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BidBody {
    /// The cost centre that pays; the token's own unless given.
    tenant: Option<TenantName>,
    /// What is wanted.
    persona: PersonaName,
    /// When it is wanted.
    window: DeliveryWindow,
    /// What the lease should promise.
    class: LeaseClass,
    /// Instances.
    #[schema(minimum = 1, maximum = 1_000_000)]
    quantity: i64,
    /// The most paid, in micro-credits per instance-second.
    #[schema(minimum = 1, maximum = 1_000_000_000)]
    limit: i64,
    /// Fewer instances are of no use; any number is unless given.
    #[schema(minimum = 1, maximum = 1_000_000)]
    min_fill: Option<i64>,
    /// How long the bid stands; until its window begins unless given.
    time_in_force: Option<TimeInForce>,
    /// At most one bid of a group trades.
    exclusive_group: Option<ExclusiveGroup>,
}

checked_body!(BidBody);

fn new_bid(who: &Who, body: BidBody, idempotency_key: Option<IdempotencyKey>) -> Result<NewBid, Problem> {
    let BidBody { tenant, persona, window, class, quantity, limit, min_fill, time_in_force, exclusive_group } = body;
    Ok(NewBid {
        tenant: who.tenant(tenant)?,
        persona,
        window,
        class,
        quantity,
        limit,
        min_fill,
        time_in_force: time_in_force.unwrap_or(TimeInForce::UntilWindow),
        exclusive_group,
        idempotency_key,
    })
}

/// Places a bid and sets its money aside: quantity x limit x duration. For buyers. Placing the same bid again with the
/// same key gives the first one.
#[utoipa::path(post, path = "/v1/market/bids", operation_id = "create_bid", tag = "orders", params(("Idempotency-Key" = Option<String>, Header, description = "A repeated request with the same key gets the same bid")), request_body = BidBody, responses((status = 201, body = BidOrder)))]
async fn create(
    State(state): State<MarketState>,
    who: Who,
    Key(key): Key,
    Checked(body): Checked<BidBody>,
) -> Result<(StatusCode, Json<BidOrder>), Problem> {
    let bid = state.market.place_bid(&who.0, new_bid(&who, body, key)?).await?;
    Ok((StatusCode::CREATED, Json(bid)))
}

/// Says what a bid would mean, without placing it: what is set aside, what is left, the chance to fill, notice and
/// compensation.
#[utoipa::path(post, path = "/v1/market/bids/preview", operation_id = "preview_bid", tag = "orders", request_body = BidBody, responses((status = 200, body = Ticket)))]
async fn preview(
    State(state): State<MarketState>,
    who: Who,
    Checked(body): Checked<BidBody>,
) -> Result<Json<Ticket>, Problem> {
    Ok(Json(state.market.ticket(&who.0, new_bid(&who, body, None)?).await?))
}

/// Lists bids that the token may see, newest first, with what the last round made of each.
#[utoipa::path(get, path = "/v1/market/bids", operation_id = "list_bids", tag = "orders", params(OrderPage), responses((status = 200, body = Vec<BidOrder>)))]
async fn list(
    State(state): State<MarketState>,
    who: Who,
    InQuery(page): InQuery<OrderPage>,
) -> Result<Json<Vec<BidOrder>>, Problem> {
    Ok(Json(state.market.bids(&who.0, page.query()?).await?))
}

/// Gives one bid.
#[utoipa::path(get, path = "/v1/market/bids/{id}", operation_id = "get_bid", tag = "orders", params(("id" = OrderId, Path, description = "The bid")), responses((status = 200, body = BidOrder)))]
async fn get(
    State(state): State<MarketState>,
    who: Who,
    InPath(id): InPath<OrderId>,
) -> Result<Json<BidOrder>, Problem> {
    Ok(Json(state.market.bid(&who.0, id).await?))
}

/// Takes a bid back and frees its money, unless it is sealed in a round. For buyers.
#[utoipa::path(delete, path = "/v1/market/bids/{id}", operation_id = "cancel_bid", tag = "orders", params(("id" = OrderId, Path, description = "The bid")), responses((status = 200, body = BidOrder)))]
async fn cancel(
    State(state): State<MarketState>,
    who: Who,
    InPath(id): InPath<OrderId>,
) -> Result<Json<BidOrder>, Problem> {
    Ok(Json(state.market.cancel_bid(&who.0, id).await?))
}
