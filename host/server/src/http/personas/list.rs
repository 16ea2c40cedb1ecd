//! `GET /v1/personas`: which personas there are.

use crate::http::auth::Caller;
use crate::http::parameters::{InQuery, limit};
use crate::http::problem::Problem;
use crate::http::state::AppState;
use axum::Json;
use axum::extract::State;
use forewarm_domain::id::PersonaName;
use forewarm_domain::persona::Persona;
use forewarm_domain::time::TimestampMs;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Which part of the list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    /// Personas whose names come after this one.
    after: Option<PersonaName>,
    /// At most so many, 1 to 1000; 100 unless given.
    limit: Option<u32>,
}

/// One persona in the list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PersonaSummary {
    /// Its name.
    pub name: PersonaName,
    /// Its newest version.
    pub version: u32,
    /// What it is for.
    pub description: String,
    /// When the newest version was applied.
    pub applied_at: TimestampMs,
}

/// Part of the list of personas, by name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PersonaPage {
    /// The personas.
    pub personas: Vec<PersonaSummary>,
    /// Where the next part begins: give it as `after`. Absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<PersonaName>,
}

/// Lists the personas by name. Every token may, so that tenants know what they can claim.
#[utoipa::path(get, path = "/v1/personas", operation_id = "list_personas", tag = "personas", params(Page), responses((status = 200, body = PersonaPage)))]
pub(super) async fn list(
    State(state): State<AppState>,
    _: Caller,
    InQuery(page): InQuery<Page>,
) -> Result<Json<PersonaPage>, Problem> {
    let limit = limit(page.limit, 100, 1_000)?;
    let personas = state.core.catalog().list();
    let mut wanted =
        personas.iter().filter(|persona| page.after.as_ref().is_none_or(|after| persona.spec.name > *after));
    let personas: Vec<PersonaSummary> = wanted.by_ref().take(limit).map(|persona| summary(persona)).collect();
    let more = wanted.next().is_some();
    let next = personas.last().filter(|_| more).map(|last| last.name.clone());
    Ok(Json(PersonaPage { personas, next }))
}

fn summary(persona: &Persona) -> PersonaSummary {
    let Persona { version, applied_at, spec, .. } = persona;
    PersonaSummary {
        name: spec.name.clone(),
        version: *version,
        description: spec.description.clone(),
        applied_at: *applied_at,
    }
}
