//! `forewarm market webhook`: add, list, remove.

use super::query::Query;
use crate::cli::Global;
use crate::cli::error::CliError;
use crate::cli::output::{or_dash, show, table, text};
use clap::Subcommand;
use serde_json::{Value, json};
use uuid::Uuid;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum WebhookCommand {
    /// Have events sent to a URL; prints the secret that deliveries are signed with, this once
    Add {
        /// Where to: https, to a public address or one that the operator allows
        url: String,
        /// Whose events; the token's own cost centre and all below it unless given
        #[arg(long)]
        tenant: Option<String>,
        /// Only these topics, such as order_filled,lease_reclaiming; all unless given
        #[arg(long, value_delimiter = ',')]
        topics: Option<Vec<String>>,
    },
    /// List webhooks and how far each has come
    List {
        /// Whose; the token's own cost centre unless given
        #[arg(long)]
        tenant: Option<String>,
    },
    /// Remove a webhook
    Remove {
        /// The webhook
        id: Uuid,
    },
}

pub(super) async fn run(global: &Global, command: WebhookCommand) -> Result<(), CliError> {
    let client = global.client()?;
    match command {
        WebhookCommand::Add { url, tenant, topics } => {
            let mut body = json!({ "url": url });
            if let Some(body) = body.as_object_mut() {
                body.extend(tenant.map(|tenant| ("tenant".to_owned(), tenant.into())));
                body.extend(topics.map(|topics| ("topics".to_owned(), topics.into())));
            }
            let made: Value = client.post("/v1/market/webhooks", &body).await?;
            show(global.output, &made, |made| {
                format!("webhook {}\nsecret  {}", word(&made["webhook"]["id"]), word(&made["secret"]))
            });
        }
        WebhookCommand::List { tenant } => {
            let query = Query::new("/v1/market/webhooks").with("tenant", tenant);
            let list: Value = client.get(query.path()).await?;
            show(global.output, &list, rows);
        }
        WebhookCommand::Remove { id } => {
            let gone: Value = client.delete(&format!("/v1/market/webhooks/{id}")).await?;
            show(global.output, &gone, |gone| format!("webhook {} is removed", word(&gone["id"])));
        }
    }
    Ok(())
}

fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn rows(list: &Value) -> String {
    let mut rows = table(&["WEBHOOK", "URL", "DELIVERED", "GIVEN UP", "FAILING"]);
    for webhook in list.as_array().into_iter().flatten() {
        let progress = &webhook["progress"];
        let failing = Some(&progress["failing"]["error"]).filter(|error| !error.is_null()).map(word);
        rows.add_row([
            word(&webhook["id"]),
            word(&webhook["url"]),
            word(&progress["delivered"]),
            word(&progress["given_up"]),
            or_dash(failing),
        ]);
    }
    text(&rows, "there are no webhooks")
}
