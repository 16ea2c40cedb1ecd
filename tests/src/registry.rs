//! An OCI registry, one per test, on a port and in a folder of its own.

use std::{fs, net::TcpStream, path::Path, process::Command};

use tempfile::TempDir;

use crate::{daemon::Daemon, environment, keeper, ports};

/// Who may use a registry with a lock.
pub const USER: &str = "ann";
/// The password of [`USER`].
pub const PASSWORD: &str = "correct-horse";
/// [`USER`] and [`PASSWORD`] in htpasswd's form, with bcrypt, which is the only one that the registry reads.
const HTPASSWD: &str = "ann:$2y$05$abcdefghijklmnopqrstuuZ0Fx87Pb/Aqb0E90lfvCwzXnaFKUHpS\n";

/// A running registry. Dropping it ends it and removes what was pushed.
pub struct Registry {
    _daemon: Daemon,
    port: u16,
    folder: TempDir,
}

impl Registry {
    /// Starts an empty registry that anyone may use.
    ///
    /// # Panics
    /// When not run through `cargo xtask test`, or when it does not start.
    #[must_use]
    pub fn start() -> Self {
        Self::with("")
    }

    /// Starts an empty registry that [`USER`] alone may use.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    #[must_use]
    pub fn start_locked() -> Self {
        Self::with("auth:\n  htpasswd:\n    realm: tests\n    path: FOLDER/htpasswd\n")
    }

    /// Host and port, as references begin.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Where it keeps the bytes of a blob, `digest` being 64 hexadecimal digits: for tests that damage it.
    #[must_use]
    pub fn blob(&self, digest: &str) -> std::path::PathBuf {
        let blobs = self.folder.path().join("data/docker/registry/v2/blobs/sha256");
        blobs.join(&digest[..2]).join(digest).join("data")
    }

    fn with(auth: &str) -> Self {
        let folder = TempDir::with_prefix("forewarm-registry-").expect("a temporary folder");
        fs::write(folder.path().join("htpasswd"), HTPASSWD).expect("a folder of ours");
        let (daemon, port) = Daemon::start(
            ports::free(),
            |port| command(folder.path(), port, auth),
            |_, port| TcpStream::connect(("127.0.0.1", port)).is_ok(),
            &folder.path().join("log"),
        );
        Self { _daemon: daemon, port, folder }
    }
}

fn command(folder: &Path, port: u16, auth: &str) -> Command {
    let path = folder.display().to_string();
    let settings = format!(
        "version: 0.1\nlog:\n  level: warn\nstorage:\n  filesystem:\n    rootdirectory: {path}/data\nhttp:\n  \
         addr: 127.0.0.1:{port}\n{}",
        auth.replace("FOLDER", &path)
    );
    let file = folder.join("registry.yml");
    fs::write(&file, settings).expect("a folder of ours");
    let mut command = keeper::tied(environment::registry(), None);
    // What the machine's own registry is told by its environment must not reach this one.
    command.env("OTEL_TRACES_EXPORTER", "none").arg("serve").arg(file);
    command
}
