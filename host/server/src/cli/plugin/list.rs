//! `forewarm plugin list`: what a host carries.

use crate::cli::Global;
use crate::cli::error::CliError;
use crate::cli::output::{show, table, text};
use serde_json::Value;

pub(super) async fn run(global: &Global) -> Result<(), CliError> {
    let plugins: Vec<Value> = global.client()?.get("/v1/plugins").await?;
    show(global.output, &plugins, |plugins| rows(plugins));
    Ok(())
}

pub(super) fn rows(plugins: &[Value]) -> String {
    let mut rows = table(&["NAME", "VERSION", "KIND", "CALLS", "TRAPS", "LATE", "PEAK MIB", "STATE"]);
    for plugin in plugins {
        let field = |key: &str| match plugin.get(key) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            _ => "-".to_owned(),
        };
        let name = if plugin["name"].is_null() { field("file") } else { field("name") };
        let peak = plugin["peak_memory_bytes"].as_u64().map_or(0, |bytes| bytes.div_ceil(1 << 20));
        rows.add_row([
            name,
            field("version"),
            field("kind"),
            field("calls"),
            field("traps"),
            field("deadlines"),
            peak.to_string(),
            state(plugin),
        ]);
    }
    text(&rows, "the host carries no plugins: put .wasm files into its plugin folder (plugins.dir)")
}

/// Whether calls reach this version, and why not.
fn state(plugin: &Value) -> String {
    if let Some(error) = plugin["error"].as_str() {
        return format!("not loaded: {error}");
    }
    let supervision = plugin["supervision"].as_str().unwrap_or("ready").replace('_', " ");
    let reason = plugin["supervision_reason"].as_str().map_or_else(String::new, |reason| format!(": {reason}"));
    let standby = if plugin["active"] == false { " (standby)" } else { "" };
    format!("{supervision}{standby}{reason}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_that_was_not_loaded_is_shown_by_its_file() {
        let broken = serde_json::json!({ "file": "x.wasm", "name": null, "calls": 0, "peak_memory_bytes": 0, "error": "no manifest" });
        let shown = rows(&[broken]);
        assert!(shown.contains("x.wasm") && shown.contains("not loaded: no manifest"), "{shown}");
    }

    #[test]
    fn a_plugin_that_is_held_back_says_why() {
        let held =
            serde_json::json!({ "active": true, "supervision": "quarantined", "supervision_reason": "5 failures" });
        assert_eq!(state(&held), "quarantined: 5 failures");
        assert_eq!(state(&serde_json::json!({ "active": false, "supervision": "ready" })), "ready (standby)");
    }
}
