//! Opens a database by its URL: one connection that writes, and a pool that reads beside it.

use crate::error::MarketError;
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement};
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a statement waits for a lock that someone else holds on a SQLite file, such as a backup.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Pages of a SQLite file that the writing connection keeps in memory, in KiB. A round's settlement has to fit: what does not
/// is written before the commit, and again with every further change.
const WRITER_CACHE_KIB: u32 = 64 << 10;
/// The same of each connection that reads: SQLite's own default.
const READER_CACHE_KIB: u32 = 2_000;

/// The two sides of an open database.
pub(crate) struct Connections {
    pub writer: DatabaseConnection,
    pub reader: DatabaseConnection,
    /// Held as long as the store is open, so that no second market opens the same database.
    pub lock: Hold,
}

/// What keeps other markets out of a database; the system or the server gives it back however the process ends.
pub(crate) enum Hold {
    /// A database in memory is this process' own.
    Unneeded,
    /// A lock on a file beside the database.
    File(#[expect(dead_code, reason = "held for its lock")] File),
    /// A connection that holds an advisory lock.
    Server(#[expect(dead_code, reason = "held for its lock")] DatabaseConnection),
}

/// The advisory lock of a market.
const ADVISORY_LOCK: i64 = i64::from_be_bytes(*b"fwmarket");
/// How long the server may take to notice that a market which held the lock is gone.
const ADVISORY_TRIES: u32 = 25;
/// The pause between two tries.
const ADVISORY_PAUSE: Duration = Duration::from_millis(200);

/// Where a store is.
enum Location {
    Memory,
    File(PathBuf),
    Server,
}

pub(crate) async fn connect(url: &str, max_connections: u32) -> Result<Connections, MarketError> {
    let location = locate(url)?;
    let lock = match &location {
        Location::Memory => Hold::Unneeded,
        Location::File(path) => Hold::File(lock(path)?),
        Location::Server => Hold::Server(lock_server(url, &location).await?),
    };
    // A connection to a file costs nothing to keep, and one to memory must not be lost.
    let keep = !matches!(location, Location::Server);
    let writer = open(url, &location, 1, (keep, WRITER_CACHE_KIB)).await?;
    let reader = match location {
        // A database in memory belongs to its one connection.
        Location::Memory => writer.clone(),
        Location::File(_) | Location::Server => {
            open(url, &location, max_connections.max(1), (keep, READER_CACHE_KIB)).await?
        }
    };
    Ok(Connections { writer, reader, lock })
}

fn locate(url: &str) -> Result<Location, MarketError> {
    if let Some(path) = url.strip_prefix("sqlite:") {
        let path = path.strip_prefix("//").unwrap_or(path);
        let path = path.split_once('?').map_or(path, |(path, _)| path);
        return Ok(if path == ":memory:" { Location::Memory } else { Location::File(path.into()) });
    }
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return Ok(Location::Server);
    }
    let hint = "use sqlite:///path/to/file.db or postgres://user@host/database";
    Err(failed(&redact(url), "the URL is of no known kind", hint))
}

/// Takes the lock beside the database file; the system gives it back however the process ends.
fn lock(path: &Path) -> Result<File, MarketError> {
    let hint = "check that the folder exists and that this user may write to it";
    let failed = |error: std::io::Error| failed(&path.display().to_string(), &error.to_string(), hint);
    let mut beside = path.as_os_str().to_owned();
    beside.push(".lock");
    let file = File::options().create(true).truncate(false).write(true).open(beside).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(locked(&path.display().to_string())),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// Takes the advisory lock on a connection of its own, which stays open.
async fn lock_server(url: &str, location: &Location) -> Result<DatabaseConnection, MarketError> {
    let connection = open(url, location, 1, (true, READER_CACHE_KIB)).await?;
    for _ in 0..ADVISORY_TRIES {
        let ask = Statement::from_string(
            DbBackend::Postgres,
            format!("SELECT pg_try_advisory_lock({ADVISORY_LOCK}) AS ours"),
        );
        let row = connection.query_one_raw(ask).await.map_err(super::error::of)?;
        if row.map(|row| row.try_get::<bool>("", "ours")).transpose().map_err(super::error::of)?.unwrap_or(false) {
            return Ok(connection);
        }
        tokio::time::sleep(ADVISORY_PAUSE).await;
    }
    Err(locked(&redact(url)))
}

/// Opens a pool. One that is to `keep` its connections never exchanges one for another.
async fn open(
    url: &str,
    location: &Location,
    connections: u32,
    (keep, cache_kib): (bool, u32),
) -> Result<DatabaseConnection, MarketError> {
    let mut options = ConnectOptions::new(url.to_owned());
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
    options.map_sqlx_sqlite_opts(move |options| {
        options
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT)
            // Negative numbers are KiB.
            .pragma("cache_size", format!("-{cache_kib}"))
    });
    let hint = match location {
        Location::Server => "check that the server runs, and the user, password and database in the URL",
        Location::File(_) | Location::Memory => "check that it is a SQLite database that this user may write to",
    };
    Database::connect(options).await.map_err(|error| failed(&redact(url), &error.to_string(), hint))
}

fn failed(location: &str, detail: &str, hint: &str) -> MarketError {
    MarketError::Unavailable(format!("cannot open {location}: {detail}; {hint}"))
}

fn locked(location: &str) -> MarketError {
    let advice = "stop that one, or give this one a store of its own";
    MarketError::Unavailable(format!("{location} is in use by another market: {advice}"))
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
        assert!(matches!(locate("mysql://db/x"), Err(MarketError::Unavailable(_))));
    }
}
