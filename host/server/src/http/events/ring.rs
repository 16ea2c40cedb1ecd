//! The last events in memory: each stream reads on from where it is, and is told what it missed. Bounded, whatever the
//! number and speed of the streams.

use forewarm_bus::message::{Event, all_events, decode_event};
use forewarm_bus::{Bus, BusError, Delivery};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::warn;
use uuid::Uuid;

/// The most events that a stream takes at a time.
const BATCH: usize = 64;

/// See the module's description.
pub(crate) struct EventRing {
    kept: Mutex<Kept>,
    capacity: usize,
    changed: watch::Sender<u64>,
}

#[derive(Default)]
struct Kept {
    events: VecDeque<Arc<Event>>,
    /// The number of the first event that is kept; numbers rise by one.
    first: u64,
}

/// What a stream reads.
pub(super) struct Batch {
    /// Events that are gone already.
    pub(super) missed: u64,
    /// The next ones.
    pub(super) events: Vec<Arc<Event>>,
    /// Where to read on.
    pub(super) next: u64,
}

impl EventRing {
    /// An empty ring that keeps `capacity` events, at least one.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { kept: Mutex::default(), capacity: capacity.max(1), changed: watch::Sender::new(0) }
    }

    /// Fills the ring from the bus until `stopping` is cancelled.
    ///
    /// # Errors
    /// [`BusError`] when the bus cannot be subscribed to.
    pub(crate) async fn fill(&self, bus: &dyn Bus, stopping: CancellationToken) -> Result<(), BusError> {
        let mut subscription = bus.subscribe(&all_events()).await?;
        while let Some(Some(delivery)) = stopping.run_until_cancelled(subscription.next()).await {
            match delivery {
                Delivery::Lagged(missed) => self.skip(missed),
                Delivery::Message { payload, subject } => match decode_event(&payload) {
                    Ok(event) => self.push(event),
                    Err(error) => warn!(%error, %subject, "something that is no event was published as one"),
                },
            }
        }
        Ok(())
    }

    fn push(&self, event: Event) {
        let mut kept = self.kept();
        kept.events.push_back(Arc::new(event));
        if kept.events.len() > self.capacity {
            kept.events.pop_front();
            kept.first += 1;
        }
        self.announce(&kept);
    }

    /// Notes that events were lost before they came here: streams are told so, at the cost of what is kept.
    fn skip(&self, missed: u64) {
        let mut kept = self.kept();
        kept.first += kept.events.len() as u64 + missed;
        kept.events.clear();
        self.announce(&kept);
    }

    fn announce(&self, kept: &Kept) {
        self.changed.send_replace(kept.first + kept.events.len() as u64);
    }

    /// The number of the next event.
    pub(super) fn end(&self) -> u64 {
        let kept = self.kept();
        kept.first + kept.events.len() as u64
    }

    /// The number of the event after `id`. Where `id` is not kept any more, the first one that is, and so much is missed.
    pub(super) fn after(&self, id: Uuid) -> Option<u64> {
        let kept = self.kept();
        let index = kept.events.iter().position(|event| event.id == id)?;
        Some(kept.first + index as u64 + 1)
    }

    /// The number of the first event that is kept.
    pub(super) fn begin(&self) -> u64 {
        self.kept().first
    }

    /// The next events from `from` on; empty when there are none yet.
    pub(super) fn read(&self, from: u64) -> Batch {
        let kept = self.kept();
        let missed = kept.first.saturating_sub(from);
        let start = from.max(kept.first);
        let skip = usize::try_from(start - kept.first).unwrap_or(usize::MAX);
        let events: Vec<Arc<Event>> = kept.events.iter().skip(skip).take(BATCH).cloned().collect();
        let next = start + events.len() as u64;
        Batch { missed, events, next }
    }

    /// Tells when something is added.
    pub(super) fn watch(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use forewarm_bus::message::EventTopic;
    use forewarm_domain::time::TimestampMs;

    fn event(number: usize) -> Event {
        let at = TimestampMs(number as i64);
        Event::new(at, EventTopic::PlanChanged, number.to_string(), "", serde_json::Value::Null)
    }

    fn subjects(batch: &Batch) -> Vec<&str> {
        batch.events.iter().map(|event| event.subject.as_str()).collect()
    }

    #[test]
    fn a_slow_reader_is_told_what_it_missed() {
        let ring = EventRing::new(3);
        (0..5).for_each(|number| ring.push(event(number)));
        let batch = ring.read(0);
        assert_eq!((batch.missed, subjects(&batch), batch.next), (2, vec!["2", "3", "4"], 5));
        let batch = ring.read(batch.next);
        assert_eq!((batch.missed, batch.events.len(), batch.next), (0, 0, 5));
        ring.skip(7);
        assert_eq!(ring.read(5).missed, 7);
        assert_eq!(ring.end(), 12);
    }

    #[test]
    fn a_reader_that_comes_back_reads_on() {
        let ring = EventRing::new(3);
        let known = event(1);
        let id = known.id;
        ring.push(known);
        ring.push(event(2));
        assert_eq!(ring.after(id), Some(1));
        assert_eq!(subjects(&ring.read(1)), ["2"]);
        assert_eq!(ring.after(Uuid::nil()), None);
    }
}
