//! Programs that tests need as real servers: the user's own, else Debian's package unpacked into the cache.

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

/// A program that Debian packages under its own name.
pub(crate) struct Program {
    /// What it is, as in "no NATS server for the tests".
    pub(crate) what: &'static str,
    /// Its name, and that of its package.
    pub(crate) name: &'static str,
    /// The environment variable by which a user names their own.
    pub(crate) variable: &'static str,
    /// The oldest version of the package that will do; empty where any will.
    pub(crate) oldest: &'static str,
    /// Whether one that says this of its version will do.
    pub(crate) is_usable: fn(&str) -> bool,
    /// What a user can do where it can't be fetched.
    pub(crate) advice: &'static str,
}

impl Program {
    /// Gives the path of one that runs.
    pub(crate) fn provide(&self, workspace: &Workspace) -> Result<PathBuf> {
        let named = env::var_os(self.variable).map(PathBuf::from);
        let kept = process::cache()?.join("tools").join(self.name).join(self.name);
        let candidates = named.into_iter().chain(process::on_path(self.name)).chain([kept.clone()]);
        if let Some(program) = candidates.into_iter().find(|program| self.runs(program)) {
            return Ok(program);
        }
        process::say(&format!("fetching {} for the tests (once per machine)", self.what));
        let mut fetch = Command::new("bash");
        fetch.arg(workspace.root.join("xtask/setup-debian-program.sh")).arg(&kept).args([self.name, self.oldest]);
        if process::run(fetch.stdin(Stdio::null())).is_ok() && self.runs(&kept) {
            return Ok(kept);
        }
        Err(Failure::said(format!("no {} for the tests: {}", self.what, self.advice)))
    }

    fn runs(&self, program: &Path) -> bool {
        let output = Command::new(program).arg("--version").stderr(Stdio::null()).output();
        output.is_ok_and(|output| output.status.success() && (self.is_usable)(&String::from_utf8_lossy(&output.stdout)))
    }
}
