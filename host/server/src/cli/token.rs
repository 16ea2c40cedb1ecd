//! `forewarm token`: make, list and revoke access tokens.

use super::Global;
use super::client::segment;
use super::error::CliError;
use super::output::{or_dash, show, table, text};
use crate::http::TokenView;
use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    /// Make a token; its secret is printed this once
    Create {
        /// Its name, unique
        name: String,
        /// What it allows
        #[arg(long, value_enum)]
        scope: ScopeArg,
        /// The one tenant that it speaks for; with scope `tenant` only
        #[arg(long)]
        tenant: Option<String>,
        /// End the token by itself after so many seconds
        #[arg(long, value_name = "SECONDS")]
        lifetime: Option<u32>,
    },
    /// List tokens, revoked ones included
    List,
    /// Revoke a token: the next request with it fails
    Revoke {
        /// The token
        name: String,
    },
}

/// What a token allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ScopeArg {
    /// Everything, tokens included
    Admin,
    /// Personas, plugins, ingest and all claims
    Operator,
    /// Claims of one tenant
    Tenant,
    /// Looking only
    Read,
}

pub(super) async fn run(global: &Global, command: TokenCommand) -> Result<(), CliError> {
    let client = global.client()?;
    match command {
        TokenCommand::Create { name, scope, tenant, lifetime } => {
            let scope = scope.to_possible_value().map(|value| value.get_name().to_owned());
            let mut body = json!({ "name": name, "scope": scope });
            if let Some(tenant) = tenant {
                body["tenant"] = tenant.into();
            }
            if let Some(lifetime) = lifetime {
                body["lifetime_s"] = lifetime.into();
            }
            let created: Value = client.post("/v1/tokens", &body).await?;
            show(global.output, &created, |created| created["secret"].as_str().unwrap_or_default().to_owned());
        }
        TokenCommand::List => {
            let tokens: Vec<TokenView> = client.get("/v1/tokens").await?;
            show(global.output, &tokens, |tokens| rows(tokens));
        }
        TokenCommand::Revoke { name } => {
            let token: TokenView = client.delete(&format!("/v1/tokens/{}", segment(&name))).await?;
            show(global.output, &token, |token| format!("{} is revoked", token.name));
        }
    }
    Ok(())
}

fn rows(tokens: &[TokenView]) -> String {
    let mut rows = table(&["NAME", "SCOPE", "TENANT", "CREATED", "EXPIRES", "REVOKED"]);
    for token in tokens {
        rows.add_row([
            token.name.clone(),
            token.scope.as_str().to_owned(),
            or_dash(token.tenant.as_ref()),
            token.created_at.to_string(),
            or_dash(token.expires_at),
            or_dash(token.revoked_at),
        ]);
    }
    text(&rows, "there are no tokens")
}
