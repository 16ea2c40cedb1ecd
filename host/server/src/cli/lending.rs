//! `forewarm lending`: what is announced, leased, called back and kept apart, with what it costs and brings.

use super::Global;
use super::client::{Client, segment};
use super::error::CliError;
use super::output::{or_dash, show, table, text};
use crate::core::{LeaseView, Lender, LendingView, SurplusView};
use clap::Args;
use forewarm_domain::id::LeaseId;
use forewarm_domain::lending::LeaseClass;
use forewarm_market::exports::millionths;
use forewarm_market::http::LeaseView as SoldLease;
use serde::Serialize;

/// Micro-credits per instance-second become credits per instance-hour.
const HOUR_S: i64 = 3_600;

#[derive(Debug, Args)]
pub(super) struct LendingArgs {
    /// The persona; all that lend unless given
    persona: Option<String>,
}

/// How lending stands for a persona, with the market's terms where the host holds the market.
#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    view: LendingView,
    /// Its leases as the market has them; empty where another host holds the market, or the token may not see them.
    sold: Vec<SoldLease>,
}

pub(super) async fn run(global: &Global, args: LendingArgs) -> Result<(), CliError> {
    let client = global.client()?;
    let Some(persona) = args.persona else {
        let lenders: Vec<Lender> = client.get("/v1/lending").await?;
        show(global.output, &lenders, |lenders| rows(lenders));
        return Ok(());
    };
    let view: LendingView = client.get(&format!("/v1/personas/{}/lending", segment(&persona))).await?;
    let sold = sold(&client, &persona).await?;
    show(global.output, &Shown { view, sold }, describe);
    Ok(())
}

async fn sold(client: &Client, persona: &str) -> Result<Vec<SoldLease>, CliError> {
    let path = "/v1/market/leases?side=seller&live_only=true&limit=1000";
    match client.get::<Vec<SoldLease>>(path).await {
        Ok(mut leases) => {
            leases.retain(|one| one.lease.persona.as_str() == persona);
            Ok(leases)
        }
        // No market here, or none of this token's business.
        Err(CliError::Refused(_)) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn rows(lenders: &[Lender]) -> String {
    let mut rows = table(&["PERSONA", "OWNER", "LIMIT", "ANNOUNCED", "LEASED", "CALLED BACK", "QUARANTINED"]);
    for Lender { persona, owner, limit, announced, leased, called_back, quarantined } in lenders {
        let figures = [limit, announced, leased, called_back, quarantined].map(ToString::to_string);
        rows.add_row([persona.to_string(), or_dash(owner.as_ref())].into_iter().chain(figures));
    }
    text(&rows, "nothing is lent: `lending` in a persona says what may be")
}

fn describe(shown: &Shown) -> String {
    let view = &shown.view;
    let policy = match &view.policy {
        Some(policy) => format!(
            "{} lends up to {} and keeps {}; {} are leased, {} of them called back",
            policy.owner, policy.limit, policy.keep_min, view.leased, view.called_back
        ),
        None => format!("nothing is lent; {} are still leased", view.leased),
    };
    let announced = match view.announced_until {
        Some(until) => format!("ANNOUNCED until {until}\n{}", announced(&view.announced)),
        None => "nothing was announced to a market yet".to_owned(),
    };
    let mut parts = vec![policy, announced, leases(&view.leases, &shown.sold)];
    if !view.quarantined.is_empty() {
        let ids: Vec<String> = view.quarantined.iter().map(|one| one.id.to_string()).collect();
        let advice = "`forewarm instance release ID` wipes one again, `forewarm instance destroy ID` removes it";
        parts.push(format!("QUARANTINED, as they could not be wiped: {advice}\n{}", ids.join("\n")));
    }
    parts.join("\n\n")
}

fn announced(surplus: &[SurplusView]) -> String {
    let mut rows = table(&["FROM", "UNTIL", "CLASS", "INSTANCES", "COST AN HOUR", "LIKELY CALLED BACK"]);
    for one in surplus {
        rows.add_row([
            one.from.to_string(),
            one.until.to_string(),
            one.class.as_str().to_owned(),
            one.units.to_string(),
            millionths(i64::from(one.carrying_cost) * HOUR_S),
            format!("{:.1} %", f64::from(one.reclaim_ppm) / 10_000.0),
        ]);
    }
    text(&rows, "nothing can be spared")
}

fn leases(leases: &[LeaseView], sold: &[SoldLease]) -> String {
    let of = |lease: LeaseId| sold.iter().map(|one| &one.lease).find(|one| one.id == lease);
    let mut rows =
        table(&["LEASE", "TENANT", "CLASS", "INSTANCES", "UNTIL", "NOTICE LEFT", "PRICE AN HOUR", "PAID", "REASON"]);
    for one in leases {
        let terms = of(one.lease);
        let mut states: Vec<&str> = one.units.iter().map(|unit| unit.state.as_str()).collect();
        states.sort_unstable();
        rows.add_row([
            one.lease.to_string(),
            or_dash(one.tenant.as_ref()),
            or_dash(one.class.map(LeaseClass::as_str)),
            counted(&states),
            or_dash(one.until),
            or_dash(one.notice_left_ms.map(|ms| format!("{} s", ms / 1_000))),
            or_dash(terms.map(|terms| millionths(i64::from(terms.price.get()) * HOUR_S))),
            or_dash(terms.map(|terms| millionths(terms.cost.0))),
            or_dash(one.reason.as_ref()),
        ]);
    }
    text(&rows, "nothing is leased")
}

/// `2 held, 1 sanitizing` of sorted states.
fn counted(states: &[&str]) -> String {
    let groups = states.chunk_by(|one, other| one == other);
    groups.filter_map(|group| Some(format!("{} {}", group.len(), group.first()?))).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn leases_are_told_with_their_instances_and_what_is_quarantined_with_the_way_out() {
        let unit = |n: u8, state: &str| json!({ "instance": uuid(n), "claim": uuid(n), "state": state });
        let view = json!({
            "policy": { "owner": "shop", "limit": 5, "keep_min": 1 },
            "leased": 2, "called_back": 2,
            "announced": [{
                "from": "2026-03-01T12:00:00Z", "until": "2026-03-01T13:00:00Z", "class": "firm", "units": 3,
                "carrying_cost": 100, "reclaim_ppm": 12_000, "unused_ppm": 0,
            }],
            "announced_until": "2026-03-01T12:05:00Z",
            "leases": [{
                "lease": uuid(1), "tenant": "lab", "class": "reclaimable", "until": "2026-03-01T13:00:00Z",
                "notice_until": "2026-03-01T12:10:00Z", "notice_left_ms": 90_500, "reason": "demand",
                "units": [unit(2, "held"), unit(3, "sanitizing"), unit(4, "held")],
            }],
            "quarantined": [],
        });
        let view: LendingView = serde_json::from_value(view).expect("the API's form");
        let page = describe(&Shown { view: view.clone(), sold: Vec::new() });
        for part in [
            "up to 5 and keeps 1; 2 are leased, 2 of them called back",
            "0.36",
            "1.2 %",
            "2 held, 1 sanitizing",
            "90 s",
        ] {
            assert!(page.contains(part), "{part} is missing in\n{page}");
        }
        assert!(!page.contains("QUARANTINED"));
        assert!(rows(&[]).contains("nothing is lent"));
    }

    fn uuid(n: u8) -> String {
        format!("00000000-0000-0000-0000-0000000000{n:02}")
    }
}
