//! The checks themselves. None of them changes anything but the cache of compiled plugins.

use super::Check;
use crate::app::sandbox;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::plugins::{Parts, PluginHost};
use crate::replay::components_dir;
use crate::store::{Store, StoreConfig, StoreError};
use forewarm_bus::{LocalBus, NatsBus, NatsConfig};
use forewarm_domain::time::{Clock, TimestampMs};
use forewarm_runtime::{MemoryState, Runtime};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How long something remote may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// 2025-01-01: no machine that runs this release is older.
const EARLIEST: TimestampMs = TimestampMs(1_735_689_600_000);
/// 2100-01-01.
const LATEST: TimestampMs = TimestampMs(4_102_444_800_000);

pub(super) fn clock() -> Check {
    let now = SystemClock.now();
    if (EARLIEST..LATEST).contains(&now) {
        Check::ok("clock", now.to_string())
    } else {
        Check::fail(
            "clock",
            format!("the machine's time is {now}"),
            "set the clock, best by a time service such as chrony",
        )
    }
}

pub(super) fn data_dir(config: &Config) -> Check {
    const WHAT: &str = "data directory";
    let dir = &config.data_dir;
    // Where it does not exist yet, the nearest directory that does must take it.
    let Some(existing) = dir.ancestors().find(|ancestor| ancestor.exists()) else {
        return Check::fail(WHAT, format!("{} has no existing parent", dir.display()), "choose another --data-dir");
    };
    let probe = existing.join(format!(".forewarm-doctor-{}", std::process::id()));
    match std::fs::write(&probe, b"probe").and_then(|()| std::fs::remove_file(&probe)) {
        Ok(()) if existing == dir => Check::ok(WHAT, format!("{} can be written to", dir.display())),
        Ok(()) => Check::ok(WHAT, format!("{} will be made", dir.display())),
        Err(error) => {
            let found = format!("{} cannot be written to: {error}", existing.display());
            Check::fail(WHAT, found, "make it writable for this user, or choose another --data-dir")
        }
    }
}

pub(super) async fn port(config: &Config) -> Check {
    let listen = config.http.listen;
    match tokio::net::TcpListener::bind(listen).await {
        Ok(_) => Check::ok("port", format!("{listen} is free")),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            let help = "a host may be running already; otherwise choose another address with --listen or http.listen";
            Check::warn("port", format!("{listen} is taken"), help)
        }
        Err(error) => {
            Check::fail("port", format!("{listen}: {error}"), "choose another address with --listen or http.listen")
        }
    }
}

pub(super) async fn database(config: &Config) -> Check {
    const WHAT: &str = "database";
    let url = config.database_url();
    let Some(file) = sqlite_file(url.expose()) else { return server(WHAT, url.expose(), &url.to_string(), 5432).await };
    if !Path::new(file).exists() {
        return Check::ok(WHAT, format!("{file} will be made"));
    }
    let opened = Store::open(&StoreConfig::new(url.expose())).await;
    match opened {
        Ok(store) => {
            store.close().await;
            Check::ok(WHAT, format!("{url} can be opened"))
        }
        Err(StoreError::Locked { path }) => {
            Check::warn(WHAT, format!("{path} is in use"), "a host may be running already")
        }
        Err(error) => Check::fail(WHAT, error.to_string(), "see store.url in the configuration"),
    }
}

fn sqlite_file(url: &str) -> Option<&str> {
    let rest = url.strip_prefix("sqlite:")?;
    Some(rest.trim_start_matches("//").split('?').next().unwrap_or_default())
}

/// Whether a server takes connections.
async fn server(what: &'static str, url: &str, shown: &str, port: u16) -> Check {
    let address = host_and_port(url, port);
    let connected = tokio::task::spawn_blocking({
        let address = address.clone();
        move || connect(&address)
    });
    match connected.await {
        Ok(Ok(())) => Check::ok(what, format!("{address} takes connections")),
        Ok(Err(error)) => Check::fail(what, format!("{address}: {error}"), format!("start it, or correct {shown}")),
        Err(error) => Check::fail(what, error.to_string(), "try again"),
    }
}

