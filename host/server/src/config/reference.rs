//! The reference of all keys, written from the structs' own documentation and defaults.

use super::Config;
use forewarm_market::MarketConfig;
use forewarm_market::auth::LimitsConfig;
use forewarm_market::webhooks::WebhookConfig;
use std::fmt::Write as _;
use utoipa::PartialSchema;
use utoipa::openapi::{RefOr, Schema};

/// One documented key.
struct Key {
    name: String,
    default: String,
    documentation: String,
}

/// The page `docs/configuration.md`.
#[must_use]
pub fn page() -> String {
    let defaults = serde_json::to_value(Config::new("", "")).unwrap_or_default();
    let mut page = String::from(HEAD);
    let sections = sections();
    for (title, prefix, schema) in &sections {
        let keys = keys(prefix, schema, &defaults)
            .into_iter()
            .filter(|key| !sections.iter().any(|(_, prefix, _)| *prefix == format!("{}.", key.name)));
        let _ = write!(page, "\n## {title}\n\n{}\n\n| key | default | meaning |\n|---|---|---|\n", about(schema));
        for key in keys {
            let Key { name, default, documentation } = key;
            let _ = writeln!(page, "| `{name}` | {default} | {documentation} |");
        }
    }
    page
}

const HEAD: &str = "# Configuration

Values come from these places; a later one wins:

1. the defaults below,
2. a TOML file: `--config FILE`, or the environment variable `FOREWARM_CONFIG`,
3. environment variables: `FOREWARM__`, then the key in capitals with `__` for each dot, such as `FOREWARM__HTTP__LISTEN`,
4. flags, such as `--listen`.

An unknown key, a wrong type and a value out of range are errors that name the place, before anything is started.
`forewarm config show` prints what is in effect, without secrets.
";

fn sections() -> Vec<(&'static str, String, Schema)> {
    let plain = |schema: RefOr<Schema>| match schema {
        RefOr::T(schema) => Some(schema),
        RefOr::Ref(_) => None,
    };
    [
        ("Data", "", plain(Config::schema())),
        ("HTTP", "http.", plain(super::HttpConfig::schema())),
        ("Store", "store.", plain(super::StoreConfig::schema())),
        ("Ingest", "ingest.", plain(super::IngestConfig::schema())),
        ("Remote write", "ingest.remote_write.", plain(super::RemoteWriteConfig::schema())),
        ("Planning", "planning.", plain(super::PlanningConfig::schema())),
        ("Plugins", "plugins.", plain(super::PluginsConfig::schema())),
        ("Compiling plugins", "plugins.compile.", plain(super::CompileConfig::schema())),
        ("Limits of plugins", "plugins.limits.", plain(super::PluginLimits::schema())),
        ("Supervision of plugins", "plugins.supervision.", plain(super::PluginSupervision::schema())),
        ("Single plugins", "plugins.settings.NAME.", plain(super::PluginSettings::schema())),
        ("Requests of plugins", "plugins.settings.NAME.http.", plain(super::PluginHttp::schema())),
        (
            "Destinations of plugins",
            "plugins.settings.NAME.http.destinations[].",
            plain(super::PluginDestination::schema()),
        ),
        (
            "Secrets of plugins",
            "plugins.settings.NAME.http.destinations[].secret_headers.HEADER.",
            plain(super::SecretSource::schema()),
        ),
        ("Market", "market.", plain(super::MarketSection::schema())),
        ("Rules of the market", "market.rules.", plain(MarketConfig::schema())),
        ("Limits of the market's tenants", "market.limits.", plain(LimitsConfig::schema())),
        ("Webhooks of the market", "market.webhooks.", plain(WebhookConfig::schema())),
        ("Bus", "bus.", plain(super::BusConfig::schema())),
        ("Log", "log.", plain(super::LogConfig::schema())),
    ]
    .into_iter()
    .filter_map(|(title, prefix, schema)| Some((title, prefix.to_owned(), schema?)))
    .collect()
}

fn keys(prefix: &str, schema: &Schema, defaults: &serde_json::Value) -> Vec<Key> {
    let Schema::Object(object) = schema else { return Vec::new() };
    object.properties.iter().filter_map(|(name, property)| key(prefix, name, property, defaults)).collect()
}

fn key(prefix: &str, name: &str, property: &RefOr<Schema>, defaults: &serde_json::Value) -> Option<Key> {
    let full = format!("{prefix}{name}");
    let pointer = format!("/{}", full.replace('.', "/"));
    let default = defaults.pointer(&pointer);
    let default = match default {
        Some(serde_json::Value::String(text)) if text.is_empty() => "this machine's".to_owned(),
        Some(value) => format!("`{value}`"),
        None => String::new(),
    };
    Some(Key { name: full, default, documentation: documentation(property) })
}

fn about(schema: &Schema) -> String {
    serde_json::to_value(schema).map(|value| description(&value)).unwrap_or_default()
}

fn documentation(property: &RefOr<Schema>) -> String {
    serde_json::to_value(property).map(|value| description(&value)).unwrap_or_default()
}

fn description(schema: &serde_json::Value) -> String {
    let alternatives = ["oneOf", "allOf"].into_iter().filter_map(|key| schema.get(key)?.as_array()).flatten();
    let mut texts = std::iter::once(schema).chain(alternatives).filter_map(|part| part.get("description")?.as_str());
    texts.next_back().unwrap_or_default().replace('\n', " ").replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_up_to_date() {
        crate::snapshot::check("docs/configuration.md", &page());
    }

    #[test]
    fn every_key_with_a_default_is_on_the_page() {
        let defaults = serde_json::to_value(Config::new("", "")).expect("serialises");
        let page = page();
        for (section, values) in defaults.as_object().expect("a table") {
            for key in values.as_object().into_iter().flatten().filter(|(_, value)| !value.is_object()) {
                assert!(page.contains(&format!("`{section}.{}`", key.0)), "{section}.{}", key.0);
            }
        }
    }
}
