//! `forewarm plugin install`: verifies a component and puts it where the host loads it.

use super::files::{component, max_component_bytes, store};
use super::registry::{RegistryArgs, is_file, pull};
use crate::cli::Global;
use crate::cli::error::CliError;
use crate::cli::output::show;
use crate::config::Config;
use clap::Args;
use forewarm_packages::{
    Candidate, Change, InstallOptions, Outcome, Reference, Store, Trust, install, signature_beside,
};
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

#[derive(Debug, Args)]
pub(in crate::cli) struct InstallArgs {
    /// What: REGISTRY/REPOSITORY:TAG, or a file, whose signature is taken from FILE.minisig
    #[arg(value_name = "REFERENCE|FILE")]
    source: String,
    /// Accept a plugin that no key of plugins.trusted_keys has signed
    #[arg(long)]
    allow_unsigned: bool,
    /// Replace what is installed under the same name and version
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    registry: RegistryArgs,
}

pub(super) async fn run(global: &Global, args: InstallArgs) -> Result<(), CliError> {
    let (config, store) = store(global)?;
    let candidate = candidate(&args, &config, &store).await?;
    let options = InstallOptions { accept_unsigned: args.allow_unsigned, replace: args.replace };
    let source = candidate.source.clone();
    let outcome = install(&store, &config.plugins.trust(), candidate, options)
        .map_err(|error| CliError::Failed(format!("{source} is not installed: {error}")))?;
    show(global.output, &shown(&outcome), |_| text(&outcome));
    Ok(())
}

async fn candidate(args: &InstallArgs, config: &Config, store: &Store) -> Result<Candidate, CliError> {
    if is_file(&args.source) {
        let path = Path::new(&args.source);
        return of_file(path, component(path, config)?);
    }
    let reference: Reference =
        args.source.parse().map_err(|error| CliError::Usage(format!("{error}; there is no such file either")))?;
    let registry = args.registry.open(&reference)?;
    let partial = |artifact: &forewarm_packages::Artifact| {
        store.partial(artifact.component).map_err(|error| CliError::Failed(error.to_string()))
    };
    pull(registry, partial, max_component_bytes(config)).await
}

fn of_file(path: &Path, component: Vec<u8>) -> Result<Candidate, CliError> {
    let signature = signature_beside(path).map_err(|error| CliError::Failed(error.to_string()))?;
    let source = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    Ok(Candidate { component, source: source.display().to_string(), signature, annotations: BTreeMap::new() })
}

fn shown(outcome: &Outcome) -> serde_json::Value {
    let Outcome { record, description, trust, change } = outcome;
    json!({
        "name": record.name,
        "version": record.version,
        "kind": description.manifest.kind,
        "digest": record.digest,
        "source": record.source,
        "trust": trust_in_words(trust),
        "changed": *change != Change::Unchanged,
        "annotations": record.annotations,
    })
}

fn text(outcome: &Outcome) -> String {
    let Outcome { record, description, trust, change } = outcome;
    let done = match change {
        Change::Added => "is installed; a host loads it when it starts",
        Change::Replaced => "replaces what was installed; a host loads it when it starts",
        Change::Unchanged => "was installed already",
    };
    let mut page = format!("{} {} ({}) {done}\n", record.name, record.version, description.manifest.kind);
    let _ = writeln!(page, "  digest   {}", record.digest);
    let _ = writeln!(page, "  source   {}", record.source);
    let _ = writeln!(page, "  trust    {}", trust_in_words(trust));
    for (name, value) in &record.annotations {
        let _ = writeln!(page, "  {name} {value}");
    }
    page
}

fn trust_in_words(trust: &Trust) -> String {
    match trust {
        Trust::Signed(key) => format!("signed by {key}"),
        Trust::Listed => "listed in its folder".into(),
        Trust::Accepted => "accepted without a trusted signature".into(),
        Trust::Unsigned => "unsigned; plugins.allow_unsigned is set".into(),
    }
}
