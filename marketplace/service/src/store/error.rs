//! What a database says, in the market's words: a passing failure is told from one that an operator has to look at.

use crate::error::MarketError;
use forewarm_database::Fault;
use forewarm_database::open::OpenError;
use forewarm_database::schema::MigrateError;
use sea_orm::DbErr;

/// The market's error for a database's.
pub(super) fn of(error: DbErr) -> MarketError {
    Fault::from(error).into()
}

impl From<Fault> for MarketError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Conflict(what) => Self::Damaged(format!("something was booked twice ({what})")),
            Fault::Passing(detail) => Self::Unavailable(detail),
            Fault::Damaged { .. } | Fault::Refused(_) => Self::Damaged(fault.to_string()),
        }
    }
}

impl From<OpenError> for MarketError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Open { .. } | OpenError::Locked { .. } => Self::Unavailable(error.to_string()),
            OpenError::Fault(fault) => fault.into(),
        }
    }
}

impl From<MigrateError> for MarketError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Newer { .. } => Self::Damaged(error.to_string()),
            MigrateError::Fault(fault) => fault.into(),
        }
    }
}
