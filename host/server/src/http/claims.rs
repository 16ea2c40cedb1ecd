//! Claims: asking for an instance of a persona, looking after it, giving it back.

use super::auth::Caller;
use super::body::{Checked, checked_body};
use super::parameters::{InPath, InQuery, limit, persona};
use super::problem::{Problem, ProblemKind};
use super::state::AppState;
use crate::core::{ClaimError, ClaimRequest};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use forewarm_domain::id::{ClaimId, PersonaName, TenantName};
use forewarm_domain::instance::{Claim, ClaimState};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(create, list)).routes(routes!(get, release)).routes(routes!(renew))
}

/// A claim that is asked for.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ClaimBody {
    /// For whom; a tenant's token speaks for its own tenant, others for `default` unless given.
    #[schema(value_type = Option<String>, pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
    tenant: Option<TenantName>,
    /// Ends the claim after so many seconds; 0 for never. The persona decides unless given.
    #[schema(maximum = 31_536_000)]
    lifetime_s: Option<u32>,
}

/// How long a claim is to live from now on.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RenewBody {
    /// Seconds from now; 0 for until it is released.
    #[schema(maximum = 31_536_000)]
    lifetime_s: u32,
}

checked_body!(ClaimBody, RenewBody);

/// Claims an instance. It is served at once from a warm one, or waits with an expectation; poll `GET /v1/claims/{id}` then.
#[utoipa::path(
    post,
    path = "/v1/personas/{name}/claims",
    tag = "claims",
    operation_id = "create_claim",
    params(
        ("name" = PersonaName, Path, description = "The persona"),
        ("Idempotency-Key" = Option<String>, Header, description = "A repeated request with the same key gets the same claim"),
    ),
    request_body = ClaimBody,
    responses(
        (status = 201, body = Claim, description = "It holds an instance"),
        (status = 202, body = Claim, description = "It waits for an instance"),
    )
)]
async fn create(
    State(state): State<AppState>,
    caller: Caller,
    InPath(name): InPath<PersonaName>,
    headers: HeaderMap,
    Checked(body): Checked<ClaimBody>,
) -> Result<Response, Problem> {
    let tenant = caller.claims_for(body.tenant)?;
    persona(&state, &name)?;
    let idempotency_key = headers.get("idempotency-key").map(key).transpose()?;
    let request = ClaimRequest { persona: name, tenant, idempotency_key, lifetime_s: body.lifetime_s };
    let claim = state.core.claim(request).await?;
    let waits = matches!(claim.state, ClaimState::Waiting { .. });
    let status = if waits { StatusCode::ACCEPTED } else { StatusCode::CREATED };
    let location = HeaderValue::from_str(&format!("/v1/claims/{}", claim.id)).map_err(Problem::internal)?;
    Ok((status, [(header::LOCATION, location)], Json(claim)).into_response())
}

fn key(value: &HeaderValue) -> Result<String, Problem> {
    let detail = "the header Idempotency-Key must be plain ASCII text";
    value.to_str().map(str::to_owned).map_err(|_| Problem::new(ProblemKind::InvalidParameter, detail))
}

/// Which part of the list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Page {
    /// At most so many, 1 to 1000; 100 unless given.
    limit: Option<u32>,
}

/// Lists the claims on a persona, ended ones included, the newest first. A tenant sees its own.
#[utoipa::path(
    get,
    path = "/v1/personas/{name}/claims",
    tag = "claims",
    operation_id = "list_claims",
    params(("name" = PersonaName, Path, description = "The persona"), Page),
    responses((status = 200, body = Vec<Claim>))
)]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    InPath(name): InPath<PersonaName>,
    InQuery(page): InQuery<Page>,
) -> Result<Json<Vec<Claim>>, Problem> {
    persona(&state, &name)?;
    let limit = limit(page.limit, 100, 1_000)?;
    let claims = match &caller.tenant {
        None => state.core.store().claims_of(&name, limit as u64).await?,
        // Ended claims of one tenant are not indexed: it sees what it holds and waits for.
        Some(own) => {
            let mut open = state.core.open_claims(&name);
            open.retain(|claim| claim.tenant == *own);
            open.reverse();
            open.truncate(limit);
            open
        }
    };
    Ok(Json(claims))
}

/// Gives one claim, open or ended.
#[utoipa::path(
    get,
    path = "/v1/claims/{id}",
    tag = "claims",
    operation_id = "get_claim",
    params(("id" = ClaimId, Path, description = "The claim")),
    responses((status = 200, body = Claim))
)]
async fn get(
    State(state): State<AppState>,
    caller: Caller,
    InPath(id): InPath<ClaimId>,
) -> Result<Json<Claim>, Problem> {
    Ok(Json(state.core.find_claim(id, caller.tenant.as_ref()).await?))
}

/// Gives the instance back, or leaves the queue. Doing it again changes nothing.
#[utoipa::path(
    delete,
    path = "/v1/claims/{id}",
    tag = "claims",
    operation_id = "release_claim",
    params(("id" = ClaimId, Path, description = "The claim")),
    responses((status = 200, body = Claim))
)]
async fn release(
    State(state): State<AppState>,
    caller: Caller,
    InPath(id): InPath<ClaimId>,
) -> Result<Json<Claim>, Problem> {
    Ok(Json(state.core.release(id, caller.changes_claims()?).await?))
}

/// Lets a claim live for so long from now on.
#[utoipa::path(
    post,
    path = "/v1/claims/{id}/renew",
    tag = "claims",
    operation_id = "renew_claim",
    params(("id" = ClaimId, Path, description = "The claim")),
    request_body = RenewBody,
    responses((status = 200, body = Claim))
)]
async fn renew(
    State(state): State<AppState>,
    caller: Caller,
    InPath(id): InPath<ClaimId>,
    Checked(body): Checked<RenewBody>,
) -> Result<Json<Claim>, Problem> {
    Ok(Json(state.core.renew(id, caller.changes_claims()?, body.lifetime_s).await?))
}

impl From<ClaimError> for Problem {
    fn from(error: ClaimError) -> Self {
        let detail = error.to_string();
        match error {
            ClaimError::UnknownPersona(_) | ClaimError::UnknownClaim(_) => Self::new(ProblemKind::NotFound, detail),
            ClaimError::Ended(_) | ClaimError::Leased(_) | ClaimError::KeyReused(_) => {
                Self::new(ProblemKind::Conflict, detail)
            }
            ClaimError::KeyLength(_) => Self::new(ProblemKind::InvalidParameter, detail),
            ClaimError::TooManyWaiting { .. } => Self::new(ProblemKind::TooManyWaiting, detail).retry_after(10),
            ClaimError::Store(error) => error.into(),
        }
    }
}
