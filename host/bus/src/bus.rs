//! The trait that both buses implement, and what goes with it.

use crate::error::BusError;
use crate::service::Service;
use crate::subject::{Pattern, Subject};
use crate::subscription::Subscription;
use async_trait::async_trait;
use bytes::Bytes;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Carries messages between the parts of forewarm.
///
/// # Guarantees
/// Messages of one publisher to one subscriber keep their order. A subscriber or server is known to this bus's own
/// callers once `subscribe` or `serve` has returned. Each request is handled by one server at most.
///
/// # Caveats
/// Published messages arrive at most once. What is published while a remote bus is away is refused with
/// [`BusError::Disconnected`]; what others publish meanwhile is not delivered later, and not counted as lag.
/// Subscribe to subjects that are published to, not to served ones: over NATS such a subscriber sees the requests and
/// hides that nobody serves them.
#[async_trait]
pub trait Bus: Send + Sync + 'static {
    /// Hands `payload` to every subscriber whose pattern matches. Never waits for subscribers.
    ///
    /// # Errors
    /// [`BusError::TooLarge`], [`BusError::Disconnected`].
    async fn publish(&self, subject: &Subject, payload: Bytes) -> Result<(), BusError>;

    /// Begins to collect the messages that match. At most [`SUBSCRIPTION_CAPACITY`](crate::SUBSCRIPTION_CAPACITY) wait
    /// for the subscriber unless the bus was given another figure; the oldest give way to newer ones.
    ///
    /// # Errors
    /// [`BusError::Disconnected`].
    async fn subscribe(&self, pattern: &Pattern) -> Result<Subscription, BusError>;

    /// Asks one server of the subject and waits for its answer for `timeout` at most.
    ///
    /// # Errors
    /// Every [`BusError`]; [`BusError::NoResponders`] and [`BusError::Disconnected`] without waiting for the timeout.
    async fn request(&self, subject: &Subject, payload: Bytes, timeout: Duration) -> Result<Bytes, BusError>;

    /// Answers requests to the subject, `concurrency` (at least 1) at a time, while
    /// [`QUEUE_PER_WORKER`](crate::QUEUE_PER_WORKER) times as many wait; more are answered with [`BusError::Busy`].
    /// Several servers of one subject share its requests.
    ///
    /// # Errors
    /// [`BusError::Disconnected`].
    async fn serve(
        &self,
        subject: &Subject,
        handler: Arc<dyn Handler>,
        concurrency: usize,
    ) -> Result<Service, BusError>;

    /// Whether messages get through at present.
    async fn health(&self) -> Health;
}

/// Answers requests.
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// Answers one request. A panic in here is caught and answered with [`BusError::Failed`]. The future is dropped
    /// when the service is dropped, or still unfinished [`DRAIN_LIMIT`](crate::DRAIN_LIMIT) after it was stopped.
    async fn handle(&self, payload: Bytes) -> Bytes;
}

/// Whether messages get through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// They do.
    Connected,
    /// They do not; the connection is being retried.
    Disconnected {
        /// When the connection was found to be lost.
        since: Instant,
    },
}

/// What a subscriber gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// A message.
    Message {
        /// Where it was published.
        subject: Subject,
        /// What was published.
        payload: Bytes,
    },
    /// So many messages were lost at this place because the subscriber was too slow.
    Lagged(u64),
}
