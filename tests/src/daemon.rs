//! A server process of a test: started until it is ready, signalled, and always gone in the end.

use std::{
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use crate::program::{self, Program};

/// How long a server may take to be ready or to end. Only a broken one reaches it.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(5);

pub(crate) struct Daemon {
    program: Program,
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
            let mut program = Program::start(command(port), log, log);
            while program.ended().is_none() {
                if ready(program.pid(), port) {
                    return (Self { program }, port);
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
        self.program.signal(signal);
        let deadline = Instant::now() + PATIENCE;
        while self.program.ended().is_none() && Instant::now() < deadline {
            thread::sleep(POLL);
        }
    }
}

fn give_up_after(deadline: Instant, log: &Path) {
    assert!(Instant::now() < deadline, "the server did not become ready; the end of its log:\n{}", program::tail(log));
}
