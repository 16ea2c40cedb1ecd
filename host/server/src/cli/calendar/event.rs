//! `forewarm event`: planned events.

use super::{When, path, put, read};
use crate::cli::Global;
use crate::cli::error::CliError;
use crate::cli::output::{number, show, table, text};
use clap::{Args, Subcommand};
use forewarm_domain::calendar::{Effect, Entry, What};
use serde_json::{Value, json};

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum EventCommand {
    /// Plan an event: `forewarm event apply launch --persona web --from "friday 9:00" --for 4h --factor 3`
    Apply(ApplyArgs),
    /// List the events, past ones included until they are pruned
    List,
    /// Remove an event
    Remove {
        /// The event
        name: String,
    },
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ApplyArgs {
    /// What it is called; an event of that name is replaced
    name: String,
    /// Whose load it changes
    #[arg(long, required_unless_present = "file", conflicts_with = "file")]
    persona: Option<String>,
    /// The load is so many times what it would have been, such as 3 or x3
    #[arg(long, value_name = "TIMES", conflicts_with = "file", required_unless_present_any = ["instances", "file"])]
    factor: Option<String>,
    /// It needs at least so many instances
    #[arg(long, value_name = "COUNT", conflicts_with_all = ["factor", "file"])]
    instances: Option<u32>,
    #[command(flatten)]
    when: When,
}

pub(in crate::cli) async fn run(global: &Global, command: EventCommand) -> Result<(), CliError> {
    let client = global.client()?;
    match command {
        EventCommand::Apply(args) => {
            let body = match &args.when.file {
                Some(file) => read(file)?,
                None => {
                    let effect = effect(&args)?;
                    let mut body = args.when.fields(&client).await?;
                    (body["persona"], body["effect"]) = (json!(args.persona), effect);
                    body
                }
            };
            let entry = put(&client, "events", &args.name, &body).await?;
            show(global.output, &entry, describe);
        }
        EventCommand::List => {
            let entries: Vec<Entry> = client.get("/v1/calendar/events").await?;
            show(global.output, &entries, |entries| rows(entries));
        }
        EventCommand::Remove { name } => {
            let entry: Entry = client.delete(&path("events", &name)).await?;
            show(global.output, &entry, |entry| format!("{} is removed", entry.name));
        }
    }
    Ok(())
}

fn effect(args: &ApplyArgs) -> Result<Value, CliError> {
    let Some(factor) = &args.factor else { return Ok(json!({ "instances": args.instances })) };
    let number = factor.trim_start_matches(['x', 'X', '×']).parse::<f64>().ok().filter(|factor| factor.is_finite());
    let usage = || CliError::Usage(format!("`{factor}` is no factor: give one such as 3, x3 or 0.5"));
    Ok(json!({ "factor": number.ok_or_else(usage)? }))
}

fn told(effect: Effect) -> String {
    match effect {
        Effect::Factor(factor) => format!("x{}", number(factor)),
        Effect::Instances(count) => format!("{count} instances"),
    }
}

fn describe(entry: &Entry) -> String {
    let What::Event(event) = &entry.what else { return entry.name.to_string() };
    format!("{}: {} for {} from {} to {}", entry.name, told(event.effect), event.persona, event.from, event.until)
}

fn rows(entries: &[Entry]) -> String {
    let mut rows = table(&["NAME", "PERSONA", "EFFECT", "FROM", "UNTIL", "BY", "NOTE"]);
    for entry in entries {
        let What::Event(event) = &entry.what else { continue };
        rows.add_row([
            entry.name.to_string(),
            event.persona.to_string(),
            told(event.effect),
            event.from.to_string(),
            event.until.to_string(),
            entry.applied_by.clone(),
            event.note.clone(),
        ]);
    }
    text(&rows, "no events are planned")
}
