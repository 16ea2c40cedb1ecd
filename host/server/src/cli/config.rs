//! `forewarm config`: what is in effect.

use super::error::CliError;
use super::output::show;
use super::{Format, Global};
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Print the configuration in effect, without secrets
    Show,
}

pub(super) fn run(global: &Global, command: &ConfigCommand) -> Result<(), CliError> {
    let ConfigCommand::Show = command;
    let config = global.config()?;
    let toml = match global.output {
        Format::Text => config.to_toml().map_err(|error| CliError::Failed(error.to_string()))?,
        Format::Json => String::new(),
    };
    show(global.output, &config, |_| toml);
    Ok(())
}
