//! `forewarm plugin activate`: which version of a plugin answers.

use crate::cli::Global;
use crate::cli::client::segment;
use crate::cli::error::CliError;
use crate::cli::output::show;
use clap::Args;
use serde_json::{Value, json};

#[derive(Debug, Args)]
pub(in crate::cli) struct ActivateArgs {
    /// The plugin
    name: String,
    /// The version, as `forewarm plugin list` shows it
    #[arg(id = "plugin_version", value_name = "VERSION")]
    version: String,
}

pub(super) async fn run(global: &Global, args: &ActivateArgs) -> Result<(), CliError> {
    let path = format!("/v1/plugins/{}/activate", segment(&args.name));
    let plugin: Value = global.client()?.post(&path, &json!({ "version": args.version })).await?;
    show(global.output, &plugin, |_| format!("{} {} answers now", args.name, args.version));
    Ok(())
}
