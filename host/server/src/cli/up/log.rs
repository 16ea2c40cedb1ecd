//! The log of a host on standard error, as configured.

use crate::cli::CliError;
use crate::config::{LogConfig, LogFormat};
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

/// Starts to write the log.
pub(super) fn start(config: &LogConfig) -> Result<(), CliError> {
    let filter = EnvFilter::builder().parse(&config.level).map_err(|error| CliError::Failed(error.to_string()))?;
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let colour = std::io::stderr().is_terminal() && !plain;
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colour);
    let started = match config.format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    started.map_err(|error| CliError::Failed(format!("the log cannot be written: {error}")))
}
