//! `GET /v1/personas/{name}` and its versions.

use crate::http::auth::Caller;
use crate::http::parameters::{InPath, persona};
use crate::http::problem::Problem;
use crate::http::state::AppState;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use forewarm_domain::id::PersonaName;
use forewarm_domain::persona::Persona;
use std::cmp::Reverse;

/// Gives the newest version of a persona; its version is the `ETag`.
#[utoipa::path(
    get,
    path = "/v1/personas/{name}",
    tag = "personas",
    operation_id = "get_persona",
    params(
        ("name" = PersonaName, Path, description = "The persona"),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` that the caller has already"),
    ),
    responses(
        (status = 200, body = Persona, headers(("ETag" = String, description = "The version, in quotes"))),
        (status = 304, description = "The caller has the newest version"),
    )
)]
pub(super) async fn get(
    State(state): State<AppState>,
    caller: Caller,
    InPath(name): InPath<PersonaName>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    caller.may_read()?;
    let persona = persona(&state, &name)?;
    let tag = etag(persona.version);
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|value| *value == tag);
    let mut response = if known { StatusCode::NOT_MODIFIED.into_response() } else { Json(&*persona).into_response() };
    response.headers_mut().insert(header::ETAG, tag);
    // The answer may be kept, but has to be asked for again each time.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    Ok(response)
}

/// Gives every version of a persona, the newest first.
#[utoipa::path(
    get,
    path = "/v1/personas/{name}/versions",
    tag = "personas",
    operation_id = "list_persona_versions",
    params(("name" = PersonaName, Path, description = "The persona")),
    responses((status = 200, body = Vec<Persona>))
)]
pub(super) async fn versions(
    State(state): State<AppState>,
    caller: Caller,
    InPath(name): InPath<PersonaName>,
) -> Result<Json<Vec<Persona>>, Problem> {
    caller.may_read()?;
    persona(&state, &name)?;
    let mut versions = state.core.catalog().versions(&name).await?;
    versions.sort_by_key(|persona| Reverse(persona.version));
    Ok(Json(versions))
}

/// The `ETag` of a version.
pub(super) fn etag(version: u32) -> HeaderValue {
    // Digits and quotes are always a valid header.
    HeaderValue::from_str(&format!("\"{version}\"")).unwrap_or(HeaderValue::from_static("\"0\""))
}
