//! `forewarm persona`: look at personas and apply them.

use super::client::{Client, segment};
use super::error::CliError;
use super::output::{number, or_dash, show, table, text};
use super::{Format, Global};
use crate::core::{PersonaStatus, ShellStatus, Spent};
use crate::http::HostStatus;
use clap::Subcommand;
use forewarm_domain::persona::Persona;
use reqwest::Method;
use serde_json::Value;
use std::path::{Path, PathBuf};

#[derive(Debug, Subcommand)]
pub(super) enum PersonaCommand {
    /// List personas with their instances, load and plan
    List,
    /// Show the newest version of a persona
    Show {
        /// The persona
        name: String,
        /// Show all versions, the newest first
        #[arg(long)]
        versions: bool,
    },
    /// Show what the instances of a persona have cost, and what is left of its budget
    Spent {
        /// The persona
        name: String,
    },
    /// Apply a persona from a TOML or JSON file
    Apply {
        /// The file, ending in .toml or .json
        file: PathBuf,
        /// Only if this is the newest version; 0 for a persona that must not exist yet
        #[arg(long, value_name = "VERSION")]
        expect_version: Option<u32>,
    },
}

pub(super) async fn run(global: &Global, command: PersonaCommand) -> Result<(), CliError> {
    let client = global.client()?;
    match command {
        PersonaCommand::List => {
            let status: HostStatus = client.get("/v1/status").await?;
            show(global.output, &status.status.personas, |_| list(&status));
        }
        PersonaCommand::Show { name, versions: false } => {
            let persona: Persona = client.get(&format!("/v1/personas/{}", segment(&name))).await?;
            show(global.output, &persona, describe);
        }
        PersonaCommand::Show { name, versions: true } => {
            let versions: Vec<Persona> = client.get(&format!("/v1/personas/{}/versions", segment(&name))).await?;
            show(global.output, &versions, |versions| versions.iter().map(describe).collect::<Vec<_>>().join("\n\n"));
        }
        PersonaCommand::Spent { name } => {
            let spent: Vec<Spent> = client.get(&format!("/v1/personas/{}/spent", segment(&name))).await?;
            show(global.output, &spent, |spent| money(spent));
        }
        PersonaCommand::Apply { file, expect_version } => apply(&client, global.output, &file, expect_version).await?,
    }
    Ok(())
}

fn list(status: &HostStatus) -> String {
    let head = ["NAME", "VERSION", "LOAD", "WANTED", "ACTIVE", "WARM", "BOOTING", "PARKED", "WAITING", "BOUNDED BY"];
    let mut rows = table(&head);
    for persona in &status.status.personas {
        let stock = persona.stock;
        rows.add_row([
            persona.name.to_string(),
            persona.version.to_string(),
            or_dash(persona.load.map(number)),
            or_dash(persona.wanted),
            stock.active.to_string(),
            stock.warm.to_string(),
            stock.booting.to_string(),
            stock.parked.to_string(),
            stock.waiting.to_string(),
            or_dash(Some(bounds(persona)).filter(|bounds| !bounds.is_empty())),
        ]);
    }
    let personas = text(&rows, "there are no personas yet: `forewarm persona apply FILE` makes one");
    let used = |shells: &&ShellStatus| shells.held > 0 || shells.wanted > 0;
    let shells: Vec<&ShellStatus> = status.status.shells.iter().filter(used).collect();
    if shells.is_empty() { personas } else { format!("{personas}\n\n{}", list_shells(&shells)) }
}

fn list_shells(shells: &[&ShellStatus]) -> String {
    let mut rows = table(&["SHELLS", "PERSONAS", "WANTED", "EACH FOR ITSELF", "HELD", "BUILDING"]);
    for ShellStatus { class, personas, held, building, wanted, alone, .. } in shells {
        let figures = [personas, wanted, alone, held, building].map(ToString::to_string);
        rows.add_row(std::iter::once(class.to_string()).chain(figures));
    }
    text(&rows, "")
}

fn bounds(persona: &PersonaStatus) -> String {
    persona.bounds.iter().map(|bound| bound.as_str()).collect::<Vec<_>>().join(", ")
}

fn money(spent: &[Spent]) -> String {
    let mut rows = table(&["PERIOD", "SINCE", "SPENT", "BUDGET", "LEFT", "AN HOUR EACH"]);
    let amount = |value: Option<f64>| or_dash(value.map(|value| format!("{value:.4}")));
    for one in spent {
        rows.add_row([
            one.period.as_str().to_owned(),
            one.since.to_string(),
            amount(Some(one.spent)),
            amount(one.budget),
            amount(one.left),
            amount(one.per_hour),
        ]);
    }
    text(&rows, "")
}

fn describe(persona: &Persona) -> String {
    let head = format!("# version {}, applied {} by {}", persona.version, persona.applied_at, persona.applied_by);
    let body = toml::to_string_pretty(&persona.spec).unwrap_or_else(|error| error.to_string());
    format!("{head}\n{}", body.trim_end())
}

async fn apply(client: &Client, format: Format, file: &Path, expect_version: Option<u32>) -> Result<(), CliError> {
    let spec = read(file)?;
    let Some(name) = spec.get("name").and_then(Value::as_str) else {
        return Err(CliError::file(file, "is no persona", "it has no `name`"));
    };
    let headers: Vec<(&'static str, String)> = match expect_version {
        None => vec![],
        Some(0) => vec![("if-none-match", "*".into())],
        Some(version) => vec![("if-match", format!("\"{version}\""))],
    };
    let path = format!("/v1/personas/{}", segment(name));
    let persona: Persona = client.send(Method::PUT, &path, &headers, &spec).await?;
    show(format, &persona, |persona| format!("{} is at version {}", persona.spec.name, persona.version));
    Ok(())
}

/// The document as it stands: what is in it is for the host to judge, so that there is one judge.
fn read(file: &Path) -> Result<Value, CliError> {
    let text = std::fs::read_to_string(file).map_err(|error| CliError::file(file, "cannot be read", error))?;
    let broken = |error: &dyn std::fmt::Display| CliError::file(file, "cannot be understood", error);
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("json") => serde_json::from_str(&text).map_err(|error| broken(&error)),
        Some("toml") => toml::from_str(&text).map_err(|error| broken(&error)),
        _ => Err(CliError::file(file, "is of an unknown kind", "its name must end in .toml or .json")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_file_are_read_alike() {
        let dir = tempfile::tempdir().expect("a directory");
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).expect("written");
            path
        };
        let toml = read(&write("a.toml", "name = \"web\"\n[allocation]\ncpu_millis = 5\n")).expect("TOML");
        let json = read(&write("a.json", r#"{"name":"web","allocation":{"cpu_millis":5}}"#)).expect("JSON");
        assert_eq!(toml, json);
        let error = read(&write("a.yaml", "name: web")).expect_err("unknown kind").to_string();
        assert!(error.contains(".toml or .json"), "{error}");
        let error = read(&write("b.toml", "name = ")).expect_err("broken").to_string();
        assert!(error.contains("cannot be understood"), "{error}");
    }
}
