//! The serving side that both buses share: so many requests at a time, so many waiting, `busy` beyond, panics caught,
//! and an end that lets what was begun finish.

use crate::bus::Handler;
use bytes::Bytes;
use futures::FutureExt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// How many requests wait per request that is handled at a time.
pub const QUEUE_PER_WORKER: usize = 4;
/// How long a stopped service waits for the requests that it has accepted.
pub const DRAIN_LIMIT: Duration = Duration::from_secs(30);

/// The most requests that a service handles at a time, whatever it was asked for.
const CONCURRENCY_MAX: usize = 65_536;

/// A subject that is being served. Dropping it ends the service at once; [`Service::stop`] lets requests finish.
#[derive(Debug)]
pub struct Service {
    desk: Arc<Desk>,
    _abandon: DropGuard,
}

impl Service {
    pub(crate) fn new(desk: Arc<Desk>) -> Self {
        let abandon = desk.abandon.clone().drop_guard();
        Self { desk, _abandon: abandon }
    }

    /// Takes no more requests, waits up to [`DRAIN_LIMIT`] until the accepted ones are answered, and gives up the
    /// rest.
    ///
    /// Once it has returned, no request is sent here any more.
    ///
    /// # Caveats
    /// Over NATS a request that is on the wire at the moment of stopping may stay unanswered, as the client library
    /// forgets a subscription before the server does; its caller sees a timeout. To exchange who answers without such
    /// a gap, exchange it behind one [`Handler`] that stays.
    pub async fn stop(self) {
        self.desk.stop.cancel();
        self.desk.tasks.close();
        if tokio::time::timeout(DRAIN_LIMIT, self.desk.tasks.wait()).await.is_err() {
            tracing::warn!(abandoned = self.desk.tasks.len(), "a stopped service did not finish in time");
        }
    }
}

/// Why a desk did not take or answer a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Hands and queue are full.
    Busy,
    /// The service takes no more requests; this one was not begun.
    Stopping,
    /// The service ended while it worked on the request.
    Abandoned,
    /// The handler panicked, with this message.
    Panicked(String),
}

/// Where requests to one served subject arrive.
#[derive(Debug)]
pub(crate) struct Desk {
    handler: HandlerSlot,
    /// One permit per request that is handled or waits; a place in here bounds the tasks.
    places: Arc<Semaphore>,
    /// One permit per request that is handled.
    hands: Semaphore,
    tasks: TaskTracker,
    stop: CancellationToken,
    abandon: CancellationToken,
}

/// Keeps the handler out of `Debug`.
struct HandlerSlot(Arc<dyn Handler>);

impl std::fmt::Debug for HandlerSlot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Handler")
    }
}

impl Desk {
    pub(crate) fn new(handler: Arc<dyn Handler>, concurrency: usize) -> Arc<Self> {
        let hands = concurrency.clamp(1, CONCURRENCY_MAX);
        let abandon = CancellationToken::new();
        Arc::new(Self {
            handler: HandlerSlot(handler),
            places: Arc::new(Semaphore::new(hands * (1 + QUEUE_PER_WORKER))),
            hands: Semaphore::new(hands),
            tasks: TaskTracker::new(),
            // Whoever gives up takes no more requests either.
            stop: abandon.child_token(),
            abandon,
        })
    }

    /// Takes one request, or refuses it at once.
    pub(crate) fn admit(self: &Arc<Self>) -> Result<Admitted, Refusal> {
        // The token makes a stopping service wait for this request from here on.
        let token = self.tasks.token();
        if self.is_over() {
            return Err(Refusal::Stopping);
        }
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| Refusal::Busy)?;
        Ok(Admitted { desk: Arc::clone(self), _place: place, _token: token })
    }

    /// Runs `work`, which a stopping service waits for. It has to end once [`Desk::stopping`] resolves, or with an
    /// [`Admitted`] request.
    pub(crate) fn spawn<F>(&self, work: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.tasks.spawn(work)
    }

    /// Resolves once no more requests are to be taken.
    pub(crate) async fn stopping(&self) {
        self.stop.cancelled().await;
    }

    /// Resolves once even what was begun is to be given up.
    pub(crate) async fn abandoned(&self) {
        self.abandon.cancelled().await;
    }

    /// Whether requests are refused because the service ends or has ended.
    pub(crate) fn is_over(&self) -> bool {
        self.stop.is_cancelled()
    }

    async fn work(&self, payload: Bytes) -> Result<Bytes, Refusal> {
        let _hand = self.hands.acquire().await.map_err(|_| Refusal::Abandoned)?;
        // `handle` itself may panic before it gives a future, so it is called inside one.
        let answer = async { self.handler.0.handle(payload).await };
        AssertUnwindSafe(answer).catch_unwind().await.map_err(|panic| Refusal::Panicked(panic_message(panic.as_ref())))
    }
}

/// A request that has a place at the desk until this is dropped.
pub(crate) struct Admitted {
    desk: Arc<Desk>,
    _place: OwnedSemaphorePermit,
    _token: TaskTrackerToken,
}

impl Admitted {
    /// Waits for a free hand and answers, or gives up as soon as the service is dropped.
    pub(crate) async fn answer(self, payload: Bytes) -> Result<Bytes, Refusal> {
        let work = self.desk.work(payload);
        self.desk.abandon.run_until_cancelled(work).await.unwrap_or(Err(Refusal::Abandoned))
    }
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("the handler panicked: {}", text.unwrap_or("no message"))
}

/// What a caller is told whose request was given up.
pub(crate) const ABANDONED: &str = "the service ended before it had answered";

/// What a caller is told whose answer does not fit.
pub(crate) fn too_large_an_answer(size: usize, limit: usize) -> String {
    format!(
        "the answer of {size} bytes exceeds the bus's limit of {limit} bytes: ask for less, or raise its max_payload"
    )
}
