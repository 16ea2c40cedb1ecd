//! An OCI registry for the tests: the user's own, else Debian's package unpacked into the cache.

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

/// Gives the path of a registry that runs.
pub(crate) fn provide(workspace: &Workspace) -> Result<PathBuf> {
    let named = env::var_os("FOREWARM_TEST_REGISTRY").map(PathBuf::from);
    let kept = process::cache()?.join("tools/registry/docker-registry");
    let candidates = named.into_iter().chain(process::on_path("docker-registry")).chain([kept.clone()]);
    if let Some(registry) = candidates.into_iter().find(|registry| is_usable(registry)) {
        return Ok(registry);
    }
    process::say("fetching an OCI registry for the tests (once per machine)");
    let script = workspace.root.join("xtask/setup-registry.sh");
    let fetched = process::run(Command::new("bash").arg(script).arg(&kept).stdin(Stdio::null()));
    if fetched.is_ok() && is_usable(&kept) {
        return Ok(kept);
    }
    Err(Failure::said(
        "no OCI registry for the tests: `apt-get install docker-registry`, or put docker-registry on PATH",
    ))
}

fn is_usable(registry: &Path) -> bool {
    let output = Command::new(registry).arg("--version").stderr(Stdio::null()).output();
    output.is_ok_and(|output| output.status.success() && says_its_name(&String::from_utf8_lossy(&output.stdout)))
}

/// `docker-registry github.com/docker/distribution 2.8.2+ds1`; newer ones are `github.com/distribution/distribution`.
fn says_its_name(text: &str) -> bool {
    text.contains("/distribution")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_a_registry_by_what_it_says() {
        assert!(says_its_name("/usr/bin/docker-registry github.com/docker/distribution 2.8.2+ds1\n"));
        assert!(!says_its_name("registry 1.0"));
    }
}
