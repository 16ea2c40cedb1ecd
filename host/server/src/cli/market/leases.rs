//! Leases: list, give back, call back.

use super::query::Query;
use crate::cli::Global;
use crate::cli::error::CliError;
use crate::cli::output::{or_dash, show, table, text};
use clap::Args;
use forewarm_market::exports::millionths;
use forewarm_market::http::LeaseView;
use forewarm_market::model::{LeaseState, ReclaimPreview};
use serde_json::json;
use uuid::Uuid;

#[derive(Debug, Args)]
pub(in crate::cli) struct LeasesArgs {
    /// As the owner of the capacity, not as the one who leases it
    #[arg(long)]
    sold: bool,
    /// Only those of this cost centre and all below it
    #[arg(long)]
    tenant: Option<String>,
    /// Also those that are over
    #[arg(long)]
    all: bool,
    /// At most so many, 1 to 1000
    #[arg(long, default_value_t = 100)]
    limit: u32,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ReleaseArgs {
    /// The lease
    id: Uuid,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ReclaimArgs {
    /// The persona
    persona: String,
    /// How many instances
    units: i64,
    /// Only say which leases would be called back and what that costs
    #[arg(long)]
    preview: bool,
    /// The owner; the token's own cost centre unless given
    #[arg(long)]
    tenant: Option<String>,
    /// Why, in a sentence for the tenants
    #[arg(long)]
    reason: Option<String>,
}

pub(super) async fn list(global: &Global, args: LeasesArgs) -> Result<(), CliError> {
    let query = Query::new("/v1/market/leases")
        .with("side", args.sold.then_some("seller"))
        .with("tenant", args.tenant)
        .with("live_only", (!args.all).then_some(true))
        .with("limit", Some(args.limit));
    let leases: Vec<LeaseView> = global.client()?.get(query.path()).await?;
    show(global.output, &leases, |leases| {
        let mut rows = table(&["LEASE", "PERSONA", "CLASS", "INSTANCES", "PRICE", "STATE", "LEFT", "REASON"]);
        for LeaseView { lease, seconds_left } in leases {
            let reason = match &lease.state {
                LeaseState::Reclaiming { reason, .. } => Some(reason.clone()),
                _ => None,
            };
            rows.add_row([
                lease.id.to_string(),
                lease.persona.to_string(),
                lease.class.as_str().to_owned(),
                lease.units.get().to_string(),
                lease.price.to_string(),
                lease.state.name().replace('_', " "),
                format!("{seconds_left} s"),
                or_dash(reason),
            ]);
        }
        text(&rows, "there are no leases")
    });
    Ok(())
}

pub(super) async fn release(global: &Global, args: ReleaseArgs) -> Result<(), CliError> {
    let path = format!("/v1/market/leases/{}/release", args.id);
    let view: LeaseView = global.client()?.post(&path, &json!({})).await?;
    show(global.output, &view, |view| format!("lease {} is {}", view.lease.id, view.lease.state.name()));
    Ok(())
}

pub(super) async fn reclaim(global: &Global, args: ReclaimArgs) -> Result<(), CliError> {
    let mut body = json!({ "persona": args.persona, "units": args.units });
    if let Some(body) = body.as_object_mut() {
        body.extend(args.tenant.map(|tenant| ("tenant".to_owned(), tenant.into())));
        body.extend(args.reason.map(|reason| ("reason".to_owned(), reason.into())));
    }
    let path = if args.preview { "/v1/market/reclaims/preview" } else { "/v1/market/reclaims" };
    let reclaimed: ReclaimPreview = global.client()?.post(path, &body).await?;
    let verb = if args.preview { "would be" } else { "are" };
    show(global.output, &reclaimed, |reclaimed| describe(reclaimed, verb));
    Ok(())
}

fn describe(preview: &ReclaimPreview, verb: &str) -> String {
    let mut rows = table(&["LEASE", "INSTANCES", "REFUND", "COMPENSATION", "FREE BY"]);
    for lease in &preview.leases {
        rows.add_row([
            lease.lease.to_string(),
            lease.units.to_string(),
            millionths(lease.refund.0),
            millionths(lease.compensation.0),
            lease.deadline.to_string(),
        ]);
    }
    let (refund, compensation) = (millionths(preview.refund.0), millionths(preview.compensation.0));
    let sum = format!("{} instances {verb} called back: {refund} refund, {compensation} compensation", preview.units);
    format!("{}\n{sum}", text(&rows, "no lease can be called back now"))
}
