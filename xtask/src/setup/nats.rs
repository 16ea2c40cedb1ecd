//! A NATS server for the tests, 2.10 or newer: the user's own, else Debian's package unpacked into the cache.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{
    failure::{Failure, Result},
    process,
    workspace::Workspace,
};

/// Older servers answer the account question in a form that the client can't read.
const OLDEST: (u32, u32) = (2, 10);

/// Gives the path of a server that runs.
pub(crate) fn provide(workspace: &Workspace) -> Result<PathBuf> {
    let named = env::var_os("FOREWARM_TEST_NATS_SERVER").map(PathBuf::from);
    let kept = process::cache()?.join("tools/nats/nats-server");
    let candidates = named.into_iter().chain(process::on_path("nats-server")).chain([kept.clone()]);
    if let Some(server) = candidates.into_iter().find(|server| is_usable(server)) {
        return Ok(server);
    }
    process::say("fetching a NATS server for the tests (once per machine)");
    let script = workspace.root.join("xtask/setup-nats-server.sh");
    let fetched = process::run(Command::new("bash").arg(script).arg(&kept).stdin(Stdio::null()));
    if fetched.is_ok() && is_usable(&kept) {
        return Ok(kept);
    }
    let (major, minor) = OLDEST;
    Err(Failure::said(format!(
        "no NATS server for the tests: put nats-server {major}.{minor} or newer (https://nats.io/download) on PATH"
    )))
}

fn is_usable(server: &Path) -> bool {
    let output = Command::new(server).arg("--version").stderr(Stdio::null()).output();
    output
        .ok()
        .and_then(|output| version(&String::from_utf8_lossy(&output.stdout)))
        .is_some_and(|found| found >= OLDEST)
}

/// Reads `nats-server: v2.10.27`.
fn version(text: &str) -> Option<(u32, u32)> {
    let (_, version) = text.trim().rsplit_once(": ")?;
    let mut numbers = version.trim_start_matches('v').split('.').map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_versions() {
        assert_eq!(version("nats-server: v2.10.27\n"), Some((2, 10)));
        assert_eq!(version("nats-server: 2.9.10-1"), Some((2, 9)));
        assert_eq!(version("something else"), None);
    }

    #[test]
    fn an_old_server_is_refused_by_number_not_by_text() {
        assert!(version("nats-server: v2.9.10") < Some(OLDEST));
        assert!(version("nats-server: v2.15.1") >= Some(OLDEST));
    }
}
