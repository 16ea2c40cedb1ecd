//! A NATS server with JetStream, one per test, on a port and in a folder of its own.

use std::{
    io::{BufRead, BufReader},
    iter,
    net::TcpStream,
    path::PathBuf,
    process::{self, Command},
    time::Duration,
};

use tempfile::TempDir;

use crate::{daemon::Daemon, environment, keeper, ports};

/// A running (or stopped) server. Dropping it ends the server and removes its data; should the test process be
/// killed, the server dies with it.
///
/// The calls block for some tens of milliseconds, which a test may do anywhere, also in async code.
pub struct NatsServer {
    daemon: Option<Daemon>,
    port: u16,
    files: Files,
}

struct Files {
    program: PathBuf,
    folder: TempDir,
}

impl NatsServer {
    /// Starts a server with an empty JetStream store and waits until it accepts clients.
    ///
    /// # Panics
    /// When not run through `cargo xtask test`, or when the server does not start.
    #[must_use]
    pub fn start() -> Self {
        let folder = TempDir::with_prefix("forewarm-nats-").expect("a temporary folder");
        let files = Files { program: environment::nats_server(), folder };
        let (daemon, port) = files.start(ports::free());
        Self { daemon: Some(daemon), port, files }
    }

    /// `nats://127.0.0.1:PORT`; stays the same over [`restart`](Self::restart).
    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// The TCP port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends the server in good order and keeps its data. Nothing happens when it is down already.
    pub fn stop(&mut self) {
        if let Some(daemon) = self.daemon.take() {
            daemon.end("TERM");
        }
    }

    /// Ends the server as a power cut would, and keeps its data.
    pub fn kill(&mut self) {
        self.daemon = None;
    }

    /// Starts the server on the same port and data, after killing it if it still runs.
    ///
    /// # Panics
    /// When the server does not start.
    pub fn restart(&mut self) {
        self.kill();
        let (daemon, _) = self.files.start(iter::repeat(self.port));
        self.daemon = Some(daemon);
    }
}

impl Files {
    fn start(&self, ports: impl Iterator<Item = u16>) -> (Daemon, u16) {
        let log = self.folder.path().join("log");
        Daemon::start(ports, |port| self.command(port), |_, port| accepts(port), &log)
    }

    fn command(&self, port: u16) -> Command {
        let mut command = keeper::tied(&self.program, None);
        command.args(["--addr", "127.0.0.1", "--port", &port.to_string(), "--name", &name(port), "--jetstream"]);
        command.arg("--store_dir").arg(self.folder.path().join("jetstream"));
        command
    }
}

/// Told apart from servers of other tests, should one of them have taken the port in between.
fn name(port: u16) -> String {
    format!("forewarm-test-{}-{port}", process::id())
}

/// A server greets every client with a line `INFO {...}` that holds its name.
fn accepts(port: u16) -> bool {
    let Ok(stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let mut greeting = String::new();
    stream.set_read_timeout(Some(Duration::from_secs(5))).is_ok()
        && BufReader::new(stream).read_line(&mut greeting).is_ok()
        && greeting.starts_with("INFO ")
        && greeting.contains(&name(port))
}
