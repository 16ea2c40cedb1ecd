//! How lending stands for a persona, and what an operator decides on instances that could not be wiped.

use super::auth::Caller;
use super::parameters::{InPath, persona};
use super::problem::{Problem, ProblemKind};
use super::state::AppState;
use crate::core::{InstanceError, Lender, LendingView};
use axum::Json;
use axum::extract::State;
use forewarm_domain::id::{InstanceId, PersonaName};
use forewarm_domain::instance::Instance;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(get)).routes(routes!(release)).routes(routes!(destroy))
}

/// Lists the personas that lend, or of which something is still leased or quarantined, in figures.
#[utoipa::path(get, path = "/v1/lending", operation_id = "list_lending", tag = "personas", responses((status = 200, body = Vec<Lender>)))]
async fn list(State(state): State<AppState>, caller: Caller) -> Result<Json<Vec<Lender>>, Problem> {
    caller.may_read()?;
    Ok(Json(state.core.lenders()))
}

/// Gives how lending stands: the policy, what the market was told, leases, quarantined instances.
#[utoipa::path(
    get,
    path = "/v1/personas/{name}/lending",
    tag = "personas",
    operation_id = "get_lending",
    params(("name" = PersonaName, Path, description = "The persona")),
    responses((status = 200, body = LendingView))
)]
async fn get(
    State(state): State<AppState>,
    caller: Caller,
    InPath(name): InPath<PersonaName>,
) -> Result<Json<LendingView>, Problem> {
    caller.may_read()?;
    persona(&state, &name)?;
    Ok(Json(state.core.lending_view(&name)))
}

/// Lets a quarantined instance be wiped once more; when that succeeds, it is its owner's again.
#[utoipa::path(
    post,
    path = "/v1/instances/{id}/release",
    tag = "personas",
    operation_id = "release_instance",
    params(("id" = InstanceId, Path, description = "The instance")),
    responses((status = 200, body = Instance))
)]
async fn release(
    State(state): State<AppState>,
    caller: Caller,
    InPath(id): InPath<InstanceId>,
) -> Result<Json<Instance>, Problem> {
    caller.may_operate()?;
    let instance = state.core.release_instance(id).await?;
    tracing::info!(instance = %id, by = caller.name, "released from quarantine");
    Ok(Json(instance))
}

/// Destroys a quarantined instance.
#[utoipa::path(
    post,
    path = "/v1/instances/{id}/destroy",
    tag = "personas",
    operation_id = "destroy_instance",
    params(("id" = InstanceId, Path, description = "The instance")),
    responses((status = 200, body = Instance))
)]
async fn destroy(
    State(state): State<AppState>,
    caller: Caller,
    InPath(id): InPath<InstanceId>,
) -> Result<Json<Instance>, Problem> {
    caller.may_operate()?;
    let instance = state.core.destroy_instance(id).await?;
    tracing::info!(instance = %id, by = caller.name, "destroyed out of quarantine");
    Ok(Json(instance))
}

impl From<InstanceError> for Problem {
    fn from(error: InstanceError) -> Self {
        let detail = error.to_string();
        match error {
            InstanceError::Unknown(_) => Self::new(ProblemKind::NotFound, detail),
            InstanceError::NotQuarantined(..) => Self::new(ProblemKind::Conflict, detail),
            InstanceError::Store(error) => error.into(),
        }
    }
}
