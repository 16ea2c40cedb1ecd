//! `forewarm event` and `forewarm freeze`: what is planned ahead, put into the calendar, listed and removed.

mod event;
mod freeze;

pub(super) use event::{EventCommand, run as event};
pub(super) use freeze::{FreezeCommand, run as freeze};

use super::client::{Client, segment};
use super::error::CliError;
use crate::http::HostStatus;
use clap::Args;
use forewarm_domain::calendar::{Entry, instant, length_ms};
use forewarm_domain::persona::Zone;
use reqwest::Method;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// When it is.
#[derive(Debug, Args)]
struct When {
    /// When it begins, such as `friday 9:00`, `2026-12-04 09:00`, `now` or an RFC 3339 instant
    #[arg(long, value_name = "WHEN", required_unless_present = "file")]
    from: Option<String>,
    /// When it ends, in the same forms
    #[arg(long, value_name = "WHEN", conflicts_with = "length")]
    until: Option<String>,
    /// How long it lasts, such as 4h, 90m or 2d
    #[arg(long = "for", value_name = "LENGTH", required_unless_present_any = ["until", "file"])]
    length: Option<String>,
    /// Whose clocks count, such as Europe/Berlin
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    time_zone: String,
    /// What it is, for those who read the plans
    #[arg(long, default_value = "")]
    note: String,
    /// Take it from a JSON file instead, in the form of the API
    #[arg(long, value_name = "FILE", conflicts_with_all = ["from", "until", "length"])]
    file: Option<PathBuf>,
}

impl When {
    /// The fields `from`, `until` and `note` of an entry, by the host's clock.
    async fn fields(&self, client: &Client) -> Result<Value, CliError> {
        let usage = |error: &dyn std::fmt::Display| CliError::Usage(error.to_string());
        let zone: Zone = self.time_zone.clone().try_into().map_err(|error| usage(&error))?;
        let now = client.get::<HostStatus>("/v1/status").await?.status.at;
        let from = self.from.as_deref().unwrap_or("now");
        let from = instant(from, now, &zone).map_err(|error| usage(&error))?;
        let until = match (&self.until, &self.length) {
            // An end is the next one after the beginning.
            (Some(until), _) => instant(until, from, &zone).map_err(|error| usage(&error))?,
            (None, Some(length)) => from + length_ms(length).map_err(|error| usage(&error))?,
            (None, None) => return Err(usage(&"say when it ends: --until or --for")),
        };
        Ok(serde_json::json!({ "from": from, "until": until, "note": self.note }))
    }
}

/// The document of a file, as it stands: what is in it is for the host to judge.
fn read(file: &Path) -> Result<Value, CliError> {
    let text = std::fs::read_to_string(file).map_err(|error| CliError::file(file, "cannot be read", error))?;
    serde_json::from_str(&text).map_err(|error| CliError::file(file, "cannot be understood", error))
}

async fn put(client: &Client, place: &str, name: &str, body: &Value) -> Result<Entry, CliError> {
    client.send(Method::PUT, &path(place, name), &[], body).await
}

fn path(place: &str, name: &str) -> String {
    format!("/v1/calendar/{place}/{}", segment(name))
}
