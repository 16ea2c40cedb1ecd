//! `GET /v1/plugins`: what this host carries.

use super::auth::Caller;
use super::problem::Problem;
use super::state::AppState;
use crate::plugins::PluginInfo;
use axum::Json;
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Lists the plugins of this host, those that could not be loaded included.
#[utoipa::path(get, path = "/v1/plugins", operation_id = "list_plugins", tag = "plugins", responses((status = 200, body = Vec<PluginInfo>)))]
async fn list(State(state): State<AppState>, caller: Caller) -> Result<Json<Vec<PluginInfo>>, Problem> {
    caller.may_read()?;
    Ok(Json(state.plugins.infos()))
}
