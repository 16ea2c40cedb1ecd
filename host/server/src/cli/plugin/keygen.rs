//! `forewarm plugin keygen`: a pair of keys for signing plugins.

use super::files::KeyPassword;
use crate::cli::Global;
use crate::cli::error::CliError;
use crate::cli::output::show;
use clap::Args;
use forewarm_packages::{KeyPair, write, write_secret};
use serde_json::json;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(in crate::cli) struct KeygenArgs {
    /// Where the keys go: PREFIX.key, which is secret, and PREFIX.pub
    #[arg(value_name = "PREFIX", default_value = "forewarm-plugins")]
    prefix: PathBuf,
    #[command(flatten)]
    password: KeyPassword,
    /// Keep the secret key without a password, for machines that sign by themselves
    #[arg(long, conflicts_with = "password_stdin")]
    no_password: bool,
}

pub(super) fn run(global: &Global, args: &KeygenArgs) -> Result<(), CliError> {
    let with = |suffix: &str| PathBuf::from(format!("{}.{suffix}", args.prefix.display()));
    let (secret, public) = (with("key"), with("pub"));
    for path in [&secret, &public] {
        if path.exists() {
            return Err(CliError::file(path, "exists already", "a key is never overwritten; choose another PREFIX"));
        }
    }
    let password = if args.no_password { None } else { Some(password(args)?) };
    let pair = KeyPair::generate(password.as_deref()).map_err(|error| CliError::Failed(error.to_string()))?;
    let unwritable = |path: &Path, error| CliError::file(path, "can't be written", error);
    write_secret(&secret, pair.secret.as_bytes()).map_err(|error| unwritable(&secret, error))?;
    write(&public, pair.public.as_bytes()).map_err(|error| unwritable(&public, error))?;
    let made = json!({ "secret_key_file": secret, "public_key_file": public, "public_key": pair.public_key() });
    show(global.output, &made, |_| {
        format!(
            "the secret key is in {}: keep it to yourself\nthe public key is in {}; hosts trust it with\n\n  [plugins]\n  \
             trusted_keys = [\"{}\"]\n",
            secret.display(),
            public.display(),
            pair.public_key()
        )
    });
    Ok(())
}

fn password(args: &KeygenArgs) -> Result<String, CliError> {
    args.password.read()?.ok_or_else(|| {
        CliError::Usage(
            "the secret key needs a password: set FOREWARM_KEY_PASSWORD, pipe it in with --password-stdin, or say \
             --no-password"
                .into(),
        )
    })
}
