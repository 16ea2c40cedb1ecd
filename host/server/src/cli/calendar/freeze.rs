//! `forewarm freeze`: freezes and maintenance windows.

use super::{When, path, put, read};
use crate::cli::Global;
use crate::cli::error::CliError;
use crate::cli::output::{or_dash, show, table, text};
use clap::{Args, Subcommand};
use forewarm_domain::calendar::{Allowed, Entry, Freeze, What};
use forewarm_domain::id::PersonaName;
use serde_json::json;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum FreezeCommand {
    /// Hold plans: `forewarm freeze apply quarter-end --persona web --from "2026-12-29 00:00" --for 4d`
    Apply(ApplyArgs),
    /// List freezes and maintenance windows, past ones included until they are pruned
    List,
    /// Remove a freeze: plans are carried out again
    Remove {
        /// The freeze
        name: String,
    },
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ApplyArgs {
    /// What it is called; a freeze of that name is replaced
    name: String,
    /// Whose plans are held, more than once for several; everybody's without this and without a driver
    #[arg(long = "persona", value_name = "PERSONA", conflicts_with = "file")]
    personas: Vec<String>,
    /// A driver under maintenance: the plans of all that it serves are held
    #[arg(long, conflicts_with = "file")]
    driver: Option<String>,
    /// Let plans launch all the same, and never let go
    #[arg(long, conflicts_with = "file")]
    allow_scale_out: bool,
    #[command(flatten)]
    when: When,
}

pub(in crate::cli) async fn run(global: &Global, command: FreezeCommand) -> Result<(), CliError> {
    let client = global.client()?;
    match command {
        FreezeCommand::Apply(args) => {
            let body = match &args.when.file {
                Some(file) => read(file)?,
                None => {
                    let mut body = args.when.fields(&client).await?;
                    body["personas"] = json!(args.personas);
                    body["allows"] = json!(if args.allow_scale_out { "scale_out" } else { "nothing" });
                    if let Some(driver) = &args.driver {
                        body["driver"] = json!(driver);
                    }
                    body
                }
            };
            let entry = put(&client, "freezes", &args.name, &body).await?;
            show(global.output, &entry, describe);
        }
        FreezeCommand::List => {
            let entries: Vec<Entry> = client.get("/v1/calendar/freezes").await?;
            show(global.output, &entries, |entries| rows(entries));
        }
        FreezeCommand::Remove { name } => {
            let entry: Entry = client.delete(&path("freezes", &name)).await?;
            show(global.output, &entry, |entry| format!("{} is removed", entry.name));
        }
    }
    Ok(())
}

fn whose(freeze: &Freeze) -> String {
    let names = freeze.personas.iter().map(PersonaName::as_str).collect::<Vec<_>>().join(", ");
    match (&freeze.driver, names.as_str()) {
        (None, "") => "everybody".to_owned(),
        (None, _) => names,
        (Some(driver), "") => format!("all of {driver}"),
        (Some(driver), _) => format!("all of {driver}, {names}"),
    }
}

fn allowed(freeze: &Freeze) -> &'static str {
    match freeze.allows {
        Allowed::Nothing => "nothing",
        Allowed::ScaleOut => "scale out",
    }
}

fn describe(entry: &Entry) -> String {
    let What::Freeze(freeze) = &entry.what else { return entry.name.to_string() };
    format!("{}: plans of {} are held from {} to {}", entry.name, whose(freeze), freeze.from, freeze.until)
}

fn rows(entries: &[Entry]) -> String {
    let mut rows = table(&["NAME", "WHOSE", "ALLOWS", "FROM", "UNTIL", "BY", "NOTE"]);
    for entry in entries {
        let What::Freeze(freeze) = &entry.what else { continue };
        rows.add_row([
            entry.name.to_string(),
            whose(freeze),
            allowed(freeze).to_owned(),
            freeze.from.to_string(),
            freeze.until.to_string(),
            entry.applied_by.clone(),
            or_dash(Some(&freeze.note).filter(|note| !note.is_empty())),
        ]);
    }
    text(&rows, "nothing is frozen")
}
