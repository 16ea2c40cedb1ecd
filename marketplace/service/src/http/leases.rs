//! `/v1/market/leases`: what was bought and sold.

use super::state::MarketState;
use crate::auth::Who;
use crate::market::{LeaseQuery, Side};
use crate::model::{Lease, LeaseId, LeaseState};
use axum::Json;
use axum::extract::State;
use forewarm_domain::id::TenantName;
use forewarm_domain::time::{SECOND_MS, TimestampMs};
use forewarm_web::Problem;
use forewarm_web::parameters::{InPath, InQuery, limit};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<MarketState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(get)).routes(routes!(release))
}

/// A lease with the time that is left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LeaseView {
    /// The lease. Its tenant uses the instances through their claims.
    pub lease: Lease,
    /// Seconds until the tenant loses the instances: the deadline of a notice, or else the end of the window.
    pub seconds_left: i64,
}

impl LeaseView {
    fn of(lease: Lease, now: TimestampMs) -> Self {
        let until = match &lease.state {
            LeaseState::Reclaiming { notice, .. } | LeaseState::Expiring { notice } => Some(notice.deadline()),
            LeaseState::Granted | LeaseState::HandingOver { .. } | LeaseState::Active => Some(lease.window.until()),
            LeaseState::Revoking { .. }
            | LeaseState::Sanitizing { .. }
            | LeaseState::Returned { .. }
            | LeaseState::Quarantined { .. } => None,
        };
        let seconds_left = until.map_or(0, |until| (until.since(now) / SECOND_MS).max(0));
        Self { lease, seconds_left }
    }
}

/// Which leases.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Page {
    /// As whom: `buyer`, unless given, or `seller`.
    side: Option<Side>,
    /// Those of this cost centre and all below it.
    tenant: Option<TenantName>,
    /// Those that are not over alone; all of them unless given.
    live_only: Option<bool>,
    /// At most so many, 1 to 1000; 100 unless given.
    limit: Option<u32>,
}

/// Lists leases, newest first.
#[utoipa::path(get, path = "/v1/market/leases", operation_id = "list_leases", tag = "leases", params(Page), responses((status = 200, body = Vec<LeaseView>)))]
async fn list(
    State(state): State<MarketState>,
    who: Who,
    InQuery(page): InQuery<Page>,
) -> Result<Json<Vec<LeaseView>>, Problem> {
    let query = LeaseQuery {
        side: page.side.unwrap_or(Side::Buyer),
        tenant: page.tenant,
        live_only: page.live_only.unwrap_or(false),
        limit: u32::try_from(limit(page.limit, 100, 1_000)?).unwrap_or(1_000),
    };
    let leases = state.market.leases(&who.0, query).await?;
    let now = state.clock.now();
    Ok(Json(leases.into_iter().map(|lease| LeaseView::of(lease, now)).collect()))
}

/// Gives one lease, for its buyer or seller.
#[utoipa::path(get, path = "/v1/market/leases/{id}", operation_id = "get_lease", tag = "leases", params(("id" = LeaseId, Path, description = "The lease")), responses((status = 200, body = LeaseView)))]
async fn get(
    State(state): State<MarketState>,
    who: Who,
    InPath(id): InPath<LeaseId>,
) -> Result<Json<LeaseView>, Problem> {
    let lease = state.market.lease(&who.0, id).await?;
    Ok(Json(LeaseView::of(lease, state.clock.now())))
}

/// Gives a lease back early. For buyers. Under notice of a reclaim the unused time is refunded from now on.
#[utoipa::path(post, path = "/v1/market/leases/{id}/release", operation_id = "release_lease", tag = "leases", params(("id" = LeaseId, Path, description = "The lease")), responses((status = 200, body = LeaseView)))]
async fn release(
    State(state): State<MarketState>,
    who: Who,
    InPath(id): InPath<LeaseId>,
) -> Result<Json<LeaseView>, Problem> {
    let lease = state.market.release(&who.0, id).await?;
    Ok(Json(LeaseView::of(lease, state.clock.now())))
}
