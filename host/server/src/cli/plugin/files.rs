//! What the verbs of `forewarm plugin` read: components, keys, passwords, and the folder of what is installed.

use crate::cli::Global;
use crate::cli::error::CliError;
use crate::config::Config;
use clap::Args;
use forewarm_packages::Store;
use std::io::Read;
use std::path::Path;

/// Secret keys and passwords are small.
const MAX_SECRET_BYTES: u64 = 64 << 10;

/// Where the password of a secret key comes from.
#[derive(Debug, Args)]
pub(super) struct KeyPassword {
    /// Read the key's password from standard input; otherwise FOREWARM_KEY_PASSWORD has it
    #[arg(long)]
    password_stdin: bool,
}

impl KeyPassword {
    /// The password, if there is one.
    pub(super) fn read(&self) -> Result<Option<String>, CliError> {
        if self.password_stdin {
            return password_of_stdin().map(Some);
        }
        Ok(std::env::var("FOREWARM_KEY_PASSWORD").ok().filter(|password| !password.is_empty()))
    }
}

/// The first line of standard input.
pub(super) fn password_of_stdin() -> Result<String, CliError> {
    let mut text = String::new();
    let read = std::io::stdin().lock().take(MAX_SECRET_BYTES).read_to_string(&mut text);
    read.map_err(|error| CliError::Usage(format!("no password on standard input: {error}")))?;
    match text.lines().next() {
        Some(line) if !line.is_empty() => Ok(line.to_owned()),
        _ => Err(CliError::Usage("no password on standard input: its first line is empty".into())),
    }
}

/// A component of up to `plugins.max_component_mib`.
pub(super) fn component(path: &Path, config: &Config) -> Result<Vec<u8>, CliError> {
    bounded(path, max_component_bytes(config), "plugins.max_component_mib")
}

pub(super) fn max_component_bytes(config: &Config) -> u64 {
    u64::from(config.plugins.max_component_mib) << 20
}

/// The text of a secret key's file.
pub(super) fn secret_key(path: &Path) -> Result<String, CliError> {
    let bytes = bounded(path, MAX_SECRET_BYTES, "a key has")?;
    String::from_utf8(bytes).map_err(|_| CliError::file(path, "is no key", "it is not text"))
}

fn bounded(path: &Path, max: u64, limit: &str) -> Result<Vec<u8>, CliError> {
    let unreadable = |error| CliError::file(path, "can't be read", error);
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(max + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > max {
        return Err(CliError::file(
            path,
            "is too large",
            format!("more than {max} bytes, which is what {limit} at most"),
        ));
    }
    Ok(bytes)
}

/// The folder of what is installed.
pub(super) fn store(global: &Global) -> Result<(Config, Store), CliError> {
    let config = global.config()?;
    let folder = config.plugins.installed_dir.clone().unwrap_or_else(|| config.data_dir.join("plugins"));
    Ok((config, Store::new(folder)))
}
