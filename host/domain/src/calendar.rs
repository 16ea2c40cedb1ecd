//! What operators plan ahead: freezes, maintenance windows and events, each with a name, a beginning and an end.

mod when;

use crate::id::{CalendarName, PersonaName, PluginName};
use crate::time::TimestampMs;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use when::{InvalidInstant, instant, length_ms};

/// Something that was put into the calendar.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = CalendarEntry)]
pub struct Entry {
    /// What it is called, unique among its like.
    pub name: CalendarName,
    /// When it was put there as it is now.
    pub applied_at: TimestampMs,
    /// By whom: the token's name.
    pub applied_by: String,
    /// What it is.
    #[serde(flatten)]
    pub what: What,
}

/// What an entry of the calendar is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = CalendarContent)]
pub enum What {
    /// A planned event.
    Event(PlannedEvent),
    /// A freeze or a maintenance window.
    Freeze(Freeze),
}

impl What {
    /// Of which kind it is.
    #[must_use]
    pub fn kind(&self) -> EntryKind {
        match self {
            Self::Event(_) => EntryKind::Event,
            Self::Freeze(_) => EntryKind::Freeze,
        }
    }
}

/// The kinds of entries in the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EntryKind {
    /// A planned event.
    Event,
    /// A freeze or a maintenance window.
    Freeze,
}

impl EntryKind {
    /// The kind's name, as in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Freeze => "freeze",
        }
    }
}

/// A span in which nothing is changed by plans: a freeze of some personas or of all, or a driver's maintenance window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Freeze {
    /// When it begins.
    pub from: TimestampMs,
    /// When it ends.
    pub until: TimestampMs,
    /// Whose plans are held; together with no `driver`, none means everybody's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 1_000)]
    pub personas: Vec<PersonaName>,
    /// A driver under maintenance: the plans of all personas that it serves are held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver: Option<PluginName>,
    /// What is allowed all the same.
    #[serde(default)]
    pub allows: Allowed,
    /// Why, for those who read the plans.
    #[serde(default)]
    #[schema(max_length = 1_000)]
    pub note: String,
}

/// What a freeze allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Allowed {
    /// Nothing.
    #[default]
    Nothing,
    /// Launching, and never letting go.
    ScaleOut,
}

impl Freeze {
    /// Whether it is about a persona that a driver serves.
    #[must_use]
    pub fn concerns(&self, persona: &PersonaName, driver: &PluginName) -> bool {
        match &self.driver {
            Some(frozen) => frozen == driver || self.personas.contains(persona),
            None => self.personas.is_empty() || self.personas.contains(persona),
        }
    }
}

/// Something that will change the load of a persona, and is known ahead: a launch, a sale, a broadcast.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlannedEvent {
    /// Whose load.
    pub persona: PersonaName,
    /// When it begins.
    pub from: TimestampMs,
    /// When it ends.
    pub until: TimestampMs,
    /// What it does.
    pub effect: Effect,
    /// What it is, for those who read the plans.
    #[serde(default)]
    #[schema(max_length = 1_000)]
    pub note: String,
}

/// What an event does to the load.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// It is this many times what it would have been, above 0 to 1,000.
    Factor(f64),
    /// It needs at least so many instances, 1 to 1,000,000.
    Instances(u32),
}

/// Something with a beginning and an end.
pub trait Spanned {
    /// When it begins.
    fn from(&self) -> TimestampMs;
    /// When it ends.
    fn until(&self) -> TimestampMs;

    /// Whether an instant is within it.
    fn holds(&self, at: TimestampMs) -> bool {
        self.from() <= at && at < self.until()
    }
}

impl Spanned for What {
    fn from(&self) -> TimestampMs {
        match self {
            Self::Event(event) => event.from,
            Self::Freeze(freeze) => freeze.from,
        }
    }
    fn until(&self) -> TimestampMs {
        match self {
            Self::Event(event) => event.until,
            Self::Freeze(freeze) => freeze.until,
        }
    }
}

impl Spanned for Freeze {
    fn from(&self) -> TimestampMs {
        self.from
    }
    fn until(&self) -> TimestampMs {
        self.until
    }
}

impl Spanned for PlannedEvent {
    fn from(&self) -> TimestampMs {
        self.from
    }
    fn until(&self) -> TimestampMs {
        self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_freeze_is_about_everybody_some_personas_or_a_driver() {
        let freeze = |personas: &[&str], driver: Option<&str>| Freeze {
            from: TimestampMs(0),
            until: TimestampMs(1),
            personas: personas.iter().map(|name| name.parse().expect("valid")).collect(),
            driver: driver.map(|name| name.parse().expect("valid")),
            allows: Allowed::Nothing,
            note: String::new(),
        };
        let concerns = |freeze: Freeze| {
            ["web", "jobs"].map(|name| freeze.concerns(&name.parse().expect("valid"), &"aws".parse().expect("valid")))
        };
        assert_eq!(concerns(freeze(&[], None)), [true, true]);
        assert_eq!(concerns(freeze(&["web"], None)), [true, false]);
        assert_eq!(concerns(freeze(&[], Some("aws"))), [true, true]);
        assert_eq!(concerns(freeze(&[], Some("gcp"))), [false, false]);
        assert_eq!(concerns(freeze(&["jobs"], Some("gcp"))), [false, true]);
    }

    #[test]
    fn an_entry_says_what_it_is() {
        let entry: Entry = serde_json::from_value(serde_json::json!({
            "name": "quarter-end", "applied_at": "2026-06-01T00:00:00Z", "applied_by": "ops",
            "freeze": { "from": "2026-06-29T00:00:00Z", "until": "2026-07-01T00:00:00Z", "personas": ["web"] },
        }))
        .expect("valid");
        assert_eq!((entry.what.kind(), entry.what.holds(entry.applied_at)), (EntryKind::Freeze, false));
        let again = serde_json::from_value(serde_json::to_value(&entry).expect("JSON")).expect("valid");
        assert_eq!(entry, again);
    }

    #[test]
    fn an_effect_is_one_of_two() {
        let event = |effect: serde_json::Value| {
            serde_json::from_value::<PlannedEvent>(serde_json::json!({
                "persona": "web", "from": "2026-06-05T09:00:00Z", "until": "2026-06-05T12:00:00Z", "effect": effect,
            }))
        };
        assert_eq!(event(serde_json::json!({ "factor": 3.0 })).expect("valid").effect, Effect::Factor(3.0));
        assert_eq!(event(serde_json::json!({ "instances": 40 })).expect("valid").effect, Effect::Instances(40));
        assert!(event(serde_json::json!({ "factor": 3.0, "instances": 40 })).is_err());
    }
}
