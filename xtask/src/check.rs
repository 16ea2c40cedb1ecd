//! The checks of CI and the committed files that tests compare with and can rewrite.

use std::process::Command;

use crate::{
    failure::Result,
    process,
    setup::{self, subcommand},
    workspace::Workspace,
};

/// All tests, or what `args` selects.
pub(crate) fn test(workspace: &Workspace, args: &[String]) -> Result<()> {
    let tests = setup::tests(workspace)?;
    // A run of all targets builds the host's programs on its way, with the dependencies as the tests have them.
    if narrows_the_build(args) {
        setup::forewarm_tried(workspace)?;
    }
    let mut nextest = nextest(workspace);
    if !names_packages(args) {
        nextest.arg("--workspace");
    }
    nextest.args(args);
    tests.apply(&mut nextest);
    process::become_program(&mut nextest)
}

/// Both checks run, so that one look shows all; the first failure decides.
pub(crate) fn lint(workspace: &Workspace) -> Result<()> {
    let formatted = process::run(process::cargo(&workspace.root).args(["fmt", "--all", "--check"]));
    let mut clippy = process::cargo(&workspace.root);
    clippy.args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]);
    process::run(&mut clippy).and(formatted)
}

/// Rewrites the committed OpenAPI document.
pub(crate) fn openapi(workspace: &Workspace) -> Result<()> {
    rewrite(workspace, &["-p", "forewarm-server", "-E", "test(openapi)"])
}

/// Rewrites every committed file that a test compares with.
pub(crate) fn snapshots(workspace: &Workspace) -> Result<()> {
    rewrite(workspace, &["-p", "forewarm-server", "-p", "forewarm-market", "-p", "forewarm-tests", "--no-fail-fast"])
}

/// Bans, licences and sources of the dependencies, by `deny.toml`.
pub(crate) fn deny(workspace: &Workspace) -> Result<()> {
    subcommand::provide(workspace, "cargo-deny")?;
    process::become_program(process::cargo(&workspace.root).args(["deny", "check", "bans", "licenses", "sources"]))
}

fn rewrite(workspace: &Workspace, args: &[&str]) -> Result<()> {
    let tests = setup::tests(workspace)?;
    let mut nextest = nextest(workspace);
    nextest.args(args).env("UPDATE_SNAPSHOTS", "1");
    tests.apply(&mut nextest);
    process::become_program(&mut nextest)
}

fn nextest(workspace: &Workspace) -> Command {
    let mut cargo = process::cargo(&workspace.root);
    cargo.args(["nextest", "run", "--config-file"]).arg(workspace.root.join(".ci/nextest.toml"));
    cargo
}

fn names_packages(args: &[String]) -> bool {
    args.iter().any(|arg| arg == "-p" || arg == "--package" || arg.starts_with("--package=") || arg == "--workspace")
}

/// Whether only some packages or targets are built.
fn narrows_the_build(args: &[String]) -> bool {
    let selects = |arg: &String| {
        let flag = arg.split('=').next().unwrap_or_default();
        ["-p", "--package", "--test", "--tests", "--lib", "--bin", "--bins", "--example", "--exclude"].contains(&flag)
    };
    args.iter().any(selects)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_package_narrows_the_run() {
        let check = |args: &[&str]| names_packages(&args.iter().map(|&arg| arg.to_owned()).collect::<Vec<_>>());
        assert!(check(&["-p", "forewarm-domain"]) && check(&["--package=forewarm-domain"]));
        assert!(!check(&["some_test"]) && !check(&[]));
    }

    #[test]
    fn what_leaves_the_program_out_is_known() {
        let check = |args: &[&str]| narrows_the_build(&args.iter().map(|&arg| arg.to_owned()).collect::<Vec<_>>());
        assert!(check(&["-p", "forewarm-tests"]) && check(&["--test=scenarios"]) && check(&["--test", "scenarios"]));
        assert!(!check(&["some_test"]) && !check(&["--no-fail-fast"]) && !check(&[]));
    }
}
