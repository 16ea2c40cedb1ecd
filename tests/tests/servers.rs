//! The servers that other tests stand on: they answer, keep their data over stop and kill, and leave nothing behind.
#![expect(clippy::expect_used, reason = "helpers of tests fail like tests")]

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    os::unix::fs::PermissionsExt,
    path::Path,
};

use forewarm_tests::{NatsServer, Postgres, plugins_dir};

fn greeting(port: u16) -> Option<String> {
    let stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).ok()?;
    Some(line)
}

/// Sends one request to JetStream's interface and gives the answer's payload.
fn jetstream(port: u16, subject: &str, payload: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the server accepts");
    let length = payload.len();
    let request = format!(
        "CONNECT {{\"verbose\":false}}\r\nSUB answer 1\r\nPUB $JS.API.{subject} answer {length}\r\n{payload}\r\n"
    );
    stream.write_all(request.as_bytes()).expect("the server reads");
    let lines = BufReader::new(stream).lines().map(|line| line.expect("the server answers"));
    lines.skip_while(|line| !line.starts_with("MSG ")).nth(1).expect("an answer")
}

#[test]
fn nats_greets_with_jetstream_and_keeps_streams() {
    let mut server = NatsServer::start();
    let port = server.port();
    assert!(greeting(port).expect("a greeting").contains("\"jetstream\":true"));
    let made = jetstream(port, "STREAM.CREATE.s", r#"{"name":"s","subjects":["a"],"storage":"file"}"#);
    assert!(!made.contains("\"error\""), "{made}");

    server.stop();
    assert_eq!(greeting(port), None);
    server.restart();
    assert!(jetstream(port, "STREAM.NAMES", "").contains("\"streams\":[\"s\"]"));

    server.kill();
    assert_eq!(greeting(port), None);
    server.restart();
    assert!(jetstream(port, "STREAM.NAMES", "").contains("\"streams\":[\"s\"]"));
    assert_eq!(server.url(), format!("nats://127.0.0.1:{port}"));
}

#[test]
fn nats_servers_share_nothing_and_end_when_dropped() {
    let (first, second) = (NatsServer::start(), NatsServer::start());
    assert_ne!(first.port(), second.port());
    let port = first.port();
    drop(first);
    assert_eq!(greeting(port), None);
    assert!(greeting(second.port()).is_some());
}

#[test]
fn postgres_answers_and_keeps_commits() {
    let mut server = Postgres::start();
    assert_eq!(server.psql("select 1"), "1");
    server.psql("create table t (x int)");
    server.psql("insert into t values (7)");

    server.stop();
    server.restart();
    assert_eq!(server.psql("select x from t"), "7");

    server.psql("insert into t values (8)");
    server.kill();
    server.restart();
    assert_eq!(server.psql("select x from t order by x"), "7\n8");
}

#[test]
fn postgres_makes_databases_and_ends_when_dropped() {
    let server = Postgres::start();
    assert!(server.create_database("other").ends_with("/other"));
    assert_eq!(server.psql("select count(*) from pg_database where datname = 'other'"), "1");
    let (port, folder) = (server.port(), server.socket_dir().to_path_buf());
    drop(server);
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    assert!(!folder.exists());
}

/// A program that is killed can't clean up: its servers must go all the same.
#[test]
fn servers_die_with_a_killed_process() {
    if let Some(file) = std::env::var_os("VICTIM_FILE") {
        be_the_victim(Path::new(&file));
    }
    // What the victim leaves behind goes with this folder, which the user of PostgreSQL must be able to enter.
    let leftovers = tempfile::TempDir::new().expect("a temporary folder");
    std::fs::set_permissions(leftovers.path(), PermissionsExt::from_mode(0o755)).expect("our own folder");
    let file = leftovers.path().join("ports");
    std::fs::write(&file, "").expect("our own folder");
    let mut victim = std::process::Command::new(std::env::current_exe().expect("our own path"))
        .args(["--exact", "servers_die_with_a_killed_process", "--nocapture"])
        .env("VICTIM_FILE", &file)
        .env("TMPDIR", leftovers.path())
        .spawn()
        .expect("ourselves");
    let ports = wait_for_line(&file);
    let mut ports = ports.split(' ').map(|port| port.parse::<u16>().expect("a port"));
    let (nats, postgres) = (ports.next().expect("two ports"), ports.next().expect("two ports"));
    assert!(greeting(nats).is_some());
    victim.kill().expect("it runs");
    victim.wait().expect("it ended");
    while TcpStream::connect(("127.0.0.1", nats)).is_ok() || TcpStream::connect(("127.0.0.1", postgres)).is_ok() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

/// The same test in a process of its own, until that is killed.
fn be_the_victim(file: &Path) -> ! {
    // A thread that is long gone when the process is killed: the servers must not depend on it.
    let started = std::thread::spawn(|| (NatsServer::start(), Postgres::start())).join();
    let (nats, postgres) = started.expect("servers");
    std::fs::write(file, format!("{} {}\n", nats.port(), postgres.port())).expect("our parent's folder");
    loop {
        std::thread::park();
    }
}

fn wait_for_line(file: &Path) -> String {
    loop {
        let text = std::fs::read_to_string(file).expect("a readable file");
        if let Some(line) = text.strip_suffix('\n') {
            return line.to_owned();
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

#[test]
fn plugins_are_built() {
    let wasm = std::fs::read_dir(plugins_dir()).expect("a folder").filter_map(Result::ok);
    assert!(wasm.into_iter().any(|entry| entry.path().extension().is_some_and(|extension| extension == "wasm")));
}
