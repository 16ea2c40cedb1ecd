//! The host's memory: everything that has to be there after a restart, in SQLite or PostgreSQL.
//!
//! Invariants: the only module that knows sea-orm; a [`commit`](Store::commit) is atomic and durable when it returns;
//! rows of the two databases are the same. Many callers' batches share one transaction, so that a disk that syncs a
//! hundred times a second still takes thousands of claims.

mod entity;
mod error;
mod lent;
mod migration;
mod read;
mod read_series;
mod record;
mod row;
mod state;
mod statements;
mod write;
mod writer;

use crate::thread::OwnThread;
use forewarm_database::open::{CACHE_KIB, Connections, Hold, Holder, Opening, open};
use forewarm_database::schema::migrate;
use sea_orm::DatabaseConnection;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use writer::{Entrances, Request};

pub use error::StoreError;
pub use lent::{CalledBack, Granted, LeaseNews, Lent, LentUnit};
pub use record::{ChunkRecord, Intent, JournalRecord, Scope, SealedSpan, SeriesRecord, TokenRecord};
pub use write::{Prune, Write};

/// Hosts on one server exclude each other by the first bytes of "forewarm".
const HOLDER: Holder = Holder { name: "host", advisory_lock: i64::from_be_bytes(*b"forewarm") };

/// Which database, and how careful it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreConfig {
    /// `sqlite:///path/file.db`, `sqlite::memory:` or `postgres://user:password@host/database`.
    pub url: String,
    /// When a SQLite file is synced to disk. PostgreSQL follows its own `synchronous_commit`.
    pub synchronous: Synchronous,
    /// Connections that read at a time, at least 1. One more writes.
    pub max_connections: u32,
}

impl StoreConfig {
    /// The default settings for the database at `url`: full durability, four readers.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), synchronous: Synchronous::default(), max_connections: 4 }
    }
}

/// When a SQLite file is synced to disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Synchronous {
    /// At every commit: what is acknowledged survives a power cut.
    #[default]
    Full,
    /// At every checkpoint: what is acknowledged survives a crash of the host, the last second may not survive a power
    /// cut.
    Normal,
}

/// An open store. Clones are the same store.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    reader: DatabaseConnection,
    writer: DatabaseConnection,
    queues: Entrances,
    closing: CancellationToken,
    task: Mutex<Option<JoinHandle<()>>>,
    /// The writer's: a commit is several trips to the database, none of which waits behind requests.
    _thread: OwnThread,
    /// Frees the database file for the next host when the last clone is gone.
    _hold: Hold,
}

impl Drop for Inner {
    fn drop(&mut self) {
        // A store that was not closed ends as after a kill: what was not acknowledged is rolled back.
        if let Some(task) = self.task.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            task.abort();
        }
    }
}

impl Store {
    /// Opens the database, making a SQLite file that does not exist, and brings its schema up to date.
    ///
    /// # Errors
    /// [`StoreError::Open`] with what to check, [`StoreError::Locked`] when another host has the file,
    /// [`StoreError::NewerSchema`] when a newer release wrote it.
    pub async fn open(config: &StoreConfig) -> Result<Self, StoreError> {
        let opening = Opening {
            url: &config.url,
            max_connections: config.max_connections,
            sync_commits: config.synchronous == Synchronous::Full,
            writer_cache_kib: CACHE_KIB,
            holder: HOLDER,
        };
        let Connections { writer, reader, hold } = open(opening).await?;
        migrate::<migration::Migrator>(&writer).await?;
        let (queues, lanes) = writer::lanes();
        let closing = CancellationToken::new();
        let thread =
            OwnThread::start("forewarm-writer", 0).map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let task = thread.handle().spawn(writer::run(writer.clone(), lanes, closing.clone()));
        let task = Mutex::new(Some(task));
        Ok(Self(Arc::new(Inner { reader, writer, queues, closing, task, _thread: thread, _hold: hold })))
    }

    /// Writes a batch: all of it or nothing, durable when this returns. Batches of callers that wait at the same time
    /// are committed together, in the order of their calls; one that is refused does not fail the others. What was
    /// [submitted](Self::submit) goes first.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when a name or key is taken, [`StoreError::Unavailable`] when trying again may help,
    /// [`StoreError::Closed`] after [`close`](Self::close).
    pub async fn commit(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        if writes.is_empty() {
            return Ok(());
        }
        let (reply, answer) = oneshot::channel();
        self.0.queues.ordinary.send(Request { writes, reply }).await.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// Queues an urgent batch at once and gives what [`commit`](Self::commit) would: submitted batches are committed in
    /// the order in which they were submitted, so that a caller can fix that order under a lock of its own and wait
    /// outside it. There is no order between these batches and committed ones.
    pub fn submit(&self, writes: Vec<Write>) -> impl Future<Output = Result<(), StoreError>> + Send + use<> {
        let queued = (!writes.is_empty()).then(|| self.queue(writes));
        async move {
            match queued {
                Some(queued) => queued.await,
                None => Ok(()),
            }
        }
    }

    /// Waits until every batch that was submitted before is committed or refused.
    ///
    /// # Errors
    /// [`StoreError`] when the store can't be reached: nothing is known of those batches then.
    pub fn barrier(&self) -> impl Future<Output = Result<(), StoreError>> + Send + use<> {
        self.queue(Vec::new())
    }

    fn queue(&self, writes: Vec<Write>) -> impl Future<Output = Result<(), StoreError>> + Send + use<> {
        let (reply, answer) = oneshot::channel();
        let queued = self.0.queues.urgent.try_send(Request { writes, reply });
        async move {
            match queued {
                Ok(()) => answer.await.map_err(|_| StoreError::Closed)?,
                Err(mpsc::error::TrySendError::Full(_)) => {
                    Err(StoreError::Unavailable("too many changes wait to be saved".into()))
                }
                Err(mpsc::error::TrySendError::Closed(_)) => Err(StoreError::Closed),
            }
        }
    }

    /// Commits what is queued, then closes every connection. Later calls fail.
    pub async fn close(&self) {
        self.0.closing.cancel();
        let task = self.0.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task
            && let Err(error) = task.await
        {
            tracing::error!(%error, "the store's writer ended abnormally");
        }
        for side in [&self.0.writer, &self.0.reader] {
            if let Err(error) = side.close_by_ref().await {
                tracing::warn!(%error, "a connection to the store did not close cleanly");
            }
        }
    }

    fn reader(&self) -> &DatabaseConnection {
        &self.0.reader
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}
