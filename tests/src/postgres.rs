//! A PostgreSQL server, one per test, with a data folder of its own.

use std::{
    fs, iter,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use crate::{daemon::Daemon, environment, keeper, ports, template};

/// A running (or stopped) server. Dropping it ends the server and removes its data; should the test process be
/// killed, the server dies with it.
///
/// Commits survive [`kill`](Self::kill), but not a failure of the machine: nothing is forced to disk.
/// The calls block for some tenths of a second, which a test may do anywhere, also in async code.
pub struct Postgres {
    daemon: Option<Daemon>,
    port: u16,
    files: Files,
}

struct Files {
    programs: PathBuf,
    folder: TempDir,
    data: PathBuf,
    user: Option<&'static str>,
}

impl Postgres {
    /// Starts a server with empty databases and waits until it accepts clients.
    ///
    /// # Panics
    /// When not run through `cargo xtask test`, or when the server does not start.
    #[must_use]
    pub fn start() -> Self {
        let programs = environment::postgres_programs();
        let folder = TempDir::with_prefix("forewarm-pg-").expect("a temporary folder");
        let data = template::copy(&programs, folder.path());
        let files = Files { programs, folder, data, user: template::user() };
        let (daemon, port) = files.start(ports::free());
        Self { daemon: Some(daemon), port, files }
    }

    /// The URL of the database `postgres`; stays the same over [`restart`](Self::restart).
    #[must_use]
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// Makes an empty database of this name (a plain identifier) and gives its URL.
    ///
    /// # Panics
    /// When there is one already, or the server is down.
    #[must_use]
    pub fn create_database(&self, name: &str) -> String {
        self.psql(&format!("create database {name}"));
        self.url_of(name)
    }

    /// Runs SQL in the database `postgres` and gives the rows, one per line, columns parted by `|`.
    ///
    /// # Panics
    /// When the SQL fails, or the server is down.
    pub fn psql(&self, sql: &str) -> String {
        let mut psql = Command::new(self.files.programs.join("psql"));
        psql.args(["--no-psqlrc", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"]);
        template::succeed(psql.arg("--dbname").arg(self.url()).arg("--command").arg(sql)).trim_end().to_owned()
    }

    /// The folder of the Unix socket, for clients that prefer it to TCP.
    #[must_use]
    pub fn socket_dir(&self) -> &Path {
        self.files.folder.path()
    }

    /// The TCP port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends the server in good order, cutting its clients off, and keeps its data. Nothing happens when it is down.
    pub fn stop(&mut self) {
        self.end("INT");
    }

    /// Ends the server as a crash would, and keeps its data.
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

    fn url_of(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    fn end(&mut self, signal: &str) {
        if let Some(daemon) = self.daemon.take() {
            daemon.end(signal);
        }
    }
}

impl Drop for Postgres {
    /// The quick way out that still gives shared memory back, which a kill does not.
    fn drop(&mut self) {
        self.end("QUIT");
    }
}

impl Files {
    fn start(&self, ports: impl Iterator<Item = u16>) -> (Daemon, u16) {
        let log = self.folder.path().join("log");
        Daemon::start(ports, |port| self.command(port), |pid, _| self.is_ready(pid), &log)
    }

    fn command(&self, port: u16) -> Command {
        let mut command = keeper::tied(self.programs.join("postgres"), self.user);
        command.current_dir(&self.data).arg("-D").arg(&self.data).arg("-k").arg(self.folder.path());
        command.args(["-h", "127.0.0.1", "-p", &port.to_string()]);
        // Shared memory in files of the data folder leaves nothing behind when the server is killed.
        for setting in ["fsync=off", "full_page_writes=off", "dynamic_shared_memory_type=mmap", "shared_buffers=32MB"] {
            command.args(["-c", setting]);
        }
        command
    }

    /// The server writes its process id in the first line of this file and its state in the eighth. The file of a
    /// killed predecessor may still be there, hence the look at the id.
    fn is_ready(&self, pid: u32) -> bool {
        let status = fs::read_to_string(self.data.join("postmaster.pid")).unwrap_or_default();
        let lines: Vec<_> = status.lines().map(str::trim).collect();
        lines.first() == Some(&pid.to_string().as_str()) && lines.get(7) == Some(&"ready")
    }
}