fn connect(address: &str) -> std::io::Result<()> {
    let found = std::net::ToSocketAddrs::to_socket_addrs(address)?.next();
    let address = found.ok_or_else(|| std::io::Error::other("the name has no address"))?;
    TcpStream::connect_timeout(&address, PATIENCE).map(drop)
}

fn host_and_port(url: &str, port: u16) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    if has_port { host.to_owned() } else { format!("{host}:{port}") }
}

pub(super) async fn plugins(config: &Config) -> Vec<Check> {
    const WHAT: &str = "plugins";
    // Compiling takes a while; what is compiled now need not be at the start.
    let components = config.data_dir.exists().then(|| components_dir(&config.data_dir));
    let settings = match sandbox(config, components) {
        Ok(settings) => settings,
        Err(error) => return vec![Check::fail(WHAT, error.to_string(), "mount /proc")],
    };
    let runtime = match Runtime::new(settings, Arc::new(SystemClock), Arc::new(MemoryState::default())) {
        Ok(runtime) => runtime,
        Err(error) => return vec![Check::fail(WHAT, error.to_string(), "see the data directory")],
    };
    let parts = Parts {
        config: config.plugins.clone(),
        runtime,
        bus: Arc::new(LocalBus::default()),
        store: None,
        clock: Arc::new(SystemClock),
        metrics: Arc::default(),
    };
    let host = match PluginHost::start(parts).await {
        Ok(host) => host,
        Err(error) => return vec![Check::fail(WHAT, error.to_string(), "build the plugins, or set plugins.dir")],
    };
    let infos = host.infos();
    let mut checks: Vec<Check> = infos
        .iter()
        .map(|info| match (&info.name, &info.error) {
            (Some(name), None) => Check::ok("plugin", format!("{name} {}", info.version.clone().unwrap_or_default())),
            (_, error) => {
                let found = format!("{}: {}", info.file, error.clone().unwrap_or_default());
                Check::fail("plugin", found, "replace the file, or take it out of the folder")
            }
        })
        .collect();
    if infos.is_empty() {
        let found = format!("{} holds no .wasm file", config.plugins.dir.display());
        checks.push(Check::warn(
            WHAT,
            found,
            "without a forecaster and a driver nothing is forecast or launched: set plugins.dir",
        ));
    }
    host.stop().await;
    checks
}

pub(super) async fn nats(config: &Config) -> Option<Check> {
    const WHAT: &str = "NATS";
    let url = config.bus.nats_url.as_ref()?;
    let settings = NatsConfig {
        credentials_file: config.bus.credentials_file.clone(),
        ..NatsConfig::new(vec![url.expose().to_owned()])
    };
    Some(match tokio::time::timeout(PATIENCE, NatsBus::connect(settings)).await {
        Ok(Ok(_)) => Check::ok(WHAT, format!("{url} takes connections")),
        Ok(Err(error)) => Check::fail(WHAT, error.to_string(), "start the server, or correct bus.nats_url"),
        Err(_) => Check::fail(WHAT, format!("{url} does not answer"), "start the server, or correct bus.nats_url"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_off_urls() {
        for (url, address) in [
            ("postgres://a:b@db/forewarm", "db:5432"),
            ("postgres://db:6000/forewarm?x=1", "db:6000"),
            ("postgres://db", "db:5432"),
        ] {
            assert_eq!(host_and_port(url, 5432), address);
        }
        assert_eq!(sqlite_file("sqlite:///data/x.db?mode=rwc"), Some("/data/x.db"));
        assert_eq!(sqlite_file("postgres://x"), None);
    }

    #[test]
    fn a_directory_that_is_not_there_yet_will_be_made() {
        let dir = tempfile::tempdir().expect("a directory");
        let config = Config::new(dir.path().join("a/b"), "/plugins");
        assert!(data_dir(&config).found.ends_with("will be made"));
        assert_eq!(std::fs::read_dir(dir.path()).expect("readable").count(), 0);
    }
}
