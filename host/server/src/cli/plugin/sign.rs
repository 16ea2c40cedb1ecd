//! `forewarm plugin sign`: a detached signature beside a component.

use super::files::{KeyPassword, component, secret_key};
use crate::cli::Global;
use crate::cli::error::CliError;
use crate::cli::output::show;
use clap::Args;
use forewarm_packages::{Digest, Release, sign, signature_path, write};
use forewarm_runtime::Description;
use serde_json::json;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(in crate::cli) struct SignArgs {
    /// The component; its signature goes to FILE.minisig
    file: PathBuf,
    /// The secret key, as `forewarm plugin keygen` wrote it
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    #[command(flatten)]
    password: KeyPassword,
}

pub(super) fn run(global: &Global, args: &SignArgs) -> Result<(), CliError> {
    let bytes = component(&args.file, &global.config()?)?;
    let unfit = |error: &dyn std::fmt::Display| CliError::file(&args.file, "is no plugin of this host", error);
    let description = Description::read(&bytes).map_err(|error| unfit(&error))?;
    let release = Release::of(&description.manifest).map_err(|error| unfit(&error))?;
    let secret = secret_key(&args.key)?;
    let password = args.password.read()?;
    let signature = sign(&bytes, &secret, password.as_deref(), &release.to_string())
        .map_err(|error| CliError::file(&args.key, "can't sign", error))?;
    let path = signature_path(&args.file);
    write(&path, signature.as_str().as_bytes()).map_err(|error| CliError::file(&path, "can't be written", error))?;
    let digest = Digest::of(&bytes);
    let signed = json!({ "release": release.to_string(), "digest": digest, "signature_file": path });
    show(global.output, &signed, |_| format!("{release} is signed: {}\n{digest}", path.display()));
    Ok(())
}
