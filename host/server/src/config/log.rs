//! What the host says of itself on standard error.

use super::Faults;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What the host says of itself on standard error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// `text` for people, `json` for machines.
    pub format: LogFormat,
    /// What is told: `error`, `warn`, `info`, `debug` or `trace`, or directives such as `info,forewarm_server::http=debug`.
    pub level: String,
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// One line per event, for people.
    Text,
    /// One JSON object per event.
    Json,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { format: LogFormat::Text, level: "info,sea_orm_migration=warn".into() }
    }
}

impl LogConfig {
    pub(super) fn check(&self, faults: &mut Faults) {
        if let Err(error) = tracing_subscriber::EnvFilter::builder().parse(&self.level) {
            let help = "use error, warn, info, debug or trace, or directives such as info,forewarm_server::http=debug";
            faults.push("log.level", format!("is `{}`: {error}", self.level), help);
        }
    }
}
