//! Fuzzing of what a host reads before it compiles a plugin: the targets of `fuzz/`, one after the other.

use std::{env, fs, process::Command};

use crate::{
    failure::{Failure, Result},
    process,
    workspace::Workspace,
};

/// The longest input that is tried, in bytes.
const MAX_INPUT: &str = "-max_len=65536";

/// Runs every target for `seconds`. The seeds of `fuzz/corpus` are read; what is found on the way is kept in the build
/// folder, so that the seeds stay few.
pub(crate) fn fuzz(workspace: &Workspace, seconds: u32) -> Result<()> {
    check_tools()?;
    let folder = workspace.root.join("fuzz");
    let targets = fs::read_dir(folder.join("fuzz_targets"))
        .map_err(|error| Failure::io("read", &folder.join("fuzz_targets"), &error))?;
    let mut names: Vec<_> =
        targets.flatten().filter_map(|entry| Some(entry.path().file_stem()?.to_str()?.to_owned())).collect();
    names.sort();
    for name in names {
        let found = workspace.target.join("fuzz-corpus").join(&name);
        fs::create_dir_all(&found).map_err(|error| Failure::io("create", &found, &error))?;
        process::say(&format!("fuzzing {name} for {seconds} s"));
        let mut run = nightly();
        run.current_dir(&workspace.root)
            .args(["fuzz", "run", &name])
            .arg(&found)
            .arg(folder.join("corpus").join(&name));
        run.args(["--", MAX_INPUT, "-timeout=10", "-rss_limit_mb=2048", &format!("-max_total_time={seconds}")]);
        process::run(&mut run)?;
    }
    Ok(())
}

/// The nightly compiler through rustup, whatever compiled this program.
fn nightly() -> Command {
    let mut cargo = Command::new("cargo");
    cargo.arg("+nightly");
    for (name, _) in env::vars_os().filter(|(name, _)| name == "CARGO" || name == "RUSTUP_TOOLCHAIN") {
        cargo.env_remove(name);
    }
    cargo
}

fn check_tools() -> Result<()> {
    let works = |arguments: &[&str]| nightly().args(arguments).output().is_ok_and(|output| output.status.success());
    if !works(&["--version"]) {
        return Err(Failure::said("no nightly compiler: install it with `rustup toolchain install nightly`"));
    }
    if !works(&["fuzz", "--version"]) {
        return Err(Failure::said("no cargo-fuzz: install it with `cargo install cargo-fuzz --locked`"));
    }
    Ok(())
}
