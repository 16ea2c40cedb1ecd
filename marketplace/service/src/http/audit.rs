//! `/v1/market/audit`: the chained log of settled rounds. Nothing in it belongs to one tenant, so that every token may
//! read and check it.

use super::state::MarketState;
use crate::audit::{self, AuditEntry, Verified};
use crate::auth::Who;
use crate::model::Round;
use axum::Json;
use axum::extract::State;
use forewarm_auction::RoundNumber;
use forewarm_web::Problem;
use forewarm_web::parameters::{InQuery, limit};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Rounds that are read at a time.
const PAGE: u32 = 1_000;

pub(super) fn routes() -> OpenApiRouter<MarketState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(verify))
}

/// Which part of the log.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Page {
    /// Rounds before this number, for the next page.
    before: Option<RoundNumber>,
    /// At most so many rounds are looked at, 1 to 1000; 100 unless given.
    limit: Option<u32>,
}

/// A part of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditPage {
    /// Settled rounds, newest first.
    pub entries: Vec<AuditEntry>,
    /// Ask for what comes before this; none at the log's beginning.
    pub next: Option<RoundNumber>,
}

/// Lists settled rounds with their links, newest first.
#[utoipa::path(get, path = "/v1/market/audit", operation_id = "list_audit", tag = "news", params(Page), responses((status = 200, body = AuditPage)))]
async fn list(
    State(state): State<MarketState>,
    _: Who,
    InQuery(page): InQuery<Page>,
) -> Result<Json<AuditPage>, Problem> {
    let most = u32::try_from(limit(page.limit, 100, PAGE)?).unwrap_or(PAGE);
    let rounds = state.market.rounds(None, page.before, most).await?;
    Ok(Json(AuditPage { entries: settled(&rounds), next: next(&rounds, most) }))
}

/// Checks the whole log: every link, every seed against its commitment.
#[utoipa::path(get, path = "/v1/market/audit/verify", operation_id = "verify_audit", tag = "news", responses((status = 200, body = Verified)))]
async fn verify(State(state): State<MarketState>, _: Who) -> Result<Json<Verified>, Problem> {
    let (mut entries, mut before) = (Vec::new(), None);
    loop {
        let rounds = state.market.rounds(None, before, PAGE).await?;
        entries.extend(settled(&rounds));
        before = next(&rounds, PAGE);
        if before.is_none() {
            break;
        }
    }
    Ok(Json(audit::verify(&entries)))
}

fn settled(rounds: &[Round]) -> Vec<AuditEntry> {
    rounds.iter().filter_map(AuditEntry::of).collect()
}

fn next(rounds: &[Round], most: u32) -> Option<RoundNumber> {
    rounds.last().filter(|_| rounds.len() == most as usize).map(|round| round.number)
}
