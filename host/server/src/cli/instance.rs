//! `forewarm instance`: what an operator decides on instances that could not be wiped.

use super::Global;
use super::error::CliError;
use super::output::show;
use clap::Subcommand;
use forewarm_domain::id::InstanceId;
use forewarm_domain::instance::Instance;
use serde_json::json;

#[derive(Debug, Subcommand)]
pub(super) enum InstanceCommand {
    /// Wipe a quarantined instance once more; when that succeeds, it is its persona's again
    Release {
        /// The instance
        id: InstanceId,
    },
    /// Destroy a quarantined instance
    Destroy {
        /// The instance
        id: InstanceId,
    },
}

pub(super) async fn run(global: &Global, command: InstanceCommand) -> Result<(), CliError> {
    let (id, verb) = match command {
        InstanceCommand::Release { id } => (id, "release"),
        InstanceCommand::Destroy { id } => (id, "destroy"),
    };
    let instance: Instance = global.client()?.post(&format!("/v1/instances/{id}/{verb}"), &json!({})).await?;
    show(global.output, &instance, |one| format!("instance {} of {} is {}", one.id, one.persona, one.state.as_str()));
    Ok(())
}
