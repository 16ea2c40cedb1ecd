//! Opens a database by its URL: one connection that writes, and a pool that reads beside it.

use crate::Fault;
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, DbErr, Statement};
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a statement waits for a lock that someone else holds on a SQLite file, such as a backup.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Which database, and who opens it.
#[derive(Debug, Clone, Copy)]
pub struct Opening<'a> {
    /// `sqlite:///path/file.db`, `sqlite::memory:` or `postgres://user:password@host/database`.
    pub url: &'a str,
    /// Connections that read at a time; at least 1 is opened.
    pub max_connections: u32,
    /// Whether a SQLite file is synced at every commit, or at checkpoints only. PostgreSQL follows its own
    /// `synchronous_commit`.
    pub sync_commits: bool,
    /// Pages of a SQLite file that the writing connection keeps in memory, in KiB.
    pub writer_cache_kib: u32,
    /// Who holds the database against others of its kind.
    pub holder: Holder,
}

/// A kind of process of which one may have a database open at a time.
#[derive(Debug, Clone, Copy)]
pub struct Holder {
    /// What messages call it.
    pub name: &'static str,
    /// Its advisory lock on a server; on a SQLite file all kinds exclude each other.
    pub advisory_lock: i64,
}

/// Why a database could not be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// It is not there, or not accessible.
    #[error("cannot open {location}: {detail}; {hint}")]
    Open {
        /// Where it was looked for, without a password.
        location: String,
        /// What the database said.
        detail: String,
        /// What to do about it.
        hint: &'static str,
    },
    /// Another process has it.
    #[error("{location} is in use by another {holder}: stop that one, or give this one a store of its own")]
    Locked {
        /// The database, without a password.
        location: String,
        /// Who has it.
        holder: &'static str,
    },
    /// The server did not answer as it should.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<DbErr> for OpenError {
    fn from(error: DbErr) -> Self {
        Self::Fault(error.into())
    }
}

/// SQLite's own default for a connection's pages, in KiB.
pub const CACHE_KIB: u32 = 2_000;

/// The two sides of an open database.
#[derive(Debug)]
pub struct Connections {
    /// The one that writes.
    pub writer: DatabaseConnection,
    /// Those that read.
    pub reader: DatabaseConnection,
    /// Held as long as the database is open.
    pub hold: Hold,
}

/// What keeps others out of a database; the system or the server gives it back however the process ends.
#[derive(Debug)]
pub struct Hold(#[expect(dead_code, reason = "held for its lock")] Held);

#[derive(Debug)]
enum Held {
    /// A database in memory is this process' own.
    Unneeded,
    /// A lock on a file beside the database.
    File(#[expect(dead_code, reason = "held for its lock")] File),
    /// A connection that holds an advisory lock.
    Server(#[expect(dead_code, reason = "held for its lock")] DatabaseConnection),
}

/// How long the server may take to notice that a process which held the lock is gone.
const ADVISORY_TRIES: u32 = 25;
/// The pause between two tries.
const ADVISORY_PAUSE: Duration = Duration::from_millis(200);

/// Where a store is.
enum Location {
    Memory,
    File(PathBuf),
    Server,
}

/// Opens a database, making a SQLite file that does not exist.
///
/// # Errors
/// [`OpenError`].
pub async fn open(opening: Opening<'_>) -> Result<Connections, OpenError> {
    let location = locate(opening.url)?;
    let held = match &location {
        Location::Memory => Held::Unneeded,
        Location::File(path) => Held::File(lock(path, opening.holder)?),
        Location::Server => Held::Server(lock_server(opening, &location).await?),
    };
    // A connection to a file costs nothing to keep, and one to memory must not be lost.
    let keep = !matches!(location, Location::Server);
    let writer = pool(opening, &location, 1, (keep, opening.writer_cache_kib)).await?;
    let reader = match location {
        // A database in memory belongs to its one connection.
        Location::Memory => writer.clone(),
        Location::File(_) | Location::Server => {
            pool(opening, &location, opening.max_connections.max(1), (keep, CACHE_KIB)).await?
        }
    };
    Ok(Connections { writer, reader, hold: Hold(held) })
}

fn locate(url: &str) -> Result<Location, OpenError> {
    if let Some(path) = url.strip_prefix("sqlite:") {
        let path = path.strip_prefix("//").unwrap_or(path);
        let path = path.split_once('?').map_or(path, |(path, _)| path);
        return Ok(if path == ":memory:" { Location::Memory } else { Location::File(path.into()) });
    }
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return Ok(Location::Server);
    }
    Err(OpenError::Open {
        location: redact(url),
        detail: "the URL is of no known kind".into(),
        hint: "use sqlite:///path/to/file.db or postgres://user@host/database",
    })
}

/// Takes the lock beside the database file; the system gives it back however the process ends.
fn lock(path: &Path, holder: Holder) -> Result<File, OpenError> {
    let failed = |error: std::io::Error| OpenError::Open {
        location: path.display().to_string(),
        detail: error.to_string(),
        hint: "check that the folder exists and that this user may write to it",
    };
    let mut beside = path.as_os_str().to_owned();
    beside.push(".lock");
    let file = File::options().create(true).truncate(false).write(true).open(beside).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(locked(path.display().to_string(), holder)),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// Takes the advisory lock on a connection of its own, which stays open.
async fn lock_server(opening: Opening<'_>, location: &Location) -> Result<DatabaseConnection, OpenError> {
    let connection = pool(opening, location, 1, (true, CACHE_KIB)).await?;
    let lock = opening.holder.advisory_lock;
    for _ in 0..ADVISORY_TRIES {
        let ask = Statement::from_string(DbBackend::Postgres, format!("SELECT pg_try_advisory_lock({lock}) AS ours"));
        let row = connection.query_one_raw(ask).await?;
        if row.map(|row| row.try_get::<bool>("", "ours")).transpose()?.unwrap_or(false) {
            return Ok(connection);
        }
        tokio::time::sleep(ADVISORY_PAUSE).await;
    }
    Err(locked(redact(opening.url), opening.holder))
}

fn locked(location: String, holder: Holder) -> OpenError {
    OpenError::Locked { location, holder: holder.name }
}

/// Opens a pool. One that is to `keep` its connections never exchanges one for another.
async fn pool(
    opening: Opening<'_>,
    location: &Location,
    connections: u32,
    (keep, cache_kib): (bool, u32),
) -> Result<DatabaseConnection, OpenError> {
    let mut options = ConnectOptions::new(opening.url.to_owned());
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
    let synchronous = if opening.sync_commits { SqliteSynchronous::Full } else { SqliteSynchronous::Normal };
    options.map_sqlx_sqlite_opts(move |options| {
        options
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(synchronous)
            .busy_timeout(BUSY_TIMEOUT)
            // Negative: in KiB, not in pages.
            .pragma("cache_size", format!("-{cache_kib}"))
    });
    Database::connect(options).await.map_err(|error| OpenError::Open {
        location: redact(opening.url),
        detail: error.to_string(),
        hint: match location {
            Location::Server => "check that the server runs, and the user, password and database in the URL",
            Location::File(_) | Location::Memory => "check that it is a SQLite database that this user may write to",
        },
    })
}

/// A URL without the user's password.
fn redact(url: &str) -> String {
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
        assert!(matches!(locate("mysql://db/x"), Err(OpenError::Open { .. })));
    }
}
