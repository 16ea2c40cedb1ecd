//! `GET /v1/status`: how the host stands at a glance.

use super::auth::Caller;
use super::problem::Problem;
use super::state::AppState;
use crate::core::Status;
use axum::Json;
use axum::extract::State;
use forewarm_bus::Health;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// How the host stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HostStatus {
    /// The host's version.
    pub version: String,
    /// Whether messages get through to the other hosts; always so for a host on its own.
    pub bus_connected: bool,
    /// Its time and its personas.
    #[serde(flatten)]
    pub status: Status,
}

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(get))
}

/// Gives the host's time and one line per persona: instances by state, load, what the plan wants.
#[utoipa::path(get, path = "/v1/status", operation_id = "get_status", tag = "host", responses((status = 200, body = HostStatus)))]
async fn get(State(state): State<AppState>, caller: Caller) -> Result<Json<HostStatus>, Problem> {
    caller.may_read()?;
    let bus_connected = state.core.bus().health().await == Health::Connected;
    let version = env!("CARGO_PKG_VERSION").to_owned();
    Ok(Json(HostStatus { version, bus_connected, status: state.core.status() }))
}
