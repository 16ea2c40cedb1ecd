//! The market's memory: everything that has to be there after a restart, in SQLite or PostgreSQL.
//!
//! Invariants: the only module that knows sea-orm; a [`write`](Store::write) is one transaction, durable when it returns;
//! rows of the two databases are the same. What was booked is never changed: a transfer or event that comes twice fails
//! the transaction.

mod entity;
mod error;
mod load;
mod migration;
mod read;
mod records;
mod row;
mod statements;

use crate::{config::MarketConfig, core::state::Changes, error::MarketError};
use forewarm_database::open::{Connections, Hold, Holder, Opening, open};
use forewarm_database::schema::migrate;
use futures::future::BoxFuture;
use sea_orm::{DatabaseConnection, DatabaseTransaction, DbErr, TransactionTrait};
use std::sync::{Arc, Mutex, PoisonError};

/// Markets on one server exclude each other; a host beside them is none of them.
const HOLDER: Holder = Holder { name: "market", advisory_lock: i64::from_be_bytes(*b"fwmarket") };

/// An open store. Clones are the same store.
#[derive(Clone)]
pub(crate) struct Store(Arc<Inner>);

struct Inner {
    reader: DatabaseConnection,
    writer: DatabaseConnection,
    /// Keeps others out until it is closed.
    hold: Mutex<Option<Hold>>,
}

impl Store {
    /// Opens the database, making a SQLite file that does not exist, and brings its schema up to date.
    pub(crate) async fn open(config: &MarketConfig) -> Result<Self, MarketError> {
        let opening =
            Opening { url: &config.url, max_connections: config.max_connections, sync_commits: true, holder: HOLDER };
        let Connections { writer, reader, hold } = open(opening).await?;
        migrate::<migration::Migrator>(&writer).await?;
        Ok(Self(Arc::new(Inner { reader, writer, hold: Mutex::new(Some(hold)) })))
    }

    /// Writes everything in one transaction. `before_commit` is called when all of it was sent.
    pub(crate) async fn write(
        &self,
        changes: Changes,
        before_commit: Option<impl FnOnce()>,
    ) -> Result<(), MarketError> {
        let script = statements::script(&self.0.writer, changes)?;
        let committed = match before_commit {
            Some(told) if !script.is_empty() => script.commit_when_told(&self.0.writer, told).await,
            _ => script.commit(&self.0.writer).await,
        };
        Ok(committed?)
    }

    /// A transaction of the market's rim (tokens, webhooks), on the one connection that writes.
    pub(crate) async fn transact<T, F>(&self, work: F) -> Result<T, MarketError>
    where
        T: Send,
        F: for<'t> FnOnce(&'t DatabaseTransaction) -> BoxFuture<'t, Result<T, DbErr>> + Send,
    {
        let tx = self.0.writer.begin().await.map_err(error::of)?;
        let done = work(&tx).await.map_err(error::of)?;
        tx.commit().await.map_err(error::of)?;
        Ok(done)
    }

    /// Where to read.
    pub(crate) fn reader(&self) -> &DatabaseConnection {
        &self.0.reader
    }

    /// Closes every connection.
    pub(crate) async fn close(&self) {
        for side in [&self.0.writer, &self.0.reader] {
            if let Err(error) = side.close_by_ref().await {
                tracing::warn!(%error, "a connection to the market's store did not close cleanly");
            }
        }
        // Free for the next market; a connection that held it on a server is closed with it.
        drop(self.0.hold.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}
