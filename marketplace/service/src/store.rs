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
use futures::future::{BoxFuture, join};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, Statement, TransactionTrait,
};
use statements::Pending;
use std::sync::{Arc, Mutex, PoisonError};

/// Markets on one server exclude each other; a host beside them is none of them.
const HOLDER: Holder = Holder { name: "market", advisory_lock: i64::from_be_bytes(*b"fwmarket") };

/// Statements that are sent to SQLite as one request; more would fill its cache of prepared texts.
const IN_ONE_MAX: usize = 16;
/// Pages of a SQLite file that the writing connection keeps in memory, in KiB. A round's settlement has to fit: what does
/// not is written before the commit, and again with every further change.
const WRITER_CACHE_KIB: u32 = 64 << 10;

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
        let opening = Opening {
            url: &config.url,
            max_connections: config.max_connections,
            sync_commits: true,
            writer_cache_kib: WRITER_CACHE_KIB,
            holder: HOLDER,
        };
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
        let backend = self.0.writer.get_database_backend();
        let statements = statements::statements(backend, changes);
        if statements.is_empty() {
            return Ok(());
        }
        if backend == DbBackend::Sqlite && statements.len() <= IN_ONE_MAX && before_commit.is_none() {
            return self.write_in_one(statements).await;
        }
        let tx = self.0.writer.begin().await.map_err(error::of)?;
        if let Err(failure) = execute(&tx, statements).await {
            // The first failure tells more than a failing rollback, and a lost connection rolls back by itself.
            drop(tx.rollback().await);
            return Err(failure);
        }
        if let Some(told) = before_commit {
            told();
        }
        tx.commit().await.map_err(error::of)
    }

    /// The whole transaction as one request: each trip to the connection's thread and back costs more than a statement.
    async fn write_in_one(&self, statements: Vec<Pending>) -> Result<(), MarketError> {
        let (mut sql, mut values) = (String::from("BEGIN"), Vec::new());
        for pending in statements {
            let statement = pending()?;
            sql.push(';');
            sql.push_str(&statement.sql);
            values.extend(statement.values.into_iter().flat_map(|values| values.0));
        }
        sql.push_str(";COMMIT");
        let outcome = self.0.writer.execute_raw(Statement::from_sql_and_values(DbBackend::Sqlite, sql, values)).await;
        if outcome.is_err() {
            // Some failures have ended the transaction already: there is nothing to roll back then.
            drop(self.0.writer.execute_unprepared("ROLLBACK").await);
        }
        outcome.map(drop).map_err(error::of)
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

/// Executes all of them in order. While the database works on one, the next is put together.
async fn execute(tx: &DatabaseTransaction, statements: Vec<Pending>) -> Result<(), MarketError> {
    let mut pending = statements.into_iter();
    let mut next = pending.next().map(|first| first()).transpose()?;
    while let Some(statement) = next {
        let build = async { pending.next().map(|next| next()).transpose() };
        let (done, built) = join(tx.execute_raw(statement), build).await;
        done.map_err(error::of)?;
        next = built?;
    }
    Ok(())
}
