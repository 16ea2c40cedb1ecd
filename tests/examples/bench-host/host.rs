//! A host as a process: started with settings of its own, asked over HTTP, stopped, and gone in the end.

use crate::Result;
use crate::http::{Connection, request};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Only a broken host takes longer to be ready or to stop.
const PATIENCE: Duration = Duration::from_secs(180);
const POLL: Duration = Duration::from_millis(1);
const LOG: &str = "host.log";

/// What is measured, and where its data go.
pub(crate) struct Program {
    binary: PathBuf,
    plugins: PathBuf,
}

impl Program {
    /// The program and the plugins that `cargo xtask bench host` names.
    ///
    /// # Errors
    /// When a variable is missing.
    pub(crate) fn from_environment() -> Result<Self> {
        let named = |name: &str| -> Result<PathBuf> {
            let value =
                std::env::var_os(name).ok_or_else(|| format!("{name} is not set: run `cargo xtask bench host`"))?;
            Ok(fs::canonicalize(&value).map_err(|error| format!("{name} names {}: {error}", value.display()))?)
        };
        Ok(Self { binary: named("FOREWARM_BIN")?, plugins: named("FOREWARM_PLUGINS")? })
    }

    /// A new folder for data, beside this program: temporary folders may lie in memory, where syncing costs nothing.
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn data_dir(&self) -> Result<TempDir> {
        let own = std::env::current_exe()?;
        let folder = own.parent().ok_or("this program lies in no folder")?;
        Ok(tempfile::Builder::new().prefix("bench-data-").tempdir_in(folder)?)
    }

    /// Starts a host with the settings of a configuration file, and waits until it is ready.
    ///
    /// # Errors
    /// When it ends or is not ready in time, with the end of its log.
    pub(crate) fn start(&self, data_dir: &Path, settings: &str) -> Result<Host> {
        let config = data_dir.join("bench.toml");
        fs::write(&config, settings)?;
        let log = File::options().create(true).append(true).open(data_dir.join(LOG))?;
        let mut command = Command::new(&self.binary);
        command.args(["up", "--listen", "127.0.0.1:0", "--config"]).arg(&config).arg("--data-dir").arg(data_dir);
        command.env("FOREWARM_PLUGINS", &self.plugins).env("FOREWARM__LOG__LEVEL", "warn");
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let started = Instant::now();
        let child = command.spawn().map_err(|error| format!("cannot run {}: {error}", self.binary.display()))?;
        let mut host =
            Host { child, address: String::new(), authorization: String::new(), ready_after: Duration::ZERO };
        host.become_ready(data_dir, started)?;
        Ok(host)
    }
}

/// A running host.
pub(crate) struct Host {
    child: Child,
    address: String,
    authorization: String,
    /// From the start of the process to its first 200 at `/readyz`.
    pub(crate) ready_after: Duration,
}

impl Host {
    fn become_ready(&mut self, data_dir: &Path, started: Instant) -> Result<()> {
        let readyz = request("GET", "/readyz", "", b"");
        while started.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait()? {
                return Err(format!("the host ended with {status}:\n{}", end_of_log(data_dir)).into());
            }
            if let Some(address) = self.announced(data_dir) {
                let status =
                    Connection::open(&address).and_then(|mut c| c.exchange(&readyz).map(|answer| answer.status));
                if matches!(status, Ok(200)) {
                    self.ready_after = started.elapsed();
                    self.address = address;
                    let token = fs::read_to_string(data_dir.join("admin.token"))?;
                    self.authorization = format!("authorization: Bearer {}\r\n", token.trim());
                    return Ok(());
                }
            }
            thread::sleep(POLL);
        }
        Err(format!("the host did not become ready:\n{}", end_of_log(data_dir)).into())
    }

    /// The address in the note that the host leaves in its data directory.
    fn announced(&self, data_dir: &Path) -> Option<String> {
        let note: serde_json::Value = serde_json::from_slice(&fs::read(data_dir.join("host.json")).ok()?).ok()?;
        let own = note["pid"].as_u64() == Some(self.child.id().into());
        own.then(|| note["url"].as_str()?.strip_prefix("http://").map(str::to_owned))?
    }

    /// A new connection to the host.
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn connect(&self) -> Result<Connection> {
        Connection::open(&self.address)
    }

    /// A whole request in the administrator's name, with a JSON body unless it is empty.
    pub(crate) fn request(&self, method: &str, path: &str, body: &str) -> Vec<u8> {
        let kind = if body.is_empty() { "" } else { "content-type: application/json\r\n" };
        request(method, path, &format!("{}{kind}", self.authorization), body.as_bytes())
    }

    /// A whole remote-write request with a packed body.
    pub(crate) fn remote_write(&self, body: &[u8]) -> Vec<u8> {
        let kind = "content-type: application/x-protobuf\r\ncontent-encoding: snappy\r\nx-prometheus-remote-write-version: 0.1.0\r\n";
        request("POST", "/api/v1/write", &format!("{}{kind}", self.authorization), body)
    }

    /// Applies a persona.
    ///
    /// # Errors
    /// When the host refuses it.
    pub(crate) fn apply(&self, connection: &mut Connection, spec: &serde_json::Value) -> Result<()> {
        let path = format!("/v1/personas/{}", spec["name"].as_str().unwrap_or_default());
        let answer = connection.exchange(&self.request("PUT", &path, &spec.to_string()))?;
        if answer.status == 201 || answer.status == 200 {
            return Ok(());
        }
        Err(format!("{path} was refused: {}", String::from_utf8_lossy(answer.body)).into())
    }

    /// The sum of all values of a metric, over the series whose labels contain `label`; 0 where there is none.
    ///
    /// # Errors
    /// When the host does not answer.
    pub(crate) fn metric(&self, connection: &mut Connection, name: &str, label: &str) -> Result<f64> {
        let answer = connection.exchange(&self.request("GET", "/metrics", ""))?;
        let page = std::str::from_utf8(answer.body)?;
        let lines = page.lines().filter_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            let (found, labels) = series.split_once('{').unwrap_or((series, ""));
            (found == name && labels.contains(label)).then(|| value.parse::<f64>().ok())?
        });
        Ok(lines.sum())
    }

    /// Resident memory in MiB.
    ///
    /// # Errors
    /// Where the system has no `/proc`.
    pub(crate) fn resident_mib(&self) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS in /proc")?;
        let kib: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kib / 1_024.0)
    }

    /// Processor time used so far, in seconds, all threads together.
    ///
    /// # Errors
    /// Where the system has no `/proc`.
    pub(crate) fn processor_s(&self) -> Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let (_, fields) = stat.rsplit_once(')').ok_or("no fields in /proc")?;
        let ticks: f64 = fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
        // Linux counts hundredths for programs, whatever the kernel's own tick is.
        Ok(ticks / 100.0)
    }

    /// Tells the host to stop and waits for its end.
    ///
    /// # Errors
    /// When it does not end in time.
    pub(crate) fn stop(mut self) -> Result<()> {
        Command::new("kill").args(["-s", "TERM", &self.child.id().to_string()]).status()?;
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if self.child.try_wait()?.is_some() {
                return Ok(());
            }
            thread::sleep(POLL);
        }
        Err("the host did not stop".into())
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // Both fail only when the process has ended already, which is what they are for.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn end_of_log(data_dir: &Path) -> String {
    let text = fs::read_to_string(data_dir.join(LOG)).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
