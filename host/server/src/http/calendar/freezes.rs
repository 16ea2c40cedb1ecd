//! `/v1/calendar/freezes`: spans in which plans change nothing.

use crate::http::auth::Caller;
use crate::http::body::{Checked, checked_body};
use crate::http::parameters::InPath;
use crate::http::problem::Problem;
use crate::http::state::AppState;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use forewarm_domain::calendar::{Entry, EntryKind, Freeze, What};
use forewarm_domain::id::CalendarName;
use serde::Deserialize;
use utoipa::ToSchema;

/// A freeze as it is sent.
#[derive(Deserialize, ToSchema)]
#[serde(transparent)]
pub(super) struct FreezeBody(Freeze);

checked_body!(FreezeBody);

/// Lists the freezes and maintenance windows by name, past ones included until the retention removes them.
#[utoipa::path(get, path = "/v1/calendar/freezes", operation_id = "list_calendar_freezes", tag = "calendar", responses((status = 200, body = Vec<Entry>)))]
pub(super) async fn list(State(state): State<AppState>, caller: Caller) -> Result<Json<Vec<Entry>>, Problem> {
    caller.may_read()?;
    Ok(Json(state.core.calendar(EntryKind::Freeze)))
}

/// Gives one of the freezes and maintenance windows.
#[utoipa::path(
    get,
    path = "/v1/calendar/freezes/{name}",
    tag = "calendar",
    operation_id = "get_calendar_freeze",
    params(("name" = CalendarName, Path, description = "What it is called")),
    responses((status = 200, body = Entry))
)]
pub(super) async fn get(
    State(state): State<AppState>,
    caller: Caller,
    InPath(name): InPath<CalendarName>,
) -> Result<Json<Entry>, Problem> {
    caller.may_read()?;
    super::find(&state, EntryKind::Freeze, &name)
}

/// Holds the plans of some personas, of all, or of those that a driver serves; claims are served as ever. The same again changes nothing.
#[utoipa::path(
    put,
    path = "/v1/calendar/freezes/{name}",
    tag = "calendar",
    operation_id = "apply_calendar_freeze",
    params(("name" = CalendarName, Path, description = "What it is called")),
    request_body = Freeze,
    responses((status = 200, body = Entry), (status = 201, body = Entry, description = "It is new"))
)]
pub(super) async fn put(
    State(state): State<AppState>,
    caller: Caller,
    InPath(name): InPath<CalendarName>,
    Checked(FreezeBody(body)): Checked<FreezeBody>,
) -> Result<(StatusCode, Json<Entry>), Problem> {
    caller.may_operate()?;
    super::apply(&state, &caller.name, name, What::Freeze(body)).await
}

/// Removes one of the freezes and maintenance windows, and gives what it was.
#[utoipa::path(
    delete,
    path = "/v1/calendar/freezes/{name}",
    tag = "calendar",
    operation_id = "remove_calendar_freeze",
    params(("name" = CalendarName, Path, description = "What it is called")),
    responses((status = 200, body = Entry))
)]
pub(super) async fn delete(
    State(state): State<AppState>,
    caller: Caller,
    InPath(name): InPath<CalendarName>,
) -> Result<Json<Entry>, Problem> {
    caller.may_operate()?;
    super::remove(&state, &caller.name, EntryKind::Freeze, &name).await
}
