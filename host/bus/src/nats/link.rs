//! The state of the connection: what makes requests fail at once, instead of waiting, while the server is away.

use super::{ConnectError, NatsConfig};
use crate::bus::Health;
use crate::error::BusError;
use async_nats::{ConnectOptions, Event};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// The longest pause between two attempts to reconnect.
const RECONNECT_PAUSE_MAX: Duration = Duration::from_secs(2);
/// How often a silent connection is probed; two unanswered probes end it.
const PING_INTERVAL: Duration = Duration::from_secs(10);

/// Follows the connection's state.
#[derive(Debug, Clone)]
pub(super) struct Link(watch::Receiver<LinkState>);

#[derive(Debug, Clone, Copy)]
struct LinkState {
    lost_since: Option<Instant>,
    /// How often the connection was lost: tells a quick loss and return from no loss.
    losses: u64,
}

impl Link {
    pub(super) fn health(&self) -> Health {
        self.0.borrow().lost_since.map_or(Health::Connected, |since| Health::Disconnected { since })
    }

    /// Gives what `work` gives, or `Disconnected` at once where the connection is or gets lost.
    pub(super) async fn unless_lost<T>(&self, work: impl Future<Output = T>) -> Result<T, BusError> {
        let state = *self.0.borrow();
        if state.lost_since.is_some() {
            return Err(BusError::Disconnected);
        }
        let mut watch = self.0.clone();
        tokio::select! {
            biased;
            done = work => Ok(done),
            _ = watch.wait_for(|now| now.losses != state.losses) => Err(BusError::Disconnected),
        }
    }

    /// Resolves while the connection is lost.
    pub(super) async fn lost(&self) {
        // The other end lives as long as the client, and an ended one counts as lost.
        let _ = self.0.clone().wait_for(|state| state.lost_since.is_some()).await;
    }
}

/// The options of a connection that is re-established for ever, and the link that follows it.
pub(super) async fn options(config: &NatsConfig) -> Result<(ConnectOptions, Link), ConnectError> {
    let (sender, receiver) = watch::channel(LinkState { lost_since: None, losses: 0 });
    let mut options = ConnectOptions::new()
        .name(&config.name)
        .max_reconnects(None)
        .reconnect_delay_callback(pause)
        .ping_interval(PING_INTERVAL)
        .event_callback(move |event| {
            follow(&sender, &event);
            std::future::ready(())
        });
    if let Some(token) = &config.token {
        options = options.token(token.clone());
    }
    if let Some(path) = &config.credentials_file {
        options = options
            .credentials_file(path)
            .await
            .map_err(|cause| ConnectError::Credentials { path: path.display().to_string(), cause })?;
    }
    Ok((options, Link(receiver)))
}

/// 0, 20, 40, 80 ... ms, at most [`RECONNECT_PAUSE_MAX`].
fn pause(attempt: usize) -> Duration {
    let doublings = attempt.saturating_sub(2).min(16);
    if attempt <= 1 { Duration::ZERO } else { Duration::from_millis(20 << doublings).min(RECONNECT_PAUSE_MAX) }
}

fn follow(link: &watch::Sender<LinkState>, event: &Event) {
    match event {
        Event::Connected => {
            tracing::info!("connected to NATS");
            link.send_modify(|state| state.lost_since = None);
        }
        Event::Disconnected | Event::Closed => {
            tracing::warn!(%event, "the connection to NATS is lost");
            link.send_modify(|state| {
                state.lost_since.get_or_insert_with(Instant::now);
                state.losses += 1;
            });
        }
        Event::SlowConsumer(_) | Event::ServerError(_) => tracing::warn!(%event, "NATS"),
        Event::LameDuckMode | Event::Draining | Event::ClientError(_) => tracing::debug!(%event, "NATS"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_their_limit() {
        let pauses: Vec<u128> = [0, 1, 2, 3, 4, 20, usize::MAX].map(|attempt| pause(attempt).as_millis()).to_vec();
        assert_eq!(pauses, [0, 0, 20, 40, 80, 2_000, 2_000]);
    }
}
