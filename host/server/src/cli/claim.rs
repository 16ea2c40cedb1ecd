//! `forewarm claim`: ask for an instance, look at claims, give one back.

use super::client::{Client, segment};
use super::error::CliError;
use super::output::{or_dash, show, table, text};
use super::{Format, Global};
use crate::http::PersonaPage;
use clap::{Args, Subcommand};
use forewarm_domain::id::ClaimId;
use forewarm_domain::instance::{Claim, ClaimState};
use reqwest::Method;
use std::time::Duration;

/// How often a waiting claim is looked at.
const POLL_EVERY: Duration = Duration::from_millis(500);

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct ClaimArgs {
    #[command(subcommand)]
    command: Option<ClaimCommand>,
    /// The persona of which an instance is wanted
    #[arg(required = true)]
    persona: Option<String>,
    /// Wait until the claim holds an instance
    #[arg(long)]
    wait: bool,
    /// For whom; a tenant's token speaks for its own tenant, others for `default`
    #[arg(long)]
    tenant: Option<String>,
    /// End the claim by itself after so many seconds; 0 for never
    #[arg(long, value_name = "SECONDS")]
    lifetime: Option<u32>,
    /// A repeated request with the same key gets the same claim
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
}

#[derive(Debug, Subcommand)]
enum ClaimCommand {
    /// List claims, ended ones included, the newest first
    List {
        /// Only claims on this persona
        persona: Option<String>,
    },
    /// Give an instance back, or leave the queue
    Release {
        /// The claim
        id: ClaimId,
    },
    /// Let a claim live for so long from now on
    Renew {
        /// The claim
        id: ClaimId,
        /// Seconds from now; 0 for until it is released
        #[arg(long, value_name = "SECONDS")]
        lifetime: u32,
    },
}

pub(super) async fn run(global: &Global, args: ClaimArgs) -> Result<(), CliError> {
    let client = global.client()?;
    match args.command {
        Some(ClaimCommand::List { persona }) => {
            let claims = list(&client, persona).await?;
            show(global.output, &claims, |claims| rows(claims));
        }
        Some(ClaimCommand::Release { id }) => {
            let claim: Claim = client.delete(&format!("/v1/claims/{id}")).await?;
            show(global.output, &claim, describe);
        }
        Some(ClaimCommand::Renew { id, lifetime }) => {
            let body = serde_json::json!({ "lifetime_s": lifetime });
            let claim: Claim = client.post(&format!("/v1/claims/{id}/renew"), &body).await?;
            show(global.output, &claim, describe);
        }
        None => make(&client, global.output, args).await?,
    }
    Ok(())
}

async fn make(client: &Client, format: Format, args: ClaimArgs) -> Result<(), CliError> {
    let persona = args.persona.unwrap_or_default();
    let mut body = serde_json::Map::new();
    body.extend(args.tenant.map(|tenant| ("tenant".to_owned(), tenant.into())));
    body.extend(args.lifetime.map(|lifetime| ("lifetime_s".to_owned(), lifetime.into())));
    let headers: Vec<(&'static str, String)> =
        args.idempotency_key.map(|key| ("idempotency-key", key)).into_iter().collect();
    let path = format!("/v1/personas/{}/claims", segment(&persona));
    let mut claim: Claim = client.send(Method::POST, &path, &headers, &body).await?;
    while args.wait && matches!(claim.state, ClaimState::Waiting { .. }) {
        tokio::time::sleep(POLL_EVERY).await;
        claim = client.get(&format!("/v1/claims/{}", claim.id)).await?;
    }
    show(format, &claim, describe);
    match claim.state {
        ClaimState::Ended { cause, .. } => {
            Err(CliError::Failed(format!("the claim ended without an instance: {cause:?}")))
        }
        _ => Ok(()),
    }
}

async fn list(client: &Client, persona: Option<String>) -> Result<Vec<Claim>, CliError> {
    if let Some(persona) = persona {
        return client.get(&format!("/v1/personas/{}/claims", segment(&persona))).await;
    }
    let mut claims: Vec<Claim> = Vec::new();
    let mut path = "/v1/personas?limit=1000".to_owned();
    loop {
        let page: PersonaPage = client.get(&path).await?;
        for persona in page.personas {
            claims.extend(client.get::<Vec<Claim>>(&format!("/v1/personas/{}/claims", persona.name)).await?);
        }
        let Some(next) = page.next else { break };
        path = format!("/v1/personas?limit=1000&after={next}");
    }
    claims.sort_by_key(|claim| std::cmp::Reverse(claim.requested_at));
    Ok(claims)
}

fn rows(claims: &[Claim]) -> String {
    let mut rows = table(&["CLAIM", "PERSONA", "TENANT", "STATE", "WAITED", "INSTANCE"]);
    for claim in claims {
        let instance = match &claim.state {
            ClaimState::Served { instance, .. } => Some(*instance),
            _ => None,
        };
        rows.add_row([
            claim.id.to_string(),
            claim.persona.to_string(),
            claim.tenant.to_string(),
            state(claim),
            or_dash(claim.wait_ms().map(|ms| format!("{ms} ms"))),
            or_dash(instance),
        ]);
    }
    text(&rows, "there are no claims")
}

fn state(claim: &Claim) -> String {
    match &claim.state {
        ClaimState::Waiting { expected_at } => format!("waiting, expected {expected_at}"),
        ClaimState::Served { warm: true, .. } => "served warm".into(),
        ClaimState::Served { warm: false, .. } => "served after a wait".into(),
        ClaimState::Ended { cause, .. } => format!("ended: {cause:?}").to_lowercase(),
    }
}

fn describe(claim: &Claim) -> String {
    let state = state(claim);
    match &claim.state {
        ClaimState::Served { instance, .. } => {
            let waited = claim.wait_ms().unwrap_or(0);
            format!("claim {} of {}: {state}, instance {instance}, after {waited} ms", claim.id, claim.persona)
        }
        _ => format!("claim {} of {}: {state}", claim.id, claim.persona),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use forewarm_domain::id::InstanceId;
    use forewarm_domain::time::TimestampMs;

    #[test]
    fn a_served_claim_names_its_instance_and_wait() {
        let claim = Claim {
            lease: None,
            id: ClaimId(uuid::Uuid::nil()),
            persona: "web".parse().expect("valid"),
            tenant: "red".parse().expect("valid"),
            requested_at: TimestampMs(1_000),
            expires_at: None,
            idempotency_key: None,
            state: ClaimState::Served {
                instance: InstanceId(uuid::Uuid::max()),
                served_at: TimestampMs(1_250),
                warm: false,
            },
        };
        let line = describe(&claim);
        assert!(line.contains("ffffffff") && line.ends_with("after 250 ms"), "{line}");
        assert!(rows(&[claim]).contains("served after a wait"));
        assert_eq!(rows(&[]), "there are no claims");
    }
}
