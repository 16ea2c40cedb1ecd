//! The newest events, read from the market once for all webhooks. One that is further behind reads for itself.

use crate::error::MarketError;
use crate::market::{EventQuery, Market};
use crate::model::OutboxEvent;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// Events that are kept.
const KEPT: usize = 4_096;
/// Events that are read at a time.
pub(super) const BATCH: u32 = 256;

/// See the module's description.
pub(super) struct Feed {
    market: Market,
    ring: Mutex<Ring>,
    latest: watch::Sender<i64>,
}

struct Ring {
    /// Everything after this sequence is in `events`.
    after: i64,
    events: VecDeque<Arc<OutboxEvent>>,
}

impl Feed {
    /// One that begins after `sequence`.
    pub(super) fn new(market: Market, sequence: i64) -> Self {
        let ring = Mutex::new(Ring { after: sequence, events: VecDeque::new() });
        Self { market, ring, latest: watch::Sender::new(sequence) }
    }

    /// Reads what is new; gives whether there may be more.
    pub(super) async fn refresh(&self) -> Result<bool, MarketError> {
        let after = *self.latest.borrow();
        let events = self.market.events(EventQuery { after, limit: BATCH }).await?;
        let Some(last) = events.last().map(|event| event.sequence) else { return Ok(false) };
        let full = events.len() == BATCH as usize;
        {
            let mut ring = self.ring();
            ring.events.extend(events.into_iter().map(Arc::new));
            while ring.events.len() > KEPT {
                if let Some(oldest) = ring.events.pop_front() {
                    ring.after = oldest.sequence;
                }
            }
        }
        self.latest.send_replace(last);
        Ok(full)
    }

    /// The sequence of the newest event that was read.
    pub(super) fn latest(&self) -> watch::Receiver<i64> {
        self.latest.subscribe()
    }

    /// Up to a batch of events after `sequence`.
    pub(super) async fn after(&self, sequence: i64) -> Result<Vec<Arc<OutboxEvent>>, MarketError> {
        {
            let ring = self.ring();
            if sequence >= ring.after {
                let start = ring.events.partition_point(|event| event.sequence <= sequence);
                return Ok(ring.events.iter().skip(start).take(BATCH as usize).cloned().collect());
            }
        }
        let query = EventQuery { after: sequence, limit: BATCH };
        Ok(self.market.events(query).await?.into_iter().map(Arc::new).collect())
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
