//! PostgreSQL's programs for the tests: the newest installed, else the distribution's package where we may install it.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{
    failure::{Failure, Result},
    process,
};

/// Where Debian and its descendants keep each major version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// Gives the folder that holds `initdb`, `postgres` and `psql`.
pub(crate) fn provide() -> Result<PathBuf> {
    if let Some(folder) = find() {
        return Ok(folder);
    }
    if is_root() && process::on_path("apt-get").is_some() {
        process::say("installing PostgreSQL for the tests (once per machine)");
        let installed = apt(&["install", "-y", "-qq", "--no-install-recommends", "postgresql"]).or_else(|_| {
            apt(&["-qq", "update"])
                .and_then(|()| apt(&["install", "-y", "-qq", "--no-install-recommends", "postgresql"]))
        });
        if let (Ok(()), Some(folder)) = (installed, find()) {
            return Ok(folder);
        }
    }
    Err(Failure::said(
        "no PostgreSQL for the tests: install its server, e.g. `apt-get install postgresql`, or put initdb on PATH",
    ))
}

fn find() -> Option<PathBuf> {
    let named = env::var_os("FOREWARM_TEST_PG_BIN").map(PathBuf::from);
    let on_path = process::on_path("initdb").and_then(|initdb| fs::canonicalize(initdb).ok());
    let on_path = on_path.and_then(|initdb| initdb.parent().map(Path::to_path_buf));
    named.into_iter().chain(newest(Path::new(DEBIAN))).chain(on_path).find(|folder| is_complete(folder))
}

fn newest(folder: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).ok()?.flatten();
    let versions = entries.filter_map(|entry| Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path())));
    versions
        .map(|(version, path)| (version, path.join("bin")))
        .filter(|(_, bin)| is_complete(bin))
        .max()
        .map(|(_, bin)| bin)
}

fn is_complete(folder: &Path) -> bool {
    ["initdb", "postgres", "psql"].iter().all(|program| folder.join(program).is_file())
}

fn is_root() -> bool {
    process::read(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

fn apt(arguments: &[&str]) -> Result<()> {
    let mut apt = Command::new("apt-get");
    process::run(
        apt.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null()).stdout(Stdio::null()),
    )
}
