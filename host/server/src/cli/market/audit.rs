//! `forewarm market audit`: reads the chained log of all rounds and checks it here, so that the market need not be trusted.

use super::query::Query;
use crate::cli::Global;
use crate::cli::error::CliError;
use crate::cli::output::show;
use forewarm_market::audit::{AuditEntry, verify};
use forewarm_market::http::AuditPage;

/// Rounds that are read at a time.
const PAGE: u32 = 1_000;

pub(super) async fn run(global: &Global) -> Result<(), CliError> {
    let client = global.client()?;
    let (mut entries, mut before): (Vec<AuditEntry>, Option<u64>) = (Vec::new(), None);
    loop {
        let query = Query::new("/v1/market/audit").with("before", before).with("limit", Some(PAGE));
        let page: AuditPage = client.get(query.path()).await?;
        entries.extend(page.entries);
        before = page.next.map(|next| next.0);
        if before.is_none() {
            break;
        }
    }
    let verified = verify(&entries);
    show(global.output, &verified, |verified| {
        let head = verified.head.clone().unwrap_or_else(|| "none".to_owned());
        format!("{} rounds hold; the newest link is {head}", verified.rounds)
    });
    match verified.broken {
        Some(broken) => Err(CliError::Failed(format!("the log was changed: {broken}"))),
        None => Ok(()),
    }
}
