//! Accounts, the ledger, and what is exported of it.

use super::query::Query;
use crate::cli::Global;
use crate::cli::error::CliError;
use crate::cli::output::{or_dash, print, show, table, text};
use clap::Args;
use forewarm_market::exports::millionths;
use forewarm_market::http::AccountStanding;
use forewarm_market::model::LedgerEntry;

#[derive(Debug, Args)]
pub(in crate::cli) struct OfArgs {
    /// The cost centre
    tenant: String,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct PeriodArgs {
    /// The cost centre; the token's own unless given
    #[arg(long)]
    tenant: Option<String>,
    /// Booked from then on, such as 2026-12-01T00:00:00Z; from the first of the month unless given
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Booked before then; before the next month unless given
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct LedgerArgs {
    /// The cost centre; the token's own unless given
    #[arg(long)]
    tenant: Option<String>,
    /// After this sequence number
    #[arg(long, default_value_t = 0)]
    after: i64,
    /// At most so many, 1 to 1000
    #[arg(long, default_value_t = 100)]
    limit: u32,
}

pub(super) async fn account(global: &Global, args: OfArgs) -> Result<(), CliError> {
    let path = format!("/v1/market/accounts/{}", crate::cli::client::segment(&args.tenant));
    let standing: AccountStanding = global.client()?.get(&path).await?;
    show(global.output, &standing, |standing| {
        let AccountStanding { account, available, burn_per_day, days_left, is_low } = standing;
        let currency = &account.currency;
        let low = if *is_low { ", below the alert" } else { "" };
        format!(
            "balance    {} {currency}\nset aside  {} {currency}\navailable  {} {currency}{low}\na day      {} {currency}\ndays \
             left  {}\n",
            millionths(account.balance.0),
            millionths(account.held.0),
            millionths(available.0),
            millionths(burn_per_day.0),
            or_dash(*days_left),
        )
    });
    Ok(())
}

pub(super) async fn ledger(global: &Global, args: LedgerArgs) -> Result<(), CliError> {
    let query = Query::new("/v1/market/ledger")
        .with("tenant", args.tenant)
        .with("after", Some(args.after))
        .with("limit", Some(args.limit));
    let entries: Vec<LedgerEntry> = global.client()?.get(query.path()).await?;
    show(global.output, &entries, |entries| {
        let mut rows = table(&["ENTRY", "BOOKED", "KIND", "AMOUNT", "CURRENCY", "WITH", "LEASE"]);
        for entry in entries {
            rows.add_row([
                entry.sequence.to_string(),
                entry.at.to_string(),
                entry.kind.to_string(),
                millionths(entry.amount.0),
                entry.currency.to_string(),
                entry.counter.to_string(),
                or_dash(entry.refs.lease),
            ]);
        }
        text(&rows, "there are no entries")
    });
    Ok(())
}

pub(super) async fn statement(global: &Global, args: PeriodArgs) -> Result<(), CliError> {
    file(global, "/v1/market/statement", args).await
}

pub(super) async fn focus(global: &Global, args: PeriodArgs) -> Result<(), CliError> {
    file(global, "/v1/market/focus", args).await
}

/// A CSV file is the same for people and for programs.
async fn file(global: &Global, path: &str, args: PeriodArgs) -> Result<(), CliError> {
    let query = Query::new(path).with("tenant", args.tenant).with("from", args.from).with("to", args.to);
    print(&global.client()?.text(query.path()).await?);
    Ok(())
}
