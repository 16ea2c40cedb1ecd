//! `forewarm plugin`: what a host carries, and what an author or operator does with one file. One file per verb.

mod list;

use super::Global;
use super::error::CliError;
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(super) enum PluginCommand {
    /// List plugins, those that could not be loaded included
    List,
}

pub(super) async fn run(global: &Global, command: PluginCommand) -> Result<(), CliError> {
    match command {
        PluginCommand::List => list::run(global).await,
    }
}
