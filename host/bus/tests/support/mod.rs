//! A real nats-server of a test's own: on a free port, in a folder of its own, killed with the test.

use forewarm_bus::{NatsBus, NatsConfig};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The variable that names the nats-server to use.
const SERVER_VARIABLE: &str = "FOREWARM_TEST_NATS_SERVER";
/// How long a server may take to listen.
const START_LIMIT: Duration = Duration::from_secs(20);

/// A running nats-server; killed when dropped.
pub(crate) struct NatsServer {
    port: u16,
    extra: Vec<String>,
    folder: tempfile::TempDir,
    process: Option<Child>,
}

impl NatsServer {
    /// Starts one with these further arguments.
    pub(crate) fn start_with(extra: &[&str]) -> Self {
        // Free at this moment; the server's own choice could not be kept over a restart.
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port();
        let folder = tempfile::tempdir().expect("a folder");
        let extra = extra.iter().map(ToString::to_string).collect();
        let mut server = Self { port, extra, folder, process: None };
        server.restart();
        server
    }

    /// Starts one.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// Kills it without a goodbye.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("it was running");
            process.wait().expect("it was ours");
        }
    }

    /// Starts it again on the same port.
    pub(crate) fn restart(&mut self) {
        self.kill();
        let program = std::env::var_os(SERVER_VARIABLE)
            .unwrap_or_else(|| panic!("{SERVER_VARIABLE} is not set: run through `cargo xtask test`"));
        let log = std::fs::File::create(self.folder.path().join("log")).expect("a log file");
        let process = Command::new(program)
            .args(["--addr", "127.0.0.1", "--port", &self.port.to_string()])
            .args(&self.extra)
            .current_dir(self.folder.path())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("nats-server starts");
        self.process = Some(process);
        let deadline = Instant::now() + START_LIMIT;
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < deadline, "nats-server does not listen: {}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// How to reach it.
    pub(crate) fn config(&self) -> NatsConfig {
        NatsConfig::new(vec![format!("nats://127.0.0.1:{}", self.port)])
    }

    /// A connection of its own.
    pub(crate) async fn connect(&self) -> NatsBus {
        NatsBus::connect(self.config()).await.expect("connects")
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        self.kill();
    }
}
