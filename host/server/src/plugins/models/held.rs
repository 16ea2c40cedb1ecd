//! The shelf of models that are not in use: some live in an instance, the others are what rebuilds them. Those used
//! longest ago give way first.

use super::checkpoint::Checkpoint;
use forewarm_bus::message::ForecastCall;
use forewarm_domain::time::TimestampMs;
use forewarm_runtime::Model;
use lru::LruCache;
use serde_json::Value;

/// Which model it is, and how far it has seen.
pub(super) struct Facts {
    pub(super) revision: u64,
    pub(super) step_ms: i64,
    pub(super) seen_through: TimestampMs,
    pub(super) parameters: Value,
}

/// A model in its instance.
pub(super) struct Live {
    pub(super) facts: Facts,
    pub(super) model: Model,
    pub(super) checkpoint: Option<Checkpoint>,
    /// It is saved once it was shown so many more values.
    pub(super) save_after: usize,
}

/// A model without an instance.
pub(super) struct Idle {
    pub(super) facts: Facts,
    pub(super) checkpoint: Checkpoint,
}

/// A model that was taken out.
pub(super) enum Found {
    Live(Box<Live>),
    Idle(Idle),
}

/// See the module's description.
pub(super) struct Held {
    live: LruCache<String, Live>,
    idle: LruCache<String, Idle>,
    live_max: usize,
    saved_bytes: usize,
    saved_bytes_max: usize,
}

impl Held {
    pub(super) fn new(live_max: usize, saved_bytes_max: usize) -> Self {
        let (live, idle) = (LruCache::unbounded(), LruCache::unbounded());
        Self { live, idle, live_max, saved_bytes: 0, saved_bytes_max }
    }

    pub(super) fn live(&self) -> usize {
        self.live.len()
    }

    pub(super) fn clear(&mut self) {
        self.live.clear();
        self.idle.clear();
        self.saved_bytes = 0;
    }

    /// Takes out the model that a call asks for. One of another fit, or that would miss values, stays for its caller to
    /// replace.
    pub(super) fn take(&mut self, call: &ForecastCall) -> Option<Found> {
        let facts = self.live.peek(&call.key).map(|live| &live.facts);
        let facts = facts.or_else(|| self.idle.peek(&call.key).map(|idle| &idle.facts))?;
        if facts.revision != call.revision || call.observed_from > facts.seen_through {
            return None;
        }
        self.remove(&call.key)
    }

    /// Takes out what is there under a key.
    pub(super) fn remove(&mut self, key: &str) -> Option<Found> {
        if let Some(live) = self.live.pop(key) {
            self.saved_bytes -= live.checkpoint.as_ref().map_or(0, Checkpoint::bytes);
            return Some(Found::Live(Box::new(live)));
        }
        let idle = self.idle.pop(key)?;
        self.saved_bytes -= idle.checkpoint.bytes();
        Some(Found::Idle(idle))
    }

    /// Puts a model back; gives the one that has to give way.
    pub(super) fn put(&mut self, key: String, mut live: Live) -> Option<(String, Live)> {
        self.remove(&key);
        if let Some(checkpoint) = live.checkpoint.take() {
            live.checkpoint = self.charge(checkpoint);
        }
        self.live.put(key, live);
        if self.live.len() > self.live_max { self.pop_oldest() } else { None }
    }

    /// Keeps what rebuilds a model, where there is room for it.
    pub(super) fn put_idle(&mut self, key: String, Idle { facts, checkpoint }: Idle) {
        if self.live.contains(&key) {
            return;
        }
        self.remove(&key);
        if let Some(checkpoint) = self.charge(checkpoint) {
            self.idle.put(key, Idle { facts, checkpoint });
        }
    }

    /// Takes out the live model used longest ago.
    pub(super) fn pop_oldest(&mut self) -> Option<(String, Live)> {
        let (key, live) = self.live.pop_lru()?;
        self.saved_bytes -= live.checkpoint.as_ref().map_or(0, Checkpoint::bytes);
        Some((key, live))
    }

    /// Makes room for what a model saved at the cost of idle ones; without any left, it is not kept.
    fn charge(&mut self, checkpoint: Checkpoint) -> Option<Checkpoint> {
        let bytes = checkpoint.bytes();
        while self.saved_bytes + bytes > self.saved_bytes_max {
            let (_, oldest) = self.idle.pop_lru()?;
            self.saved_bytes -= oldest.checkpoint.bytes();
        }
        self.saved_bytes += bytes;
        Some(checkpoint)
    }
}
