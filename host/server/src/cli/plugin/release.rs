//! `forewarm plugin release`: lets the calls of a quarantined plugin through again.

use crate::cli::Global;
use crate::cli::client::segment;
use crate::cli::error::CliError;
use crate::cli::output::show;
use clap::Args;
use serde_json::{Value, json};

#[derive(Debug, Args)]
pub(in crate::cli) struct ReleaseArgs {
    /// The plugin
    name: String,
}

pub(super) async fn run(global: &Global, args: &ReleaseArgs) -> Result<(), CliError> {
    let path = format!("/v1/plugins/{}/release", segment(&args.name));
    let plugin: Value = global.client()?.post(&path, &json!({})).await?;
    show(global.output, &plugin, |_| format!("calls to {} are let through", args.name));
    Ok(())
}
