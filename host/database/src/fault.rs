//! What a database says of a failure, told apart by what can be done about it.

use sea_orm::{DbErr, RuntimeErr, SqlErr, SqlxSqliteError, sqlx};

/// Why a database did not do what was asked. Nothing of the transaction was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A key is taken.
    #[error("already exists: {0}")]
    Conflict(String),
    /// Busy, disk full, connection lost: the same call may succeed later.
    #[error("unavailable: {0}")]
    Passing(String),
    /// What was read is not what was written.
    #[error("{what} is damaged: {detail}")]
    Damaged {
        /// What is.
        what: &'static str,
        /// What the database said.
        detail: String,
    },
    /// The statement was refused: a fault of this program or of changes made by hand.
    #[error("refused: {0}")]
    Refused(String),
}

impl From<DbErr> for Fault {
    fn from(error: DbErr) -> Self {
        if let Some(SqlErr::UniqueConstraintViolation(what)) = error.sql_err() {
            return Self::Conflict(what);
        }
        match &error {
            DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => Self::Passing(error.to_string()),
            DbErr::Exec(RuntimeErr::SqlxError(cause)) | DbErr::Query(RuntimeErr::SqlxError(cause)) => {
                classify(cause, error.to_string())
            }
            _ => Self::Refused(error.to_string()),
        }
    }
}

fn classify(cause: &sqlx::Error, detail: String) -> Fault {
    match cause {
        sqlx::Error::Database(database) => {
            let code = database.code().unwrap_or_default();
            match database.try_downcast_ref::<SqlxSqliteError>() {
                Some(_) => of_sqlite(&code, detail),
                None => of_postgres(&code, detail),
            }
        }
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => Fault::Passing(detail),
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => Fault::Damaged { what: "a row", detail },
        _ => Fault::Refused(detail),
    }
}

/// The primary result codes of SQLite (<https://www.sqlite.org/rescode.html>).
fn of_sqlite(code: &str, detail: String) -> Fault {
    match code.parse::<u32>().map_or(1, |code| code & 0xff) {
        // BUSY, LOCKED, NOMEM, READONLY, INTERRUPT, IOERR, FULL, CANTOPEN.
        5..=10 | 13 | 14 => Fault::Passing(detail),
        // CORRUPT, NOTADB.
        11 | 26 => Fault::Damaged { what: "the database file", detail },
        _ => Fault::Refused(detail),
    }
}

/// The classes of SQLSTATE (PostgreSQL's documentation, appendix A).
fn of_postgres(code: &str, detail: String) -> Fault {
    match code.get(..2).unwrap_or_default() {
        // Connection, rollback of the transaction, resources, object in use, operator's intervention, system error.
        "08" | "40" | "53" | "55" | "57" | "58" => Fault::Passing(detail),
        // A read-only transaction: the server is a replica, as during a fail-over.
        "25" => Fault::Passing(detail),
        "XX" => Fault::Damaged { what: "the database", detail },
        _ => Fault::Refused(detail),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passing_failures_are_told_from_lasting_ones() {
        let passes = |fault: &Fault| matches!(fault, Fault::Passing(_));
        for (code, passing) in [("5", true), ("13", true), ("261", true), ("11", false), ("1", false), ("", false)] {
            assert_eq!(passes(&of_sqlite(code, String::new())), passing, "{code}");
        }
        for (code, passing) in [("40001", true), ("53100", true), ("57P01", true), ("42601", false), ("XX001", false)] {
            assert_eq!(passes(&of_postgres(code, String::new())), passing, "{code}");
        }
    }
}
