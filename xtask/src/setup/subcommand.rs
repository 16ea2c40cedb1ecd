//! Cargo subcommands from source. The test runner is cargo-nextest and nothing else: it gives each test a process of
//! its own, which the tests' servers rely on, so there is no falling back to `cargo test`.

use std::{env, path::PathBuf};

use crate::{
    failure::{Failure, Result},
    process,
    workspace::Workspace,
};

/// Installs `program` (as `cargo-nextest`) when neither PATH nor cargo's own folder has it.
pub(crate) fn provide(workspace: &Workspace, program: &str) -> Result<()> {
    let cargo_home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo_home = cargo_home.or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo")));
    let in_cargo_home = cargo_home.map(|home| home.join("bin").join(program)).filter(|file| file.is_file());
    if process::on_path(program).or(in_cargo_home).is_some() {
        return Ok(());
    }
    process::say(&format!("installing {program} (once per machine, some minutes)"));
    let mut cargo = process::cargo(&workspace.root);
    cargo.args(["install", program, "--locked"]).env_remove("CARGO_TARGET_DIR");
    process::run(&mut cargo)
        .map_err(|_| Failure::said(format!("no {program}: install it with `cargo install {program} --locked`")))
}
