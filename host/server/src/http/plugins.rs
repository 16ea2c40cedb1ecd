//! `/v1/plugins`: what this host carries, which version of it answers, and whether it may be called.

use super::auth::Caller;
use super::body::{Checked, checked_body};
use super::parameters::InPath;
use super::problem::{Problem, ProblemKind};
use super::state::AppState;
use crate::plugins::{PluginInfo, PluginsError, SwitchError};
use axum::Json;
use axum::extract::State;
use forewarm_domain::id::PluginName;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(rescan))
        .routes(routes!(activate))
        .routes(routes!(release))
}

/// The version that is to answer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ActivateBody {
    /// The version, as its manifest has it.
    #[schema(min_length = 1, max_length = 100)]
    version: String,
}

checked_body!(ActivateBody);

/// Lists the plugins of this host in all their versions, those that could not be loaded included.
#[utoipa::path(get, path = "/v1/plugins", operation_id = "list_plugins", tag = "plugins", responses((status = 200, body = Vec<PluginInfo>)))]
async fn list(State(state): State<AppState>, caller: Caller) -> Result<Json<Vec<PluginInfo>>, Problem> {
    caller.may_read()?;
    Ok(Json(state.plugins.infos()))
}

/// Takes in what is new in the plugin folder. A newer version of a plugin answers from now on if it passes its probe and
/// nobody has chosen a version of that plugin.
#[utoipa::path(post, path = "/v1/plugins/rescan", operation_id = "rescan_plugins", tag = "plugins", responses((status = 200, body = Vec<PluginInfo>)))]
async fn rescan(State(state): State<AppState>, caller: Caller) -> Result<Json<Vec<PluginInfo>>, Problem> {
    caller.may_administrate()?;
    state.plugins.rescan().await?;
    tracing::info!(by = caller.name, "plugin folder scanned");
    Ok(Json(state.plugins.infos()))
}

/// Makes a version of a plugin the one that answers, once it has passed its probe; answers when the calls of the version
/// before have ended. Within the probation a quarantine brings the version before back.
#[utoipa::path(
    post,
    path = "/v1/plugins/{name}/activate",
    operation_id = "activate_plugin",
    tag = "plugins",
    params(("name" = PluginName, Path, description = "The plugin")),
    request_body = ActivateBody,
    responses((status = 200, body = PluginInfo))
)]
async fn activate(
    State(state): State<AppState>,
    caller: Caller,
    InPath(name): InPath<PluginName>,
    Checked(body): Checked<ActivateBody>,
) -> Result<Json<PluginInfo>, Problem> {
    caller.may_administrate()?;
    let info = state.plugins.activate(&name, &body.version).await?;
    tracing::info!(plugin = %name, version = body.version, by = caller.name, "version chosen");
    Ok(Json(info))
}

/// Lets the calls of a quarantined plugin through again.
#[utoipa::path(
    post,
    path = "/v1/plugins/{name}/release",
    operation_id = "release_plugin",
    tag = "plugins",
    params(("name" = PluginName, Path, description = "The plugin")),
    responses((status = 200, body = PluginInfo))
)]
async fn release(
    State(state): State<AppState>,
    caller: Caller,
    InPath(name): InPath<PluginName>,
) -> Result<Json<PluginInfo>, Problem> {
    caller.may_administrate()?;
    let info = state.plugins.release(&name).await?;
    tracing::info!(plugin = %name, by = caller.name, "plugin released");
    Ok(Json(info))
}

impl From<SwitchError> for Problem {
    fn from(error: SwitchError) -> Self {
        let kind = match error {
            SwitchError::UnknownPlugin(_) | SwitchError::UnknownVersion { .. } => ProblemKind::NotFound,
            SwitchError::Probe { .. } => ProblemKind::PluginFailed,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<PluginsError> for Problem {
    fn from(error: PluginsError) -> Self {
        Self::new(ProblemKind::Unavailable, error.to_string())
    }
}
