//! The connections of one plugin. They are shared with no other plugin and among no two destinations, since each
//! destination has certificates and addresses of its own.

use super::problem::Problem;
use bytes::Bytes;
use forewarm_egress::Host;
use http_body_util::Full;
use hyper::client::conn::http1::SendRequest;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::AbortOnDropHandle;

/// What a connection can be used again for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    /// The destination's place in the grant.
    pub(super) destination: usize,
    pub(super) host: Host,
}

/// An open connection. Dropping it closes it.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) key: Key,
    pub(super) sender: SendRequest<Full<Bytes>>,
    pub(super) driver: AbortOnDropHandle<()>,
    pub(super) _place: OwnedSemaphorePermit,
}

/// See the module's description.
#[derive(Debug)]
pub(super) struct Pool {
    idle: Mutex<Vec<(Connection, Instant)>>,
    places: Arc<Semaphore>,
    idle_max: Duration,
}

impl Pool {
    pub(super) fn new(connections: usize, idle_max: Duration) -> Self {
        Self { idle: Mutex::default(), places: Arc::new(Semaphore::new(connections)), idle_max }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<(Connection, Instant)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An idle connection for `key`, that used last.
    pub(super) fn take(&self, key: &Key) -> Option<Connection> {
        self.reap();
        let mut idle = self.idle();
        let place = idle.iter().rposition(|(connection, _)| connection.key == *key)?;
        Some(idle.remove(place).0)
    }

    /// Takes a connection back whose exchange is over.
    pub(super) fn put(&self, connection: Connection) {
        if !connection.sender.is_closed() {
            self.idle().push((connection, Instant::now()));
        }
    }

    /// Room for a new connection; the one that has been idle longest gives way.
    ///
    /// # Errors
    /// [`Problem::Connections`] when all are in use.
    pub(super) fn place(&self) -> Result<OwnedSemaphorePermit, Problem> {
        loop {
            if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
                return Ok(place);
            }
            let mut idle = self.idle();
            if idle.is_empty() {
                return Err(Problem::Connections);
            }
            drop(idle.remove(0));
        }
    }

    /// Closes what has been idle too long or was closed by the server.
    pub(super) fn reap(&self) {
        self.idle().retain(|(connection, since)| !connection.sender.is_closed() && since.elapsed() < self.idle_max);
    }

    /// How often [`Self::reap`] has to be called.
    pub(super) fn reap_every(&self) -> Duration {
        (self.idle_max / 2).max(Duration::from_millis(10))
    }
}
