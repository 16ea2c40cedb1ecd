//! What a database says, in the market's words: a passing failure is told from one that an operator has to look at.

use crate::error::MarketError;
use sea_orm::{DbErr, RuntimeErr, SqlErr, SqlxSqliteError, sqlx};

/// The market's error for a database's.
#[expect(clippy::needless_pass_by_value, reason = "what a failing call gives is handed on")]
pub(super) fn of(error: DbErr) -> MarketError {
    if let Some(SqlErr::UniqueConstraintViolation(what)) = error.sql_err() {
        return MarketError::Damaged(format!("something was booked twice ({what})"));
    }
    let passing = match &error {
        DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => true,
        DbErr::Exec(RuntimeErr::SqlxError(cause)) | DbErr::Query(RuntimeErr::SqlxError(cause)) => passes(cause),
        _ => false,
    };
    if passing { MarketError::Unavailable(error.to_string()) } else { MarketError::Damaged(error.to_string()) }
}

fn passes(cause: &sqlx::Error) -> bool {
    match cause {
        sqlx::Error::Database(database) => {
            let code = database.code().unwrap_or_default();
            match database.try_downcast_ref::<SqlxSqliteError>() {
                Some(_) => sqlite_passes(&code),
                None => postgres_passes(&code),
            }
        }
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        _ => false,
    }
}

/// The primary result codes of SQLite (<https://www.sqlite.org/rescode.html>): BUSY, LOCKED, NOMEM, READONLY, INTERRUPT,
/// IOERR, FULL, CANTOPEN.
fn sqlite_passes(code: &str) -> bool {
    matches!(code.parse::<u32>().map_or(1, |code| code & 0xff), 5..=10 | 13 | 14)
}

/// The classes of SQLSTATE (PostgreSQL's documentation, appendix A): connection, a replica during a fail-over, rollback of
/// the transaction, resources, object in use, operator's intervention, system error.
fn postgres_passes(code: &str) -> bool {
    matches!(code.get(..2).unwrap_or_default(), "08" | "25" | "40" | "53" | "55" | "57" | "58")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passing_failures_are_told_from_lasting_ones() {
        for (code, passing) in [("5", true), ("13", true), ("261", true), ("11", false), ("1", false), ("", false)] {
            assert_eq!(sqlite_passes(code), passing, "{code}");
        }
        for (code, passing) in [("40001", true), ("53100", true), ("57P01", true), ("42601", false), ("XX001", false)] {
            assert_eq!(postgres_passes(code), passing, "{code}");
        }
    }
}
