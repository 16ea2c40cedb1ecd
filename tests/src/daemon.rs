//! A server process of a test: started until it is ready, signalled, and always gone in the end.

use std::{
    fs::{self, File},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::keeper;

/// How long a server may take to be ready or to end. Only a broken one reaches it.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(5);

pub(crate) struct Daemon {
    child: Child,
}

impl Daemon {
    /// Starts `command(port)` with its output in `log`, and waits until `ready(process id, port)`. A server that ends
    /// early (its port was taken, its predecessor still clears up) is started again on the next of `ports`.
    pub(crate) fn start(
        ports: impl Iterator<Item = u16>,
        command: impl Fn(u16) -> Command,
        ready: impl Fn(u32, u16) -> bool,
        log: &Path,
    ) -> (Self, u16) {
        let deadline = Instant::now() + PATIENCE;
        for port in ports {
            let mut daemon = Self::launch(command(port), log);
            while daemon.is_running() {
                if ready(daemon.child.id(), port) {
                    return (daemon, port);
                }
                give_up_after(deadline, log);
                thread::sleep(POLL);
            }
            give_up_after(deadline, log);
            thread::sleep(POLL);
        }
        panic!("no free port");
    }

    /// Sends the signal ("TERM") and waits for the end; a server that takes too long is killed.
    pub(crate) fn end(mut self, signal: &str) {
        let pid = self.child.id().to_string();
        drop(Command::new("sh").args(["-c", r#"kill -s "$0" "$1""#, signal, &pid]).status());
        let deadline = Instant::now() + PATIENCE;
        while self.is_running() && Instant::now() < deadline {
            thread::sleep(POLL);
        }
    }

    fn launch(mut command: Command, log: &Path) -> Self {
        let output = File::options().create(true).append(true).open(log).expect("the server's log can be written");
        let errors = output.try_clone().expect("a second handle of the log");
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        let shown = format!("{command:?}");
        let child = keeper::spawn(command).unwrap_or_else(|error| panic!("can't run {shown}: {error}"));
        Self { child }
    }

    fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Both fail only when the process has ended already, which is what they are for.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn give_up_after(deadline: Instant, log: &Path) {
    if Instant::now() >= deadline {
        let text = fs::read_to_string(log).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        let tail = lines[lines.len().saturating_sub(20)..].join("\n");
        panic!("the server did not become ready; the end of its log:\n{tail}");
    }
}
