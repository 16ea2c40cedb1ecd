//! `cargo xtask up`: from a fresh checkout to a running platform in one command.

use std::process::Command;

use crate::{failure::Result, process, setup, workspace::Workspace};

/// Replaces this process by `forewarm up`, so that signals reach it directly; returns only when that fails.
pub(crate) fn up(workspace: &Workspace, args: Vec<String>) -> Result<()> {
    let platform = setup::platform(workspace)?;
    setup::forewarm(workspace)?;
    let mut forewarm = Command::new(workspace.forewarm());
    forewarm.arg("up").args(with_replay(args));
    platform.apply(&mut forewarm);
    process::become_program(&mut forewarm)
}

/// A first look should show something: without a replay of the reader's own there is the bundled sample.
fn with_replay(mut args: Vec<String>) -> Vec<String> {
    if !args.iter().any(|arg| arg == "--replay" || arg.starts_with("--replay=")) {
        args.extend(["--replay".to_owned(), "sample".to_owned()]);
    }
    args
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(given: &[&str], expected: &[&str]) {
        assert_eq!(with_replay(given.iter().map(|&arg| arg.to_owned()).collect()), expected);
    }

    #[test]
    fn adds_the_sample_unless_a_replay_is_named() {
        check(&[], &["--replay", "sample"]);
        check(&["--port", "1"], &["--port", "1", "--replay", "sample"]);
        check(&["--replay", "x.csv"], &["--replay", "x.csv"]);
        check(&["--replay=x.csv"], &["--replay=x.csv"]);
    }
}
