//! Opens a database by its URL: one connection that writes, and a pool that reads beside it.

use super::error::StoreError;
use super::{StoreConfig, Synchronous};
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement};
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a statement waits for a lock that someone else holds on a SQLite file, such as a backup.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The two sides of an open database.
pub(crate) struct Connections {
    pub writer: DatabaseConnection,
    pub reader: DatabaseConnection,
    /// Held as long as the store is open, so that no second host opens the same database.
    pub lock: Hold,
}

/// What keeps other hosts out of a database; the system or the server gives it back however the process ends.
pub(crate) enum Hold {
    /// A database in memory is this process' own.
    Unneeded,
    /// A lock on a file beside the database.
    File(#[expect(dead_code, reason = "held for its lock")] File),
    /// A connection that holds an advisory lock.
    Server(#[expect(dead_code, reason = "held for its lock")] DatabaseConnection),
}

/// The advisory lock of a store: the first bytes of "forewarm".
const ADVISORY_LOCK: i64 = i64::from_be_bytes(*b"forewarm");
/// How long the server may take to notice that a host which held the lock is gone.
const ADVISORY_TRIES: u32 = 25;
/// The pause between two tries.
const ADVISORY_PAUSE: Duration = Duration::from_millis(200);

/// Where a store is.
enum Location {
    Memory,
    File(PathBuf),
    Server,
}

pub(crate) async fn connect(config: &StoreConfig) -> Result<Connections, StoreError> {
    let location = locate(&config.url)?;
    let lock = match &location {
        Location::Memory => Hold::Unneeded,
        Location::File(path) => Hold::File(lock(path)?),
        Location::Server => Hold::Server(lock_server(config, &location).await?),
    };
    // A connection to a file costs nothing to keep, and one to memory must not be lost.
    let keep = !matches!(location, Location::Server);
    let writer = open(config, &location, 1, keep).await?;
    let reader = match location {
        // A database in memory belongs to its one connection.
        Location::Memory => writer.clone(),
        Location::File(_) | Location::Server => open(config, &location, config.max_connections.max(1), keep).await?,
    };
    Ok(Connections { writer, reader, lock })
}

fn locate(url: &str) -> Result<Location, StoreError> {
    if let Some(path) = url.strip_prefix("sqlite:") {
        let path = path.strip_prefix("//").unwrap_or(path);
        let path = path.split_once('?').map_or(path, |(path, _)| path);
        return Ok(if path == ":memory:" { Location::Memory } else { Location::File(path.into()) });
    }
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return Ok(Location::Server);
    }
    Err(StoreError::Open {
        location: redact(url),
        detail: "the URL is of no known kind".into(),
        hint: "use sqlite:///path/to/file.db or postgres://user@host/database",
    })
}

/// Takes the lock beside the database file; the system gives it back however the process ends.
fn lock(path: &Path) -> Result<File, StoreError> {
    let failed = |error: std::io::Error| StoreError::Open {
        location: path.display().to_string(),
        detail: error.to_string(),
        hint: "check that the folder exists and that this user may write to it",
    };
    let mut beside = path.as_os_str().to_owned();
    beside.push(".lock");
    let file = File::options().create(true).truncate(false).write(true).open(beside).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked { path: path.display().to_string() }),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// Takes the advisory lock on a connection of its own, which stays open.
async fn lock_server(config: &StoreConfig, location: &Location) -> Result<DatabaseConnection, StoreError> {
    let connection = open(config, location, 1, true).await?;
    for _ in 0..ADVISORY_TRIES {
        let ask = Statement::from_string(
            DbBackend::Postgres,
            format!("SELECT pg_try_advisory_lock({ADVISORY_LOCK}) AS ours"),
        );
        let row = connection.query_one_raw(ask).await?;
        if row.map(|row| row.try_get::<bool>("", "ours")).transpose()?.unwrap_or(false) {
            return Ok(connection);
        }
        tokio::time::sleep(ADVISORY_PAUSE).await;
    }
    Err(StoreError::Locked { path: redact(&config.url) })
}

/// Opens a pool. One that is to `keep` its connections never exchanges one for another.
async fn open(
    config: &StoreConfig,
    location: &Location,
    connections: u32,
    keep: bool,
) -> Result<DatabaseConnection, StoreError> {
    let mut options = ConnectOptions::new(config.url.clone());
    options
        .min_connections(1)
        .max_connections(connections)
        .connect_timeout(CONNECT_TIMEOUT)
        .acquire_timeout(CONNECT_TIMEOUT)
        .sqlx_logging(false)
        .record_stmt_in_spans(false)
        .set_application_name("forewarm");
    if keep {
        options.idle_timeout(None::<Duration>).max_lifetime(None::<Duration>).test_before_acquire(false);
    }
    let synchronous = match config.synchronous {
        Synchronous::Full => SqliteSynchronous::Full,
        Synchronous::Normal => SqliteSynchronous::Normal,
    };
    options.map_sqlx_sqlite_opts(move |options| {
        options
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(synchronous)
            .busy_timeout(BUSY_TIMEOUT)
    });
    Database::connect(options).await.map_err(|error| StoreError::Open {
        location: redact(&config.url),
        detail: error.to_string(),
        hint: match location {
            Location::Server => "check that the server runs, and the user, password and database in the URL",
            Location::File(_) | Location::Memory => "check that it is a SQLite database that this user may write to",
        },
    })
}

/// A URL without the user's password.
pub(crate) fn redact(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let Some((account, place)) = rest.rsplit_once('@') else { return url.to_owned() };
    let user = account.split_once(':').map_or(account, |(user, _)| user);
    format!("{scheme}://{user}@{place}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_told() {
        for (url, shown) in [
            ("postgres://me:secret@db:5432/x", "postgres://me@db:5432/x"),
            ("postgres://me:p@ss@db/x", "postgres://me@db/x"),
            ("postgres://db/x", "postgres://db/x"),
            ("sqlite:///a.db", "sqlite:///a.db"),
        ] {
            assert_eq!(redact(url), shown);
        }
    }

    #[test]
    fn only_two_kinds_of_url_are_known() {
        assert!(matches!(locate("sqlite::memory:"), Ok(Location::Memory)));
        assert!(
            matches!(locate("sqlite:///a/b.db?mode=rwc"), Ok(Location::File(path)) if path == Path::new("/a/b.db"))
        );
        assert!(matches!(locate("postgres://db/x"), Ok(Location::Server)));
        assert!(matches!(locate("mysql://db/x"), Err(StoreError::Open { .. })));
    }
}
