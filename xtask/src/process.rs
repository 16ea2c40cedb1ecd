//! Running other programs: cargo with a clean environment, plain runs, and cargo builds that keep quiet
//! when they have nothing to do.

use std::{
    env,
    ffi::OsString,
    io::{BufRead, BufReader, IsTerminal},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
};

use crate::failure::{Failure, Result};

/// A cargo like the one that started us, in `folder`. `cargo run` describes xtask in the variables
/// `CARGO_PKG_*` and `CARGO_MANIFEST_*`; build scripts that watch them (ring's does) would be run anew each time.
pub(crate) fn cargo(folder: &Path) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    command.current_dir(folder).stdin(Stdio::null());
    let ours =
        |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") || name == "CARGO_BIN_NAME";
    for (name, _) in env::vars_os().filter(|(name, _)| name.to_str().is_some_and(ours)) {
        command.env_remove(name);
    }
    command
}

/// Runs to the end; an error carries the program's own exit code.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().map_err(|error| not_started(command, &error))?;
    finished(command, status)
}

/// Becomes the program, so that signals reach it and its exit code is ours; returns only when that fails.
pub(crate) fn become_program(command: &mut Command) -> Result<()> {
    let error = command.exec();
    Err(not_started(command, &error))
}

/// Runs to the end and gives what was written to standard output.
pub(crate) fn read(command: &mut Command) -> Result<String> {
    let output = command.stderr(Stdio::inherit()).output().map_err(|error| not_started(command, &error))?;
    finished(command, output.status)?;
    String::from_utf8(output.stdout).map_err(|_| Failure::said(format!("{} wrote no UTF-8", name(command))))
}

/// Runs a cargo build. All that it says is passed on, except the "Finished" line; `announce` is printed before the
/// first line, so that a build without work says nothing at all.
pub(crate) fn build(command: &mut Command, announce: &str) -> Result<()> {
    if std::io::stderr().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    let mut child = command.stderr(Stdio::piped()).spawn().map_err(|error| not_started(command, &error))?;
    let lines = child.stderr.take().into_iter().flat_map(|errors| BufReader::new(errors).lines());
    let mut announce = Some(announce);
    for line in lines.map_while(std::result::Result::ok).filter(|line| !says_finished(line)) {
        if let Some(step) = announce.take() {
            say(step);
        }
        eprintln!("{line}");
    }
    let status = child.wait().map_err(|error| not_started(command, &error))?;
    finished(command, status)
}

/// Cargo's last line, plain or in colour.
fn says_finished(line: &str) -> bool {
    let before = line.split_once("Finished").map(|(before, _)| before);
    before.is_some_and(|before| before.chars().all(|letter| letter == 'm' || !letter.is_alphabetic()))
}

/// A step of the set-up that has work to do.
pub(crate) fn say(step: &str) {
    eprintln!("setup: {step}");
}

/// The first file of this name in the folders of PATH.
pub(crate) fn on_path(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// Where things are kept between runs: `~/.cache/forewarm`.
pub(crate) fn cache() -> Result<PathBuf> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("XDG_CACHE_HOME")
        .or_else(|| set("HOME").map(|home| home.join(".cache")))
        .map(|cache| cache.join("forewarm"))
        .ok_or_else(|| Failure::said("neither HOME nor XDG_CACHE_HOME is set; set one of them"))
}

fn name(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let file = program.file_name().unwrap_or(program.as_os_str()).to_string_lossy();
    let verb = command.get_args().next().map(|verb| format!(" {}", verb.to_string_lossy())).unwrap_or_default();
    format!("{file}{verb}")
}

fn not_started(command: &Command, error: &std::io::Error) -> Failure {
    Failure::said(format!("can't run {}: {error}", name(command)))
}

fn finished(command: &Command, status: ExitStatus) -> Result<()> {
    if status.success() {
        return Ok(());
    }
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    Err(Failure::Exit { program: name(command), code })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_cargos_last_line() {
        assert!(says_finished("    Finished `dev` profile [optimized + debuginfo] target(s) in 0.56s"));
        assert!(says_finished("\u{1b}[1m\u{1b}[92m    Finished\u{1b}[0m `dev` profile"));
        assert!(!says_finished("   Compiling finished v1.0.0") && !says_finished("warning: `Finished` is unused"));
    }

    #[test]
    fn a_failed_program_gives_its_code() {
        let failure = run(Command::new("sh").args(["-c", "exit 7"])).expect_err("it fails");
        assert_eq!((failure.exit_code(), failure.to_string().as_str()), (7, "sh -c ended with code 7"));
        assert!(run(&mut Command::new("true")).is_ok());
    }

    #[test]
    fn a_missing_program_is_named() {
        let failure = run(&mut Command::new("/nonexistent/program")).expect_err("there is none");
        assert!(failure.to_string().starts_with("can't run program: "), "{failure}");
    }
}
