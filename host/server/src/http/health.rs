//! For machines that look after the host: is it alive, is it ready, what does it count.

use super::auth::Caller;
use super::problem::{Problem, ProblemKind};
use super::state::AppState;
use crate::metrics::CONTENT_TYPE;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use forewarm_bus::Health;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn open_routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(healthz)).routes(routes!(readyz))
}

pub(super) fn guarded_routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(metrics))
}

/// Says that the process is alive.
#[utoipa::path(get, path = "/healthz", operation_id = "healthz", tag = "host", responses((status = 200, description = "`ok`", body = String)))]
async fn healthz() -> &'static str {
    "ok\n"
}

/// Says whether the host can do its work: store, bus, plugins, and a first plan for every persona. What is missing is in
/// the problem's detail.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "host",
    operation_id = "readyz",
    responses((status = 200, description = "`ready`", body = String))
)]
async fn readyz(State(state): State<AppState>) -> Result<&'static str, Problem> {
    let missing = missing(&state).await;
    if missing.is_empty() {
        return Ok("ready\n");
    }
    Err(Problem::new(ProblemKind::Unavailable, missing.join("; ")).retry_after(5))
}

async fn missing(state: &AppState) -> Vec<String> {
    let mut missing = Vec::new();
    if state.stopping.is_cancelled() {
        missing.push("the host is stopping".to_owned());
    }
    if let Err(error) = state.core.store().setting("ready").await {
        tracing::warn!(%error, "not ready");
        missing.push("the store cannot be read".to_owned());
    }
    if state.core.bus().health().await != Health::Connected {
        missing.push("the bus is not connected".to_owned());
    }
    let broken = state.plugins.infos().into_iter().filter(|info| info.error.is_some()).count();
    if broken > 0 {
        missing.push(format!("{broken} plugins could not be loaded"));
    }
    let unplanned =
        state.core.catalog().list().iter().filter(|persona| state.core.plan(&persona.spec.name).is_none()).count();
    if unplanned > 0 {
        missing.push(format!("{unplanned} personas have no plan yet"));
    }
    missing
}

/// Gives the host's counters in the OpenMetrics text format.
#[utoipa::path(get, path = "/metrics", operation_id = "get_metrics", tag = "host", responses((status = 200, description = "OpenMetrics text", body = String)))]
async fn metrics(State(state): State<AppState>, caller: Caller) -> Result<Response, Problem> {
    caller.may_read()?;
    let page = state.metrics.encode(&state.plugins.infos()).map_err(Problem::internal)?;
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], page).into_response())
}
