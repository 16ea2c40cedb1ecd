//! `forewarm plugin pull`: a component and its signature from an OCI registry into files.

use super::files::max_component_bytes;
use super::registry::{RegistryArgs, pull};
use crate::cli::Global;
use crate::cli::error::CliError;
use crate::cli::output::show;
use clap::Args;
use forewarm_packages::{Candidate, Digest, Reference, Release, partial_in, signature_path, write};
use forewarm_runtime::Manifest;
use serde_json::json;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(in crate::cli) struct PullArgs {
    /// What: REGISTRY/REPOSITORY:TAG or REGISTRY/REPOSITORY@sha256:DIGEST
    reference: Reference,
    /// The folder that gets NAME@VERSION.wasm and its signature
    #[arg(long, value_name = "DIR", default_value = ".")]
    to: PathBuf,
    #[command(flatten)]
    registry: RegistryArgs,
}

pub(super) async fn run(global: &Global, args: PullArgs) -> Result<(), CliError> {
    let registry = args.registry.open(&args.reference)?;
    let max = max_component_bytes(&global.config()?);
    let candidate = pull(registry, |artifact| Ok(partial_in(&args.to, artifact.component)), max).await?;
    let unfit = |error: &dyn std::fmt::Display| CliError::Failed(format!("{} is no plugin: {error}", candidate.source));
    let manifest = Manifest::read(&candidate.component).map_err(|error| unfit(&error))?;
    let release = Release::of(&manifest).map_err(|error| unfit(&error))?;
    let file = args.to.join(format!("{release}.wasm"));
    keep(&candidate, &file)?;
    let digest = Digest::of(&candidate.component);
    let shown = json!({ "file": file, "reference": candidate.source, "component": digest,
        "signed": candidate.signature.is_some(), "annotations": candidate.annotations });
    show(global.output, &shown, |_| format!("{} is pulled from\n{}", file.display(), candidate.source));
    Ok(())
}

/// The signature goes first, so that no component lies there as unsigned which is not. Nothing is verified here but
/// that both are what the registry's digest says.
fn keep(candidate: &Candidate, file: &Path) -> Result<(), CliError> {
    let signature = signature_path(file);
    let unwritable = |path: &Path, error| CliError::file(path, "can't be written", error);
    match &candidate.signature {
        Some(text) => write(&signature, text.as_str().as_bytes()).map_err(|error| unwritable(&signature, error))?,
        None if signature.exists() => {
            std::fs::remove_file(&signature).map_err(|error| unwritable(&signature, error))?;
        }
        None => {}
    }
    write(file, &candidate.component).map_err(|error| unwritable(file, error))
}
