//! `/v1/calendar`: planned events, freezes and maintenance windows. They count from the plan on that is made at once.

mod events;
mod faults;
mod freezes;

use super::problem::{Problem, ProblemKind};
use super::state::AppState;
use crate::core::CalendarError;
use axum::Json;
use axum::http::StatusCode;
use forewarm_domain::calendar::{Entry, EntryKind, What};
use forewarm_domain::id::CalendarName;
use forewarm_web::schema::nearest;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(events::list))
        .routes(routes!(events::get, events::put, events::delete))
        .routes(routes!(freezes::list))
        .routes(routes!(freezes::get, freezes::put, freezes::delete))
}

fn find(state: &AppState, kind: EntryKind, name: &CalendarName) -> Result<Json<Entry>, Problem> {
    state.core.calendar_entry(kind, name).map(Json).map_err(|error| with_nearest(state, error))
}

async fn apply(
    state: &AppState,
    by: &str,
    name: CalendarName,
    what: What,
) -> Result<(StatusCode, Json<Entry>), Problem> {
    let faults = faults::of(state, &what);
    if !faults.is_empty() {
        return Err(super::body::invalid(faults));
    }
    let (entry, is_new) = state.core.put_into_calendar(name, what, by).await?;
    Ok((if is_new { StatusCode::CREATED } else { StatusCode::OK }, Json(entry)))
}

async fn remove(state: &AppState, by: &str, kind: EntryKind, name: &CalendarName) -> Result<Json<Entry>, Problem> {
    state.core.remove_from_calendar(kind, name, by).await.map(Json).map_err(|error| with_nearest(state, error))
}

/// The problem, with the name that was probably meant.
fn with_nearest(state: &AppState, error: CalendarError) -> Problem {
    let CalendarError::Unknown { kind, name } = &error else { return error.into() };
    let entries = state.core.calendar(*kind);
    let names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
    let help = nearest(name.as_str(), &names).map_or_else(String::new, |near| format!(": did you mean {near}?"));
    Problem::new(ProblemKind::NotFound, format!("{error}{help}"))
}

impl From<CalendarError> for Problem {
    fn from(error: CalendarError) -> Self {
        match error {
            CalendarError::Full => Self::new(ProblemKind::Conflict, error.to_string()),
            CalendarError::Unknown { .. } => Self::new(ProblemKind::NotFound, error.to_string()),
            CalendarError::Store(error) => error.into(),
        }
    }
}
