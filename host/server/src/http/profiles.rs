//! `POST /v1/profiles`: personas drafted from what was measured of workloads.

use super::auth::Caller;
use super::body::{Checked, checked_body};
use super::problem::{Problem, ProblemKind};
use super::state::AppState;
use crate::core::ProfileError;
use axum::Json;
use axum::extract::State;
use forewarm_domain::id::{PluginName, ResourceName};
use forewarm_domain::plugin::{PersonaDraft, PluginError, PluginErrorKind};
use forewarm_domain::time::{DAY_MS, TimestampMs};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// What is looked at unless the request says otherwise.
const DEFAULT_SPAN_MS: i64 = 14 * DAY_MS;
/// Who drafts unless the request says otherwise.
const DEFAULT_PROFILER: &str = "profiler-rules";

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(create))
}

/// Whose usage is to be profiled.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ProfileBody {
    /// The workloads.
    #[schema(min_items = 1, max_items = 1000)]
    resources: Vec<ResourceName>,
    /// The plugin that drafts; `profiler-rules` unless given.
    #[schema(value_type = Option<String>)]
    profiler: Option<PluginName>,
    /// What was measured from then on is looked at; 14 days unless given.
    #[schema(value_type = Option<String>, format = DateTime)]
    since: Option<TimestampMs>,
}

checked_body!(ProfileBody);

/// Drafts one persona per workload, with the evidence. Nothing is applied.
#[utoipa::path(
    post,
    path = "/v1/profiles",
    tag = "profiles",
    operation_id = "create_profiles",
    request_body = ProfileBody,
    responses((status = 200, body = Vec<PersonaDraft>))
)]
async fn create(
    State(state): State<AppState>,
    caller: Caller,
    Checked(body): Checked<ProfileBody>,
) -> Result<Json<Vec<PersonaDraft>>, Problem> {
    caller.may_operate()?;
    let profiler = match body.profiler {
        Some(profiler) => profiler,
        None => DEFAULT_PROFILER.parse().map_err(Problem::internal)?,
    };
    let since = body.since.unwrap_or_else(|| state.core.clock().now() - DEFAULT_SPAN_MS);
    Ok(Json(state.core.profile(&profiler, body.resources, since).await?))
}

impl From<ProfileError> for Problem {
    fn from(error: ProfileError) -> Self {
        match error {
            ProfileError::UnknownResource(_) => Self::new(ProblemKind::NotFound, error.to_string()),
            ProfileError::History(cause) => {
                Self::new(ProblemKind::Unavailable, "the history could not be read: try again").caused_by(cause)
            }
            ProfileError::Plugin(error) => plugin_failed(&error),
        }
    }
}

/// What a caller is told of a plugin's failure.
pub(super) fn plugin_failed(error: &PluginError) -> Problem {
    let detail = error.to_string();
    match error.kind {
        PluginErrorKind::Unreachable | PluginErrorKind::NotFound => {
            Problem::new(ProblemKind::NotFound, format!("{detail}: `forewarm plugin list` shows what is loaded"))
        }
        PluginErrorKind::InvalidInput | PluginErrorKind::NotEnoughData => {
            Problem::new(ProblemKind::InvalidBody, detail)
        }
        PluginErrorKind::Saturated => Problem::new(ProblemKind::Overloaded, detail).retry_after(5),
        _ => Problem::new(ProblemKind::PluginFailed, detail),
    }
}
