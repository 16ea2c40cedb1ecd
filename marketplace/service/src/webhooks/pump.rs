//! What one webhook does: takes the market's events in order, sends those that it wants, tries again after growing waits,
//! and notes how far it has come. Each webhook has a pump of its own, so that no receiver delays another's.

use super::book::WebhookBook;
use super::config::WebhookConfig;
use super::feed::{BATCH, Feed};
use super::model::{Failing, Payload, Progress, Webhook};
use super::retry::next_attempt;
use super::send::{Delivery, SendError, Sender};
use crate::error::MarketError;
use crate::market::Market;
use crate::model::{Caller, OutboxEvent, Role};
use forewarm_domain::id::TenantName;
use forewarm_domain::time::{Clock, SECOND_MS};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How long a webhook rests after a failure of the market's own.
const REST: Duration = Duration::from_secs(2);
/// Deliveries after which progress is noted, at the latest.
const NOTE_AFTER: u32 = 64;
const HOUR_MS: i64 = 3_600 * SECOND_MS;

/// What all pumps share.
pub(super) struct Shared {
    pub(super) market: Market,
    pub(super) feed: Feed,
    pub(super) book: Arc<WebhookBook>,
    pub(super) sender: Sender,
    pub(super) config: WebhookConfig,
    pub(super) clock: Arc<dyn Clock>,
    /// One permit per delivery that may be under way.
    pub(super) in_flight: Semaphore,
}

/// Delivers for one webhook until it is removed, switched off or told to stop.
pub(super) async fn run(shared: Arc<Shared>, id: Uuid, stop: CancellationToken) {
    let mut latest = shared.feed.latest();
    while let Some(webhook) = shared.book.find(id).filter(|webhook| webhook.progress.switched_off_at.is_none()) {
        let newest = *latest.borrow_and_update();
        let next = tokio::select! {
            () = stop.cancelled() => return,
            done = turn(&shared, webhook, newest) => done.unwrap_or_else(|error| {
                tracing::warn!(webhook = %id, %error, "a webhook's events can't be read or its progress noted");
                Next::After(REST)
            }),
        };
        let pause = async {
            match next {
                Next::AtOnce => {}
                Next::After(wait) => tokio::time::sleep(wait).await,
                Next::WithNews => drop(latest.changed().await),
            }
        };
        tokio::select! { () = stop.cancelled() => return, () = pause => {} }
    }
}

/// When a pump has its next turn.
enum Next {
    AtOnce,
    After(Duration),
    /// When there are new events.
    WithNews,
}

/// Delivers what there is, up to a batch. `newest` is the newest event that is known.
async fn turn(shared: &Shared, webhook: Webhook, newest: i64) -> Result<Next, MarketError> {
    let mut progress = webhook.progress.clone();
    let events = shared.feed.after(progress.sequence).await?;
    if events.is_empty() {
        return Ok(Next::WithNews);
    }
    let below = below(shared, &webhook.tenant).await?;
    let mut unnoted = 0;
    for event in events {
        if webhook.wants(&event, &below) {
            if let Some(wait) = deliver(shared, &webhook, &mut progress, &event).await {
                shared.book.note(webhook.id, progress).await?;
                return Ok(Next::After(wait));
            }
            unnoted += 1;
        }
        progress.sequence = event.sequence;
        if unnoted >= NOTE_AFTER {
            shared.book.note(webhook.id, progress.clone()).await?;
            unnoted = 0;
        }
    }
    let next = if progress.sequence < newest { Next::AtOnce } else { Next::WithNews };
    // What concerns others moves the place, too; it is not worth a write of its own each time.
    if unnoted > 0 || progress.sequence / i64::from(BATCH) != webhook.progress.sequence / i64::from(BATCH) {
        shared.book.note(webhook.id, progress).await?;
    } else {
        shared.book.remember(webhook.id, progress);
    }
    Ok(next)
}

/// Tries one event once. `None` when it is dealt with, else how long to wait.
async fn deliver(shared: &Shared, webhook: &Webhook, progress: &mut Progress, event: &OutboxEvent) -> Option<Duration> {
    let now = shared.clock.now();
    let failing = progress.failing.take().filter(|failing| failing.sequence == event.sequence);
    if let Some(failing) = failing.as_ref().filter(|failing| now < failing.next_at) {
        let wait = failing.next_at.since(now);
        progress.failing = Some(failing.clone());
        return Some(wait_of(wait));
    }
    match attempt(shared, webhook, event).await {
        Ok(()) => {
            progress.delivered += 1;
            None
        }
        Err(error) => failed(shared, webhook, progress, event, failing, &error),
    }
}

async fn attempt(shared: &Shared, webhook: &Webhook, event: &OutboxEvent) -> Result<(), SendError> {
    let body = serde_json::to_vec(&Payload::from(event)).map_err(|_| SendError::Unreachable)?;
    let _permit = shared.in_flight.acquire().await.map_err(|_| SendError::Unreachable)?;
    let delivery = Delivery { id: event.id, timestamp_s: shared.clock.now().0.div_euclid(SECOND_MS), body };
    shared.sender.send(&webhook.target, &webhook.secret, delivery).await
}

fn failed(
    shared: &Shared,
    webhook: &Webhook,
    progress: &mut Progress,
    event: &OutboxEvent,
    before: Option<Failing>,
    error: &SendError,
) -> Option<Duration> {
    let now = shared.clock.now();
    if *error == SendError::Gone {
        progress.switched_off_at = Some(now);
        return Some(Duration::ZERO);
    }
    let since = before.as_ref().map_or(now, |before| before.since);
    let attempts = before.map_or(0, |before| before.attempts) + 1;
    if now.since(since) >= i64::from(shared.config.give_up_after_h) * HOUR_MS {
        tracing::warn!(webhook = %webhook.id, event = %event.id, attempts, %error, "a delivery was given up");
        progress.given_up += 1;
        return None;
    }
    let first_wait = i64::from(shared.config.first_retry_s) * SECOND_MS;
    let next_at = next_attempt(first_wait, attempts, event.id, now);
    progress.failing = Some(Failing { sequence: event.sequence, since, attempts, next_at, error: error.to_string() });
    Some(wait_of(next_at.since(now)))
}

/// A wait in real time; the clock may be set meanwhile, so that it is looked at again every few seconds.
fn wait_of(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms.clamp(1, 5 * SECOND_MS)).unwrap_or(1))
}

/// The tenant and all cost centres below it.
async fn below(shared: &Shared, tenant: &TenantName) -> Result<BTreeSet<TenantName>, MarketError> {
    let caller = Caller::of(tenant.clone(), "webhook", [Role::Auditor]);
    let seen = shared.market.cost_centres(&caller).await?;
    Ok(seen.into_iter().map(|centre| centre.name).chain([tenant.clone()]).collect())
}
