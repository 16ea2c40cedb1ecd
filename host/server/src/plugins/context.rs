//! What the plugins' parts share: where they tell what happened, and where they keep what must outlive the host.

use super::supervisor::Rules;
use crate::metrics::Metrics;
use crate::store::{Store, Write};
use forewarm_bus::Bus;
use forewarm_bus::message::{Event, EventTopic, publish_event};
use forewarm_domain::id::PluginName;
use forewarm_domain::time::{Clock, TimestampMs};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use tracing::warn;

/// See the module's description.
pub(super) struct Context {
    /// Carries calls and events.
    pub(super) bus: Arc<dyn Bus>,
    /// Keeps quarantines and choices of versions; without it they end with the host.
    pub(super) store: Option<Store>,
    /// Tells the time.
    pub(super) clock: Arc<dyn Clock>,
    /// Counts what happens.
    pub(super) metrics: Arc<Metrics>,
    pub(super) rules: Rules,
    pub(super) probation_ms: i64,
}

impl Context {
    pub(super) fn now(&self) -> TimestampMs {
        self.clock.now()
    }

    /// Publishes an event. It is news, not a record: one that can't be published is logged and let go.
    pub(super) async fn tell(&self, topic: EventTopic, plugin: &PluginName, reason: &str, data: serde_json::Value) {
        let event = Event::new(self.now(), topic, plugin.to_string(), reason, data);
        if let Err(error) = publish_event(self.bus.as_ref(), &event).await {
            warn!(%error, topic = ?event.topic, subject = event.subject, "event not published");
        }
    }

    /// Keeps a value, or removes it. One that can't be kept is logged: it holds until the host ends.
    pub(super) async fn keep<T: Serialize>(&self, key: String, value: Option<&T>) {
        let Some(store) = &self.store else { return };
        let value = value.and_then(|value| serde_json::to_string(value).ok());
        if let Err(error) = store.commit(vec![Write::Setting { key: key.clone(), value }]).await {
            warn!(%error, key, "not kept: it holds until the host ends");
        }
    }

    /// What was kept. What can't be read is logged and counts as nothing.
    pub(super) async fn kept<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        let text = match self.store.as_ref()?.setting(key).await {
            Ok(text) => text?,
            Err(error) => {
                warn!(%error, key, "what was kept can't be read");
                return None;
            }
        };
        serde_json::from_str(&text).inspect_err(|error| warn!(%error, key, "what was kept can't be read")).ok()
    }
}
