//! What can go wrong between the host and its store.

use forewarm_database::Fault;
use forewarm_database::open::OpenError;
use forewarm_database::schema::MigrateError;
use sea_orm::DbErr;

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

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Conflict(what) => Self::Conflict(what),
            Fault::Passing(detail) => Self::Unavailable(detail),
            Fault::Damaged { what, detail } => Self::corrupt(what, detail),
            Fault::Refused(detail) => Self::Refused(detail),
        }
    }
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        Fault::from(error).into()
    }
}

impl From<OpenError> for StoreError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Open { location, detail, hint } => Self::Open { location, detail, hint },
            OpenError::Locked { location, .. } => Self::Locked { path: location },
            OpenError::Fault(fault) => fault.into(),
        }
    }
}

impl From<MigrateError> for StoreError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Newer { found } => Self::NewerSchema { found },
            MigrateError::Fault(fault) => fault.into(),
        }
    }
}
