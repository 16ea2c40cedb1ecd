//! A child process of a test: its output in files, its end awaited with patience, and always gone in the end.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
};

use crate::{keeper, poll};

pub(crate) struct Program {
    child: Child,
    errors: PathBuf,
}

impl Program {
    /// Starts the program; what it writes is appended to the two files, which may be one.
    pub(crate) fn start(mut command: Command, output: &Path, errors: &Path) -> Self {
        let appended = |path: &Path| {
            File::options().create(true).append(true).open(path).expect("the log of a program can be written")
        };
        command.stdin(Stdio::null()).stdout(appended(output)).stderr(appended(errors));
        let shown = format!("{command:?}");
        let child = keeper::spawn(command).unwrap_or_else(|error| panic!("can't run {shown}: {error}"));
        Self { child, errors: errors.to_owned() }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it ended; `None` while it runs.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be looked at")
    }

    /// Sends the signal ("TERM"). Nothing happens when it has ended already.
    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.pid().to_string();
        drop(Command::new("sh").args(["-c", r#"kill -s "$0" "$1""#, signal, &pid]).status());
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let errors = self.errors.clone();
        poll::wait_until(|| self.ended(), || format!("the end of a program; its log:\n{}", tail(&errors)))
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(&mut self) {
        // Both fail only when the process has ended already, which is what they are for.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The last lines of a log.
pub(crate) fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
