//! `/v1/market/statement` and `/v1/market/focus`: the ledger as files.

use super::state::MarketState;
use crate::auth::Who;
use crate::error::MarketError;
use crate::exports::{Issuer, Period, Statement, focus_csv, focus_rows, statement_csv};
use crate::market::LedgerQuery;
use crate::model::LedgerEntry;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use forewarm_domain::id::TenantName;
use forewarm_domain::time::TimestampMs;
use forewarm_web::parameters::InQuery;
use forewarm_web::{Problem, ProblemKind};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Entries that one file may have.
const ENTRIES_MAX: usize = 50_000;
/// Entries that are read at a time.
const PAGE: u32 = 1_000;
/// Who issues cost rows.
const PROVIDER: &str = "forewarm";
/// How often a statement is read again that somebody booked into meanwhile.
const TRIES: usize = 5;

pub(super) fn routes() -> OpenApiRouter<MarketState> {
    OpenApiRouter::new().routes(routes!(statement)).routes(routes!(focus))
}

/// Which period of which account.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Of {
    /// The cost centre; the token's own unless given.
    tenant: Option<TenantName>,
    /// Booked from then on; from the first of the month (UTC) unless given.
    from: Option<TimestampMs>,
    /// Booked before then; before the next month unless given.
    to: Option<TimestampMs>,
}

/// Gives a statement as CSV: opening balance, entries with the balance after each, closing balance.
#[utoipa::path(get, path = "/v1/market/statement", operation_id = "get_statement", tag = "money", params(Of), responses((status = 200, description = "The statement", body = String, content_type = "text/csv")))]
async fn statement(State(state): State<MarketState>, who: Who, InQuery(of): InQuery<Of>) -> Result<Response, Problem> {
    let tenant = who.tenant(of.tenant)?;
    let period = Period::asked(of.from, of.to, state.clock.now())?;
    let statement = read(&state, &who, tenant, period).await?;
    let csv = statement_csv(&statement).map_err(Problem::internal)?;
    Ok(file(csv, &format!("statement-{}.csv", statement.tenant)))
}

/// Gives cost rows of a period as CSV in the columns of FOCUS 1.2. Their `BilledCost` sums up to the ledger's entries.
#[utoipa::path(get, path = "/v1/market/focus", operation_id = "export_focus", tag = "money", params(Of), responses((status = 200, description = "FOCUS rows", body = String, content_type = "text/csv")))]
async fn focus(State(state): State<MarketState>, who: Who, InQuery(of): InQuery<Of>) -> Result<Response, Problem> {
    let tenant = who.tenant(of.tenant)?;
    let period = Period::asked(of.from, of.to, state.clock.now())?;
    let entries = entries(&state, &who, &tenant, period.from(), Some(period.to())).await?;
    let centres = state.market.cost_centres(&who.0).await?;
    let centre = centres.into_iter().find(|centre| centre.name == tenant);
    let organisation = centre.map_or_else(|| tenant.clone(), |centre| centre.organisation);
    let issuer = Issuer { provider: PROVIDER.to_owned(), organisation, tenant };
    let csv = focus_csv(&focus_rows(&entries, period)?, &issuer)?;
    Ok(file(csv, &format!("focus-{}.csv", issuer.tenant)))
}

/// The balance is read before and after the entries: nothing was booked in between when both are the same.
async fn read(state: &MarketState, who: &Who, tenant: TenantName, period: Period) -> Result<Statement, Problem> {
    for _ in 0..TRIES {
        let before = state.market.account(&who.0, &tenant).await?.account;
        let all = entries(state, who, &tenant, period.from(), None).await?;
        let after = state.market.account(&who.0, &tenant).await?.account;
        if before.balance != after.balance {
            continue;
        }
        let moved = all.iter().try_fold(0_i64, |sum, entry| sum.checked_add(entry.amount.0));
        let opening = moved.and_then(|moved| after.balance.0.checked_sub(moved));
        let opening = opening.ok_or_else(|| Problem::from(MarketError::Overflow(forewarm_auction::MoneyOverflow)))?;
        let entries = all.into_iter().filter(|entry| period.contains(entry.at)).collect();
        return Ok(Statement { tenant, period, currency: after.currency.to_string(), opening, entries });
    }
    let detail = "the account is booked into without a pause: try again";
    Err(Problem::new(ProblemKind::Unavailable, detail).retry_after(1))
}

/// All entries of a time, up to the limit of a file.
async fn entries(
    state: &MarketState,
    who: &Who,
    tenant: &TenantName,
    from: TimestampMs,
    to: Option<TimestampMs>,
) -> Result<Vec<LedgerEntry>, Problem> {
    let mut all: Vec<LedgerEntry> = Vec::new();
    loop {
        let after = all.last().map_or(0, |entry| entry.sequence);
        let query = LedgerQuery { from: Some(from), to, after, limit: PAGE };
        let page = state.market.ledger(&who.0, tenant, query).await?;
        let last = page.len() < PAGE as usize;
        all.extend(page);
        if all.len() > ENTRIES_MAX {
            let detail = format!("the period has more than {ENTRIES_MAX} entries: ask for a shorter or a later one");
            return Err(Problem::new(ProblemKind::InvalidParameter, detail));
        }
        if last {
            return Ok(all);
        }
    }
}

fn file(csv: Vec<u8>, name: &str) -> Response {
    // Names of tenants are plain.
    let disposition = format!("attachment; filename=\"{name}\"");
    ([(header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (header::CONTENT_DISPOSITION, disposition)], csv)
        .into_response()
}
