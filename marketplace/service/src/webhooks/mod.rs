//! Webhooks: a tenant's own HTTP receivers of the market's events.
//!
//! # Guarantees
//! - Every event that a webhook wants is sent in order and again until the receiver takes it, under the same id: read once
//!   by whoever looks at the ids, also after crashes on either side. One that fails for days is given up and counted.
//! - Deliveries are signed ([`SigningSecret::sign`]).
//! - A receiver that is down, slow or hostile delays nobody: each webhook has a pump of its own, an answer is awaited for
//!   seconds and its body never read, no redirect is followed.
//! - A webhook leads to public addresses and those that the operator names, whatever its name leads to at the time.

mod book;
mod config;
mod feed;
mod model;
mod pump;
mod retry;
mod send;
mod sign;
mod target;

pub use book::WebhookBook;
pub use config::WebhookConfig;
pub use model::{Failing, Payload, Progress, Webhook};
pub use send::{Delivery, SendError, Sender, SetupError, sender};
pub use sign::SigningSecret;
pub use target::{Gate, InvalidTarget, Target, URL_BYTES_MAX};

use crate::market::Market;
use feed::Feed;
use forewarm_domain::time::Clock;
use pump::Shared;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How often the market is asked for new events.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Delivers for all webhooks until `stop` is cancelled; what is under way then is given up and comes again.
pub async fn deliver(
    market: Market,
    book: Arc<WebhookBook>,
    sender: Sender,
    config: WebhookConfig,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
) {
    let in_flight = Semaphore::new(config.max_in_flight as usize);
    let furthest = book.list(None).iter().map(|webhook| webhook.progress.sequence).max().unwrap_or(0);
    let feed = Feed::new(market.clone(), furthest);
    let shared = Arc::new(Shared { market, feed, book, sender, config, clock, in_flight });
    tokio::join!(look(&shared, &stop), pump_all(&shared, &stop));
}

/// Keeps the feed up to date.
async fn look(shared: &Shared, stop: &CancellationToken) {
    let mut pause = Duration::ZERO;
    loop {
        tokio::select! { () = stop.cancelled() => return, () = tokio::time::sleep(pause) => {} }
        pause = match shared.feed.refresh().await {
            Ok(true) => Duration::ZERO,
            Ok(false) => LOOK_EVERY,
            Err(error) => {
                tracing::warn!(%error, "the market's events can't be read for webhooks");
                LOOK_EVERY * 8
            }
        };
    }
}

/// Gives every webhook a pump.
async fn pump_all(shared: &Arc<Shared>, stop: &CancellationToken) {
    let mut pumps: JoinSet<Uuid> = JoinSet::new();
    let mut running: HashSet<Uuid> = HashSet::new();
    loop {
        for id in shared.book.ids() {
            if running.insert(id) {
                let (shared, stop) = (Arc::clone(shared), stop.clone());
                pumps.spawn(async move {
                    pump::run(shared, id, stop).await;
                    id
                });
            }
        }
        tokio::select! {
            () = stop.cancelled() => break,
            () = shared.book.changed.notified() => {}
            // One that was switched off stays among the running: it has nothing more to do.
            Some(_) = pumps.join_next(), if !pumps.is_empty() => {}
        }
    }
    while pumps.join_next().await.is_some() {}
}
