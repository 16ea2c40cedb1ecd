//! Measurements in the release profile.

use std::path::{self, PathBuf};

use crate::{
    failure::{Failure, Result},
    process, setup,
    workspace::Workspace,
};

/// Runs the measuring program against the release build of `forewarm`, with the same servers as the tests.
pub(crate) fn host(workspace: &Workspace, json: Option<PathBuf>) -> Result<()> {
    let tests = setup::tests(workspace)?;
    process::run(process::cargo(&workspace.root).args(["build", "--release", "-p", "forewarm-server"]))?;
    let mut driver = process::cargo(&workspace.root);
    driver.args(["run", "--release", "-p", "forewarm-tests", "--example", "bench-host", "--"]);
    if let Some(file) = json {
        // The driver runs in the workspace's root, not where the reader stands.
        let file = path::absolute(&file).map_err(|error| Failure::io("find", &file, &error))?;
        driver.arg("--json").arg(file);
    }
    tests.apply(&mut driver);
    // Tests drive the everyday build; figures are those of the release.
    driver.env("FOREWARM_BIN", workspace.target.join("release/forewarm"));
    process::become_program(&mut driver)
}

/// Runs the benchmarks of the plugin runtime.
pub(crate) fn runtime(workspace: &Workspace) -> Result<()> {
    let platform = setup::platform(workspace)?;
    let mut cargo = process::cargo(&workspace.root);
    cargo.args(["run", "--release", "-p", "forewarm-runtime", "--example", "measure"]);
    platform.apply(&mut cargo);
    process::become_program(&mut cargo)
}
