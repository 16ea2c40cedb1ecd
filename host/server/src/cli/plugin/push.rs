//! `forewarm plugin push`: a component, with its signature, to an OCI registry.

use super::files::component;
use super::registry::{RegistryArgs, failed};
use crate::cli::Global;
use crate::cli::error::CliError;
use crate::cli::output::show;
use clap::Args;
use forewarm_packages::{Digest, Reference, Release, Signature, annotation, signature_beside};
use forewarm_runtime::Description;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(in crate::cli) struct PushArgs {
    /// The component; its signature is taken from FILE.minisig
    file: PathBuf,
    /// Where to: REGISTRY/REPOSITORY:TAG; the tag is the plugin's version unless given
    reference: Reference,
    /// Where the plugin's list of ingredients (SBOM) is
    #[arg(long, value_name = "REFERENCE")]
    sbom: Option<String>,
    /// Where the record of how the plugin was built is
    #[arg(long, value_name = "REFERENCE")]
    provenance: Option<String>,
    /// Push a plugin without a signature
    #[arg(long)]
    allow_unsigned: bool,
    #[command(flatten)]
    registry: RegistryArgs,
}

pub(super) async fn run(global: &Global, args: PushArgs) -> Result<(), CliError> {
    let bytes = component(&args.file, &global.config()?)?;
    let unfit = |error: &dyn std::fmt::Display| CliError::file(&args.file, "is no plugin of this host", error);
    let description = Description::read(&bytes).map_err(|error| unfit(&error))?;
    let release = Release::of(&description.manifest).map_err(|error| unfit(&error))?;
    let signature = signature(&args, &bytes)?;
    let target = target(&args.reference, &release)?;
    let annotations = annotations(&args, &description, signature.as_ref());
    let mut registry = args.registry.open(&target)?;
    let pushed = registry.push(bytes, &description, annotations, created_s()?).await.map_err(failed)?;
    let shown = json!({ "reference": pushed.reference.to_string(), "digest": pushed.reference.digest,
        "component": pushed.component, "release": release.to_string(), "signed": signature.is_some() });
    show(global.output, &shown, |_| format!("{release} is pushed:\n{}", pushed.reference));
    Ok(())
}

/// A digest is what comes of it, not what is asked for.
fn target(reference: &Reference, release: &Release) -> Result<Reference, CliError> {
    if reference.digest.is_some() {
        return Err(CliError::Usage(format!("{reference} has a digest: push to a tag, the digest comes of it")));
    }
    // A tag has no `+`, which versions may have.
    let tag = reference.tag.clone().unwrap_or_else(|| release.version.as_str().replace('+', "_"));
    Ok(Reference { tag: Some(tag), ..reference.clone() })
}

/// The signature beside the file. That it is of these very bytes is all that can be seen without a public key.
fn signature(args: &PushArgs, component: &[u8]) -> Result<Option<Signature>, CliError> {
    let sign_again = "sign it with `forewarm plugin sign`";
    let signature =
        signature_beside(&args.file).map_err(|error| CliError::file(&args.file, "can't be pushed", error))?;
    match &signature {
        None if !args.allow_unsigned => {
            let why = format!("{sign_again}, or say --allow-unsigned");
            Err(CliError::file(&args.file, "is not signed", why))
        }
        Some(signature) if signature.claimed_digest().is_some_and(|digest| digest != Digest::of(component)) => {
            Err(CliError::file(&args.file, "was changed after it was signed", format!("{sign_again} again")))
        }
        _ => Ok(signature),
    }
}

fn annotations(args: &PushArgs, description: &Description, signature: Option<&Signature>) -> BTreeMap<String, String> {
    let manifest = &description.manifest;
    let always = [
        (annotation::TITLE, Some(manifest.name.to_string())),
        (annotation::VERSION, Some(manifest.version.clone())),
        (annotation::DESCRIPTION, Some(manifest.summary.clone())),
        (annotation::KIND, Some(manifest.kind.to_string())),
        (annotation::SBOM, args.sbom.clone()),
        (annotation::PROVENANCE, args.provenance.clone()),
        (annotation::SIGNATURE, signature.map(|signature| signature.as_str().to_owned())),
    ];
    always.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
}

/// When the component was made, as reproducible builds say it; 1970 otherwise, so that the same component pushed twice
/// has one digest.
fn created_s() -> Result<i64, CliError> {
    match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(text) => {
            text.parse().map_err(|_| CliError::Usage(format!("SOURCE_DATE_EPOCH is `{text}`: use seconds since 1970")))
        }
        Err(_) => Ok(0),
    }
}
