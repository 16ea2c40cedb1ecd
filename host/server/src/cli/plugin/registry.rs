//! What the verbs that speak to a registry share: the arguments, and who asks.

use super::files::password_of_stdin;
use crate::cli::error::CliError;
use clap::Args;
use forewarm_packages::{Access, Artifact, Candidate, Credentials, Reference, Registry, RegistryError};
use std::path::Path;

/// How a registry is reached.
#[derive(Debug, Args)]
pub(super) struct RegistryArgs {
    /// Speak HTTP without TLS to a registry on another machine
    #[arg(long)]
    plain_http: bool,
    /// Who asks; FOREWARM_REGISTRY_USER, or what `docker login` has kept, unless given
    #[arg(long, value_name = "USER", requires = "registry_password_stdin")]
    username: Option<String>,
    /// Read the registry's password from standard input; otherwise FOREWARM_REGISTRY_PASSWORD has it
    #[arg(long, requires = "username")]
    registry_password_stdin: bool,
}

impl RegistryArgs {
    /// A client for the repository of `reference`.
    pub(super) fn open(&self, reference: &Reference) -> Result<Registry, CliError> {
        let credentials = self.credentials(&reference.registry)?;
        Registry::new(reference, Access { plain_http: self.plain_http, credentials }).map_err(failed)
    }

    fn credentials(&self, registry: &str) -> Result<Option<Credentials>, CliError> {
        if let Some(user) = &self.username {
            return Ok(Some(Credentials::Password { user: user.clone(), password: password_of_stdin()? }));
        }
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        match (set("FOREWARM_REGISTRY_USER"), set("FOREWARM_REGISTRY_PASSWORD")) {
            (Some(user), Some(password)) => Ok(Some(Credentials::Password { user, password })),
            (None, None) => Ok(Credentials::of_docker(registry)),
            _ => Err(CliError::Usage(
                "set both FOREWARM_REGISTRY_USER and FOREWARM_REGISTRY_PASSWORD, or none of them".into(),
            )),
        }
    }
}

/// A registry's fault.
pub(super) fn failed(error: RegistryError) -> CliError {
    match error {
        RegistryError::Unreachable { registry, cause } => CliError::NoRegistry { registry, cause },
        error => CliError::Failed(error.to_string()),
    }
}

/// Pulls what the reference stands for; an interrupted download is continued from `partial`.
pub(super) async fn pull(
    mut registry: Registry,
    partial: impl FnOnce(&Artifact) -> Result<std::path::PathBuf, CliError>,
    max: u64,
) -> Result<Candidate, CliError> {
    let artifact = registry.resolve().await.map_err(failed)?;
    let partial = partial(&artifact)?;
    let component = registry.fetch(&artifact, &partial, max).await.map_err(failed)?;
    let Artifact { reference, signature, annotations, .. } = artifact;
    Ok(Candidate { component, source: reference.to_string(), signature, annotations })
}

/// Whether a file or a reference is meant.
pub(super) fn is_file(source: &str) -> bool {
    let path = Path::new(source);
    path.exists() || path.extension().is_some_and(|extension| extension == "wasm") || source.starts_with(['/', '.'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_references_are_told_apart() {
        assert!(is_file("x.wasm") && is_file("./x") && is_file("/x"));
        assert!(!is_file("ghcr.io/acme/x:1.0.0") && !is_file("127.0.0.1:5000/x"));
    }
}
