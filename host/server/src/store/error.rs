//! What can go wrong between the host and its store, and how a database's own error is told apart.

use sea_orm::sqlx;
use sea_orm::{DbErr, RuntimeErr, SqlErr, SqlxSqliteError};

/// Why the store could not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The database could not be opened.
    #[error("cannot open the store {location}: {detail}; {hint}")]
    Open {
        /// Where it was looked for, without a password.
        location: String,
        /// What the database said.
        detail: String,
        /// What to do about it.
        hint: &'static str,
    },
    /// Another process has the database file.
    #[error("the store {path} is in use by another host: stop that one, or give this one a store of its own")]
    Locked {
        /// The database file.
        path: String,
    },
    /// A newer release has already changed the database.
    #[error("the store was written by a newer release (it knows `{found}`): run that release, or restore a backup")]
    NewerSchema {
        /// The first migration that this release does not know.
        found: String,
    },
    /// The name or key is taken; nothing of the batch was written.
    #[error("already exists: {0}")]
    Conflict(String),
    /// A passing failure (busy, disk full, connection lost); nothing of the batch was written. Retrying may help.
    #[error("the store is unavailable: {0}; it is safe to try again")]
    Unavailable(String),
    /// What was read is not what was written.
    #[error("{what} in the store is damaged: {detail}; restore it from a backup")]
    Corrupt {
        /// Which row.
        what: String,
        /// What does not fit.
        detail: String,
    },
    /// The database refused a statement: a fault of this program or of changes made by hand.
    #[error("the store refused a statement: {0}")]
    Refused(String),
    /// The store was closed.
    #[error("the store is closed: the host is stopping")]
    Closed,
}

impl StoreError {
    pub(crate) fn corrupt(what: impl Into<String>, detail: impl std::fmt::Display) -> Self {
        Self::Corrupt { what: what.into(), detail: format!("{detail}") }
    }

    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        if let Some(SqlErr::UniqueConstraintViolation(what)) = error.sql_err() {
            return Self::Conflict(what);
        }
        match &error {
            DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => Self::Unavailable(error.to_string()),
            DbErr::Exec(RuntimeErr::SqlxError(cause)) | DbErr::Query(RuntimeErr::SqlxError(cause)) => {
                classify(cause, error.to_string())
            }
            _ => Self::Refused(error.to_string()),
        }
    }
}

fn classify(cause: &sqlx::Error, detail: String) -> StoreError {
    match cause {
        sqlx::Error::Database(database) => {
            let code = database.code().unwrap_or_default();
            if database.try_downcast_ref::<SqlxSqliteError>().is_some() {
                classify_sqlite(&code, detail)
            } else {
                classify_postgres(&code, detail)
            }
        }
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => StoreError::Unavailable(detail),
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => StoreError::corrupt("a row", detail),
        _ => StoreError::Refused(detail),
    }
}

/// The primary result codes of SQLite (<https://www.sqlite.org/rescode.html>).
fn classify_sqlite(code: &str, detail: String) -> StoreError {
    match code.parse::<u32>().map_or(1, |code| code & 0xff) {
        // BUSY, LOCKED, NOMEM, READONLY, INTERRUPT, IOERR, FULL, CANTOPEN.
        5..=10 | 13 | 14 => StoreError::Unavailable(detail),
        // CORRUPT, NOTADB.
        11 | 26 => StoreError::corrupt("the database file", detail),
        _ => StoreError::Refused(detail),
    }
}

/// The classes of SQLSTATE (PostgreSQL's documentation, appendix A).
fn classify_postgres(code: &str, detail: String) -> StoreError {
    match code.get(..2).unwrap_or_default() {
        // Connection, rollback of the transaction, resources, object in use, operator's intervention, system error.
        "08" | "40" | "53" | "55" | "57" | "58" => StoreError::Unavailable(detail),
        // A read-only transaction: the server is a replica, as during a fail-over.
        "25" => StoreError::Unavailable(detail),
        "XX" => StoreError::corrupt("the database", detail),
        _ => StoreError::Refused(detail),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passing_failures_are_told_from_lasting_ones() {
        for (code, passing) in [("5", true), ("13", true), ("261", true), ("11", false), ("1", false), ("", false)] {
            assert_eq!(classify_sqlite(code, String::new()).is_passing(), passing, "{code}");
        }
        for (code, passing) in [("40001", true), ("53100", true), ("57P01", true), ("42601", false), ("XX001", false)] {
            assert_eq!(classify_postgres(code, String::new()).is_passing(), passing, "{code}");
        }
    }
}
