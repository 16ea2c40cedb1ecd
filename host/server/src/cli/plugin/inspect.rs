//! `forewarm plugin inspect`: one plugin of a running host with its limits and counters, or what a file says about itself.

use crate::cli::Global;
use crate::cli::error::CliError;
use crate::cli::output::{show, table, text};
use clap::Args;
use forewarm_runtime::ComponentInfo;
use serde_json::Value;
use std::path::Path;

#[derive(Debug, Args)]
pub(in crate::cli) struct InspectArgs {
    /// A plugin of the host, by name; or a component, by its path, which ends in .wasm
    #[arg(value_name = "NAME|FILE")]
    what: String,
}

pub(super) async fn run(global: &Global, args: &InspectArgs) -> Result<(), CliError> {
    let path = Path::new(&args.what);
    let found = if path.extension().is_some_and(|extension| extension == "wasm") {
        file(path)?
    } else {
        carried(global, &args.what).await?
    };
    show(global.output, &found, page);
    Ok(())
}

/// Reads a file without compiling or running anything of it.
fn file(path: &Path) -> Result<Value, CliError> {
    let bytes = std::fs::read(path).map_err(|error| CliError::file(path, "can't be read", error))?;
    let info = ComponentInfo::read(&bytes).map_err(|error| CliError::file(path, "is no plugin", error))?;
    serde_json::to_value(info).map_err(|error| CliError::Failed(error.to_string()))
}

async fn carried(global: &Global, name: &str) -> Result<Value, CliError> {
    let plugins: Vec<Value> = global.client()?.get("/v1/plugins").await?;
    let names: Vec<String> = plugins.iter().filter_map(|plugin| Some(plugin["name"].as_str()?.to_owned())).collect();
    let found: Vec<Value> = plugins.into_iter().filter(|plugin| plugin["name"] == name).collect();
    if found.is_empty() {
        let carried = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        return Err(CliError::Usage(format!("the host carries no plugin named {name}; it carries: {carried}")));
    }
    Ok(Value::Array(found))
}

/// Every value on a line of its own, after its place.
fn page(found: &Value) -> String {
    let mut rows = table(&["WHAT", "VALUE"]);
    let mut lines = Vec::new();
    match found {
        Value::Array(versions) => versions.iter().for_each(|version| flatten("", version, &mut lines)),
        one => flatten("", one, &mut lines),
    }
    for (place, value) in lines {
        rows.add_row([place, value]);
    }
    text(&rows, "")
}

fn flatten(place: &str, value: &Value, lines: &mut Vec<(String, String)>) {
    match value {
        // A schema is shown to programs; to people it is many lines of JSON that say little.
        Value::Object(_) if place.ends_with("parameters") => {}
        Value::Object(members) => {
            for (key, member) in members {
                let place = if place.is_empty() { key.clone() } else { format!("{place}.{key}") };
                flatten(&place, member, lines);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| flatten(place, item, lines)),
        Value::Null => {}
        Value::String(text) => lines.push((place.to_owned(), text.clone())),
        other => lines.push((place.to_owned(), other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_shown_line_by_line() {
        let found = serde_json::json!([{
            "name": "web", "error": null,
            "usage": { "effective": { "memory_mib": 64 }, "failures": { "deadline": 3 } }
        }]);
        let shown = page(&found);
        for line in ["name", "web", "usage.effective.memory_mib", "64", "usage.failures.deadline", "3"] {
            assert!(shown.contains(line), "{line} is missing in\n{shown}");
        }
        assert!(!shown.contains("error"), "{shown}");
    }

    #[test]
    fn a_file_that_is_no_plugin_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.wasm");
        let error = file(&path).expect_err("missing").to_string();
        assert!(error.contains("x.wasm can't be read"), "{error}");
        std::fs::write(&path, "text").expect("writes");
        let error = file(&path).expect_err("no component").to_string();
        assert!(error.contains("x.wasm is no plugin: this is not a WebAssembly component"), "{error}");
    }
}
