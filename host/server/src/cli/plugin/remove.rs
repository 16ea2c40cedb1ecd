//! `forewarm plugin remove`: takes out what was installed.

use super::files::store;
use crate::cli::Global;
use crate::cli::error::CliError;
use crate::cli::output::show;
use clap::Args;
use forewarm_packages::{Selection, StoreError};

#[derive(Debug, Args)]
pub(in crate::cli) struct RemoveArgs {
    /// The plugin, in one version or in all of them
    #[arg(value_name = "NAME[@VERSION]")]
    plugin: Selection,
}

pub(super) fn run(global: &Global, args: &RemoveArgs) -> Result<(), CliError> {
    let (_, store) = store(global)?;
    let removed = store.remove(&args.plugin).map_err(|error| match error {
        StoreError::Missing(_) => CliError::Usage(error.to_string()),
        error => CliError::Failed(error.to_string()),
    })?;
    let removed: Vec<String> = removed.iter().map(ToString::to_string).collect();
    show(global.output, &removed, |removed| {
        format!("removed: {}; a running host keeps what it has loaded until it ends", removed.join(", "))
    });
    Ok(())
}
