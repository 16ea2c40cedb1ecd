//! The bus over NATS. Core NATS only: at most once. Streams and buckets would stand beside it on the same connection.

mod config;
mod link;
mod serve;

pub use config::NatsConfig;

use crate::bus::{Bus, Handler, Health};
use crate::error::BusError;
use crate::service::{Desk, Service};
use crate::subject::{Pattern, Subject};
use crate::subscription::{Mailbox, Subscription};
use async_nats::client::RequestErrorKind;
use async_nats::service::{NATS_SERVICE_ERROR, NATS_SERVICE_ERROR_CODE};
use async_nats::{Client, Message, Request, Subscriber};
use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use link::Link;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::task::AbortOnDropHandle;

/// How long a subject registration or a publication may take before the connection counts as stuck.
const PATIENCE: Duration = Duration::from_secs(5);

/// The bus over NATS. Clones share the connection, which is re-established by itself for as long as one lives.
#[derive(Debug, Clone)]
pub struct NatsBus {
    client: Client,
    link: Link,
    config: Arc<NatsConfig>,
}

/// Why no connection to NATS could be made.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The file with the credentials can't be used.
    #[error("the NATS credentials file {path} can't be used: {cause}")]
    Credentials {
        /// The file.
        path: String,
        /// Why.
        cause: std::io::Error,
    },
    /// No server took the connection.
    #[error("no connection to NATS at {urls}: {cause}")]
    Unreachable {
        /// The servers that were tried, without user names and passwords.
        urls: String,
        /// Why.
        cause: async_nats::ConnectError,
    },
}

impl NatsBus {
    /// Connects. Later losses of the connection are repaired by itself; the first connection has to succeed, so that
    /// a wrong address is told at the start.
    ///
    /// # Errors
    /// [`ConnectError`] names the servers or the file at fault.
    pub async fn connect(config: NatsConfig) -> Result<Self, ConnectError> {
        let (options, link) = link::options(&config).await?;
        let client = options
            .connect(config.urls.as_slice())
            .await
            .map_err(|cause| ConnectError::Unreachable { urls: config.redacted_urls().join(", "), cause })?;
        Ok(Self { client, link, config: Arc::new(config) })
    }

    /// The largest payload in bytes: the server's `max_payload`, or less where the configuration says so.
    #[must_use]
    pub fn max_payload(&self) -> usize {
        self.config.max_payload.unwrap_or(usize::MAX).min(self.client.max_payload())
    }

    fn check_size(&self, subject: &Subject, payload: &Bytes) -> Result<(), BusError> {
        let (size, limit) = (payload.len(), self.max_payload());
        if size > limit { Err(BusError::TooLarge { subject: subject.clone(), size, limit }) } else { Ok(()) }
    }

    /// Waits until the server has seen all that this connection sent before: a request that nobody serves is answered
    /// by the server itself, in order.
    async fn settle(&self) -> Result<(), BusError> {
        let unserved = async_nats::Subject::from_static("forewarm.v1.settle");
        let request = Request::new().timeout(Some(PATIENCE));
        match self.link.unless_lost(self.client.send_request(unserved, request)).await? {
            Err(error) if error.kind() == RequestErrorKind::NoResponders => Ok(()),
            Ok(_) => Ok(()),
            Err(_) => Err(BusError::Disconnected),
        }
    }
}

#[async_trait]
impl Bus for NatsBus {
    async fn publish(&self, subject: &Subject, payload: Bytes) -> Result<(), BusError> {
        self.check_size(subject, &payload)?;
        let publication = self.client.publish(subject.to_nats(), payload);
        let sent = self.link.unless_lost(tokio::time::timeout(PATIENCE, publication)).await?;
        sent.map_err(|_| BusError::Disconnected)?.map_err(|_| BusError::Disconnected)
    }

    async fn subscribe(&self, pattern: &Pattern) -> Result<Subscription, BusError> {
        let subscribing = self.client.subscribe(async_nats::Subject::from(pattern.as_str()));
        let subscriber = self.link.unless_lost(subscribing).await?.map_err(|_| BusError::Disconnected)?;
        self.settle().await?;
        let mailbox = Mailbox::new(self.config.subscription_capacity);
        let pump = tokio::spawn(pump(subscriber, Arc::clone(&mailbox)));
        Ok(Subscription::new(mailbox, Some(AbortOnDropHandle::new(pump))))
    }

    async fn request(&self, subject: &Subject, payload: Bytes, timeout: Duration) -> Result<Bytes, BusError> {
        self.check_size(subject, &payload)?;
        let request = Request::new().payload(payload).timeout(Some(timeout));
        // The outer limit also covers the hand-over to a connection that is stuck.
        let asking = tokio::time::timeout(timeout, self.client.send_request(subject.to_nats(), request));
        let timed_out = || BusError::Timeout { subject: subject.clone(), after: timeout };
        match self.link.unless_lost(asking).await?.map_err(|_| timed_out())? {
            Ok(message) => read_answer(subject, message),
            Err(error) => Err(match error.kind() {
                RequestErrorKind::TimedOut => timed_out(),
                RequestErrorKind::NoResponders => BusError::NoResponders { subject: subject.clone() },
                _ => BusError::Disconnected,
            }),
        }
    }

    async fn serve(
        &self,
        subject: &Subject,
        handler: Arc<dyn Handler>,
        concurrency: usize,
    ) -> Result<Service, BusError> {
        let desk = Desk::new(handler, concurrency);
        let counter = self.link.unless_lost(serve::Counter::open(self, subject)).await?;
        let counter = counter.map_err(|error| {
            tracing::warn!(%subject, %error, "a NATS service could not be announced");
            BusError::Disconnected
        })?;
        self.settle().await?;
        // Ends with the desk; a stopping service waits for it.
        desk.spawn(counter.run(Arc::clone(&desk)));
        Ok(Service::new(desk))
    }

    async fn health(&self) -> Health {
        self.link.health()
    }
}

impl Subject {
    fn to_nats(&self) -> async_nats::Subject {
        async_nats::Subject::from(self.as_str())
    }
}

/// Moves what arrives to the mailbox, which is where it is bounded and lag is counted.
async fn pump(mut subscriber: Subscriber, mailbox: Arc<Mailbox>) {
    while let Some(message) = subscriber.next().await {
        match message.subject.as_str().parse() {
            Ok(subject) => mailbox.push(subject, message.payload),
            Err(error) => tracing::debug!(%error, "a message of somebody else's was ignored"),
        }
    }
    mailbox.close();
}

/// The answer, or the error that the serving side put into the headers (as NATS services do).
fn read_answer(subject: &Subject, message: Message) -> Result<Bytes, BusError> {
    let header = |name: &str| message.headers.as_ref()?.get(name).map(ToString::to_string);
    let Some(code) = header(NATS_SERVICE_ERROR_CODE) else {
        return Ok(message.payload);
    };
    let subject = subject.clone();
    Err(match code.parse() {
        Ok(serve::BUSY) => BusError::Busy { subject },
        Ok(serve::STOPPING) => BusError::NoResponders { subject },
        _ => BusError::Failed { subject, message: header(NATS_SERVICE_ERROR).unwrap_or(code) },
    })
}
