//! `/v1/calendar/events`: what will change the load and is known ahead.

use crate::http::auth::Caller;
use crate::http::body::{Checked, checked_body};
use crate::http::parameters::InPath;
use crate::http::problem::Problem;
use crate::http::state::AppState;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use forewarm_domain::calendar::{Entry, EntryKind, PlannedEvent, What};
use forewarm_domain::id::CalendarName;
use serde::Deserialize;
use utoipa::ToSchema;

/// An event as it is sent.
#[derive(Deserialize, ToSchema)]
#[serde(transparent)]
pub(super) struct EventBody(PlannedEvent);

checked_body!(EventBody);

/// Lists the planned events by name, past ones included until the retention removes them.
#[utoipa::path(get, path = "/v1/calendar/events", operation_id = "list_calendar_events", tag = "calendar", responses((status = 200, body = Vec<Entry>)))]
pub(super) async fn list(State(state): State<AppState>, caller: Caller) -> Result<Json<Vec<Entry>>, Problem> {
    caller.may_read()?;
    Ok(Json(state.core.calendar(EntryKind::Event)))
}

/// Gives one of the planned events.
#[utoipa::path(
    get,
    path = "/v1/calendar/events/{name}",
    tag = "calendar",
    operation_id = "get_calendar_event",
    params(("name" = CalendarName, Path, description = "What it is called")),
    responses((status = 200, body = Entry))
)]
pub(super) async fn get(
    State(state): State<AppState>,
    caller: Caller,
    InPath(name): InPath<CalendarName>,
) -> Result<Json<Entry>, Problem> {
    caller.may_read()?;
    super::find(&state, EntryKind::Event, &name)
}

/// Plans an event: what it needs is ready when it begins, and nothing is let go until it ends. The same again changes nothing.
#[utoipa::path(
    put,
    path = "/v1/calendar/events/{name}",
    tag = "calendar",
    operation_id = "apply_calendar_event",
    params(("name" = CalendarName, Path, description = "What it is called")),
    request_body = PlannedEvent,
    responses((status = 200, body = Entry), (status = 201, body = Entry, description = "It is new"))
)]
pub(super) async fn put(
    State(state): State<AppState>,
    caller: Caller,
    InPath(name): InPath<CalendarName>,
    Checked(EventBody(body)): Checked<EventBody>,
) -> Result<(StatusCode, Json<Entry>), Problem> {
    caller.may_operate()?;
    super::apply(&state, &caller.name, name, What::Event(body)).await
}

/// Removes one of the planned events, and gives what it was.
#[utoipa::path(
    delete,
    path = "/v1/calendar/events/{name}",
    tag = "calendar",
    operation_id = "remove_calendar_event",
    params(("name" = CalendarName, Path, description = "What it is called")),
    responses((status = 200, body = Entry))
)]
pub(super) async fn delete(
    State(state): State<AppState>,
    caller: Caller,
    InPath(name): InPath<CalendarName>,
) -> Result<Json<Entry>, Problem> {
    caller.may_operate()?;
    super::remove(&state, &caller.name, EntryKind::Event, &name).await
}
