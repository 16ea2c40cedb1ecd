//! `forewarm plugin rescan`: takes in what is new in the host's plugin folder.

use super::list;
use crate::cli::Global;
use crate::cli::error::CliError;
use crate::cli::output::show;
use serde_json::{Value, json};

pub(super) async fn run(global: &Global) -> Result<(), CliError> {
    let plugins: Vec<Value> = global.client()?.post("/v1/plugins/rescan", &json!({})).await?;
    show(global.output, &plugins, |plugins| list::rows(plugins));
    Ok(())
}
