//! One served subject over NATS, announced through the NATS service API so that `nats micro ls` shows it.

use super::{Link, NatsBus};
use crate::service::{ABANDONED, Admitted, Desk, Refusal, too_large_an_answer};
use crate::subject::Subject;
use async_nats::service::endpoint::Endpoint;
use async_nats::service::{self, Request, ServiceExt};
use bytes::Bytes;
use futures::{FutureExt, StreamExt};
use std::sync::Arc;

/// The error code of a refused request (HTTP's `Too Many Requests`).
pub(super) const BUSY: usize = 429;
/// The error code of a request that was taken and then failed.
const FAILED: usize = 500;
/// The error code of a request that came too late.
pub(super) const STOPPING: usize = 503;

/// Where requests to one subject come in from the network.
pub(super) struct Counter {
    bus: NatsBus,
    link: Link,
    announcement: Announcement,
    endpoint: Endpoint,
}

/// Takes the service's announcement back when it is dropped; async-nats would go on answering `nats micro ping`.
struct Announcement(Option<service::Service>);

impl Drop for Announcement {
    fn drop(&mut self) {
        // `stop` sends a signal and ends a task; there is nothing in it to wait for.
        let _ = self.0.take().and_then(|service| service.stop().now_or_never());
    }
}

impl Counter {
    /// Announces the service and joins the subject's queue group.
    pub(super) async fn open(bus: &NatsBus, subject: &Subject) -> Result<Self, async_nats::Error> {
        // Service names have no dots.
        let name = subject.as_str().replace('.', "-");
        let service = bus
            .client
            .service_builder()
            .description(format!("serves {subject}"))
            .queue_group(subject)
            .start(name, env!("CARGO_PKG_VERSION"))
            .await?;
        let endpoint = service.endpoint(subject).await?;
        Ok(Self { bus: bus.clone(), link: bus.link.clone(), announcement: Announcement(Some(service)), endpoint })
    }

    /// Hands requests to the desk until the desk stops, then what had already arrived, and leaves.
    pub(super) async fn run(self, desk: Arc<Desk>) {
        let Self { bus, link, announcement, mut endpoint } = self;
        loop {
            tokio::select! {
                request = endpoint.next() => match request {
                    Some(request) => accept(&bus, &desk, request).await,
                    None => break,
                },
                () = desk.stopping() => break,
            }
        }
        drop(announcement);
        // The server is told to send no more; the stream ends behind what had arrived. A lost connection takes no
        // orders, and what had arrived over it has no one to answer to.
        loop {
            tokio::select! {
                request = endpoint.next() => match request {
                    Some(request) => accept(&bus, &desk, request).await,
                    None => break,
                },
                () = link.lost() => break,
                () = desk.abandoned() => break,
            }
        }
        // From here on the server sends nobody here, and says so when there is no other.
        let _ = bus.settle().await;
    }
}

/// Begins to work on a request, or refuses it at once.
async fn accept(bus: &NatsBus, desk: &Arc<Desk>, request: Request) {
    match desk.admit() {
        Ok(admitted) => {
            // Bounded by the desk's places, ended and awaited by the desk.
            desk.spawn(work(bus.max_payload(), admitted, request));
        }
        Err(refusal) => respond(&request, Err(refusal), bus.max_payload()).await,
    }
}

async fn work(limit: usize, admitted: Admitted, request: Request) {
    let answer = admitted.answer(request.message.payload.clone()).await;
    respond(&request, answer, limit).await;
}

async fn respond(request: &Request, answer: Result<Bytes, Refusal>, limit: usize) {
    let refuse = |code, status: String| Err(service::error::Error { code, status });
    let answer = match answer {
        Ok(answer) if answer.len() > limit => refuse(FAILED, too_large_an_answer(answer.len(), limit)),
        Ok(answer) => Ok(answer),
        Err(Refusal::Busy) => refuse(BUSY, "busy".into()),
        Err(Refusal::Stopping) => refuse(STOPPING, "the service takes no more requests".into()),
        Err(Refusal::Abandoned) => refuse(FAILED, ABANDONED.into()),
        // A header is one line.
        Err(Refusal::Panicked(message)) => refuse(FAILED, message.replace(['\r', '\n'], " ")),
    };
    if let Err(error) = request.respond(answer).await {
        tracing::debug!(%error, "an answer could not be sent");
    }
}
