//! `/v1/market/offers`: capacity that owners list. Everybody sees what is on offer; what it is worth to its owner is sealed.

use super::keys::Key;
use super::state::MarketState;
use crate::auth::Who;
use crate::error::MarketError;
use crate::market::OrderQuery;
use crate::model::{Caller, DeliveryWindow, NewOffer, Offer, OfferSource, TimeInForce};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use forewarm_auction::{LeaseClass, OrderId};
use forewarm_domain::id::{PersonaName, TenantName};
use forewarm_domain::time::TimestampMs;
use forewarm_web::Problem;
use forewarm_web::body::{Checked, checked_body};
use forewarm_web::parameters::{InPath, InQuery, limit};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<MarketState> {
    OpenApiRouter::new().routes(routes!(create, list)).routes(routes!(get, cancel))
}

/// An offer as it is asked for. The window is on the market's grid.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct OfferBody {
    /// The cost centre that owns the capacity; the token's own unless given.
    tenant: Option<TenantName>,
    /// What is offered.
    persona: PersonaName,
    /// When.
    window: DeliveryWindow,
    /// `firm` can be leased as either class, `reclaimable` only as that.
    class: LeaseClass,
    /// Instances.
    #[schema(minimum = 1, maximum = 1_000_000)]
    quantity: i64,
    /// The least taken for a reclaimable lease, in micro-credits per instance-second.
    #[schema(minimum = 1, maximum = 1_000_000_000)]
    reserve: i64,
    /// What a firm lease costs on top; the market's own premium unless given.
    #[schema(minimum = 0, maximum = 1_000_000_000)]
    firm_premium: Option<i64>,
    /// How long the offer stands; until its window begins unless given.
    time_in_force: Option<TimeInForce>,
}

checked_body!(OfferBody);

/// An offer as the caller may see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OfferView {
    /// Names it.
    pub id: OrderId,
    /// The cost centre that owns the capacity.
    pub tenant: TenantName,
    /// What is offered.
    pub persona: PersonaName,
    /// When.
    pub window: DeliveryWindow,
    /// `firm` can be leased as either class, `reclaimable` only as that.
    pub class: LeaseClass,
    /// Instances still on offer.
    pub open_quantity: u32,
    /// Where it comes from.
    pub source: OfferSource,
    /// When it was placed.
    pub placed_at: TimestampMs,
    /// All of it, for those who may see that.
    pub own: Option<Box<Offer>>,
}

impl OfferView {
    fn of(offer: Offer, own: &BTreeSet<TenantName>) -> Self {
        let seen = own.contains(&offer.tenant);
        Self {
            id: offer.id,
            tenant: offer.tenant.clone(),
            persona: offer.persona.clone(),
            window: offer.window,
            class: offer.class,
            open_quantity: offer.open_quantity(),
            source: offer.source,
            placed_at: offer.placed_at,
            own: seen.then(|| Box::new(offer)),
        }
    }
}

/// Which orders.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct OrderPage {
    /// Those of this cost centre and all below it.
    pub(super) tenant: Option<TenantName>,
    /// Those for this persona.
    pub(super) persona: Option<PersonaName>,
    /// Those that still stand alone; all of them unless given.
    pub(super) open_only: Option<bool>,
    /// Those placed before this one, for the next page.
    pub(super) before: Option<OrderId>,
    /// At most so many, 1 to 1000; 100 unless given.
    pub(super) limit: Option<u32>,
}

impl OrderPage {
    pub(super) fn query(self) -> Result<OrderQuery, Problem> {
        let most = limit(self.limit, 100, 1_000)?;
        Ok(OrderQuery {
            tenant: self.tenant,
            persona: self.persona,
            open_only: self.open_only.unwrap_or(false),
            before: self.before,
            limit: u32::try_from(most).unwrap_or(1_000),
        })
    }
}

/// The cost centres that a caller speaks for.
pub(super) async fn own(state: &MarketState, caller: &Caller) -> Result<BTreeSet<TenantName>, MarketError> {
    Ok(state.market.cost_centres(caller).await?.into_iter().map(|centre| centre.name).collect())
}

/// Lists capacity. For owners. Placing the same offer again with the same key gives the first one.
#[utoipa::path(post, path = "/v1/market/offers", operation_id = "create_offer", tag = "orders", params(("Idempotency-Key" = Option<String>, Header, description = "A repeated request with the same key gets the same offer")), request_body = OfferBody, responses((status = 201, body = Offer)))]
async fn create(
    State(state): State<MarketState>,
    who: Who,
    Key(idempotency_key): Key,
    Checked(body): Checked<OfferBody>,
) -> Result<(StatusCode, Json<Offer>), Problem> {
    let OfferBody { tenant, persona, window, class, quantity, reserve, firm_premium, time_in_force } = body;
    let new = NewOffer {
        tenant: who.tenant(tenant)?,
        persona,
        window,
        class,
        quantity,
        reserve,
        firm_premium,
        time_in_force: time_in_force.unwrap_or(TimeInForce::UntilWindow),
        idempotency_key,
    };
    Ok((StatusCode::CREATED, Json(state.market.place_offer(&who.0, new).await?)))
}

/// Lists offers, newest first: everybody's that stand, and one's own with all of theirs.
#[utoipa::path(get, path = "/v1/market/offers", operation_id = "list_offers", tag = "orders", params(OrderPage), responses((status = 200, body = Vec<OfferView>)))]
async fn list(
    State(state): State<MarketState>,
    who: Who,
    InQuery(page): InQuery<OrderPage>,
) -> Result<Json<Vec<OfferView>>, Problem> {
    let offers = state.market.offers(&who.0, page.query()?).await?;
    let own = own(&state, &who.0).await?;
    Ok(Json(offers.into_iter().map(|offer| OfferView::of(offer, &own)).collect()))
}

/// Gives one offer.
#[utoipa::path(get, path = "/v1/market/offers/{id}", operation_id = "get_offer", tag = "orders", params(("id" = OrderId, Path, description = "The offer")), responses((status = 200, body = OfferView)))]
async fn get(
    State(state): State<MarketState>,
    who: Who,
    InPath(id): InPath<OrderId>,
) -> Result<Json<OfferView>, Problem> {
    let offer = state.market.offer(&who.0, id).await?;
    Ok(Json(OfferView::of(offer, &own(&state, &who.0).await?)))
}

/// Takes an offer back, unless it is sealed in a round. For owners.
#[utoipa::path(delete, path = "/v1/market/offers/{id}", operation_id = "cancel_offer", tag = "orders", params(("id" = OrderId, Path, description = "The offer")), responses((status = 200, body = Offer)))]
async fn cancel(
    State(state): State<MarketState>,
    who: Who,
    InPath(id): InPath<OrderId>,
) -> Result<Json<Offer>, Problem> {
    Ok(Json(state.market.cancel_offer(&who.0, id).await?))
}
