//! Events: what happened, told to whoever listens. JSON on the bus, so that anyone can read them.

use crate::bus::Bus;
use crate::error::BusError;
use crate::subject::{Pattern, Subject};
use bytes::Bytes;
use forewarm_domain::time::TimestampMs;
use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::{NoContext, Timestamp, Uuid};

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Time-ordered (UUID version 7); tells repeated deliveries apart.
    pub id: Uuid,
    /// When it happened.
    pub at: TimestampMs,
    /// What kind of thing happened.
    pub topic: EventTopic,
    /// The name of what it is about, such as a persona's or an instance's.
    pub subject: String,
    /// Why it happened, in a sentence.
    pub reason: String,
    /// Particulars of the topic.
    pub data: serde_json::Value,
}

/// What kind of thing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventTopic {
    /// A version of a persona was applied.
    PersonaApplied,
    /// A persona's plan changed.
    PlanChanged,
    /// An instance reached another state.
    InstanceChanged,
    /// A claim reached another state.
    ClaimChanged,
    /// A lease of instances reached another state.
    LeaseChanged,
    /// A measured value does not belong.
    Anomaly,
    /// A call to a plugin failed.
    PluginFailed,
    /// A driver lists an instance that nobody asked for.
    DriverUnknownInstance,
    /// Samples were not taken in.
    IngestRefused,
    /// A persona is planned by another rule than before.
    PolicySwitched,
    /// A persona's load is forecast by another forecaster than before.
    ForecasterSwitched,
    /// A plugin's supervisor holds calls back, or lets them through again.
    PluginSupervised,
    /// Another version of a plugin answers its calls than before.
    PluginSwitched,
    /// Something happened on the capacity market; the particulars say what.
    Market,
    /// Something was put into the calendar, changed or removed.
    CalendarChanged,
    /// A driver has run out of capacity, or has some again.
    DriverCapacity,
}

impl EventTopic {
    /// Every topic.
    pub const ALL: [Self; 16] = [
        Self::PersonaApplied,
        Self::PlanChanged,
        Self::InstanceChanged,
        Self::ClaimChanged,
        Self::LeaseChanged,
        Self::Anomaly,
        Self::PluginFailed,
        Self::DriverUnknownInstance,
        Self::IngestRefused,
        Self::PolicySwitched,
        Self::ForecasterSwitched,
        Self::PluginSupervised,
        Self::PluginSwitched,
        Self::Market,
        Self::CalendarChanged,
        Self::DriverCapacity,
    ];

    /// The topic's name, as in subjects and in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PersonaApplied => "persona_applied",
            Self::PlanChanged => "plan_changed",
            Self::InstanceChanged => "instance_changed",
            Self::ClaimChanged => "claim_changed",
            Self::LeaseChanged => "lease_changed",
            Self::Anomaly => "anomaly",
            Self::PluginFailed => "plugin_failed",
            Self::DriverUnknownInstance => "driver_unknown_instance",
            Self::IngestRefused => "ingest_refused",
            Self::PolicySwitched => "policy_switched",
            Self::ForecasterSwitched => "forecaster_switched",
            Self::PluginSupervised => "plugin_supervised",
            Self::PluginSwitched => "plugin_switched",
            Self::Market => "market",
            Self::CalendarChanged => "calendar_changed",
            Self::DriverCapacity => "driver_capacity",
        }
    }

    /// Where events of this topic go: `forewarm.v1.event.<topic>`.
    #[must_use]
    pub fn subject(self) -> Subject {
        Subject::of("forewarm.v1.event.", self.as_str())
    }
}

impl fmt::Display for EventTopic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A payload that is no event.
#[derive(Debug, thiserror::Error)]
#[error("not an event: {0}")]
pub struct InvalidEvent(#[from] serde_json::Error);

impl Event {
    /// An event with a fresh identifier of the instant `at`; its random part comes from the operating system.
    #[must_use]
    pub fn new(
        at: TimestampMs,
        topic: EventTopic,
        subject: impl Into<String>,
        reason: impl Into<String>,
        data: serde_json::Value,
    ) -> Self {
        let ms = u64::try_from(at.0).unwrap_or(0);
        let nanos = u32::try_from(ms % 1_000).unwrap_or(0) * 1_000_000;
        let id = Uuid::new_v7(Timestamp::from_unix(NoContext, ms / 1_000, nanos));
        Self { id, at, topic, subject: subject.into(), reason: reason.into(), data }
    }
}

/// The pattern that every event matches.
#[must_use]
pub fn all_events() -> Pattern {
    Pattern::below("forewarm.v1.event")
}

/// Tells everyone who listens.
///
/// # Errors
/// [`BusError::TooLarge`], [`BusError::Disconnected`]: the event was not sent.
pub async fn publish_event(bus: &dyn Bus, event: &Event) -> Result<(), BusError> {
    let subject = event.topic.subject();
    match serde_json::to_vec(event) {
        Ok(payload) => bus.publish(&subject, Bytes::from(payload)).await,
        Err(error) => Err(BusError::Failed { subject, message: error.to_string() }),
    }
}

/// Reads an event off a delivery's payload.
///
/// # Errors
/// [`InvalidEvent`] says what is wrong.
pub fn decode_event(payload: &[u8]) -> Result<Event, InvalidEvent> {
    Ok(serde_json::from_slice(payload)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_have_one_name_everywhere() {
        for topic in EventTopic::ALL {
            assert_eq!(serde_json::to_value(topic).expect("serialises"), topic.as_str());
            let subject = topic.subject();
            assert_eq!(subject.as_str().parse::<Subject>().expect("valid"), subject);
            assert!(all_events().matches(&subject));
        }
        assert_eq!(all_events().as_str().parse::<Pattern>().expect("valid"), all_events());
    }

    #[test]
    fn identifiers_carry_the_event_s_own_time() {
        let at = TimestampMs(1_700_000_000_123);
        let event = Event::new(at, EventTopic::Anomaly, "web", "too high", serde_json::Value::Null);
        let (seconds, nanos) = event.id.get_timestamp().expect("version 7").to_unix();
        assert_eq!((seconds, nanos / 1_000_000), (1_700_000_000, 123));
        let payload = serde_json::to_vec(&event).expect("serialises");
        assert_eq!(decode_event(&payload).expect("an event"), event);
    }
}
