//! Placements: other places or sizes in which instances of a persona serve just as well, at another price.

use super::{Allocation, PersonaSpec};
use crate::id::PlacementName;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A place or size in which instances may be held in place of the persona's own, each counting as one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Placement {
    /// Unique in the persona. Instances keep it: what is meant by a name should not change.
    #[schema(pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
    pub name: PlacementName,
    /// What one instance is made of there, where that differs: nothing of it may be less than the persona's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allocation: Option<Allocation>,
    /// Settings in place of the persona's of the same names, such as a `zone` that the driver knows.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = std::collections::HashMap<String, String>)]
    pub settings: BTreeMap<String, String>,
}

impl Placement {
    /// What one instance is made of there.
    #[must_use]
    pub fn allocation_of(&self, spec: &PersonaSpec) -> Allocation {
        self.allocation.unwrap_or(spec.allocation)
    }

    /// The settings of an instance there.
    #[must_use]
    pub fn settings_of(&self, spec: &PersonaSpec) -> BTreeMap<String, String> {
        let own = self.settings.iter().map(|(name, value)| (name.clone(), value.clone()));
        spec.system.settings.clone().into_iter().chain(own).collect()
    }
}

impl PersonaSpec {
    /// The placement of a name; `None` where there is none (any more).
    #[must_use]
    pub fn placement(&self, name: &PlacementName) -> Option<&Placement> {
        self.placements.iter().find(|placement| placement.name == *name)
    }

    /// Every choice in the order in which it is listed; `None`, the persona as it stands, is the first.
    pub fn choices(&self) -> impl Iterator<Item = Option<&Placement>> {
        std::iter::once(None).chain(self.placements.iter().map(Some))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::persona::Persona;
    use crate::plugin::PersonaView;
    use crate::time::TimestampMs;

    #[test]
    fn a_placement_overrides_what_it_names_and_nothing_else() {
        let spec: PersonaSpec = serde_json::from_value(serde_json::json!({
            "name": "web",
            "allocation": { "cpu_millis": 500, "memory_mib": 512 },
            "system": { "settings": { "zone": "a", "vm.swappiness": "10" } },
            "demand": { "series": { "resource": "web", "metric": "requests" }, "capacity_per_instance": 10.0 },
            "placements": [
                { "name": "zone-b", "settings": { "zone": "b" } },
                { "name": "large", "allocation": { "cpu_millis": 1_000, "memory_mib": 512 } },
            ],
        }))
        .expect("valid");
        let persona = Persona { version: 1, applied_at: TimestampMs(0), applied_by: "ops".into(), spec };
        let views: Vec<PersonaView> =
            persona.spec.choices().map(|choice| PersonaView::placed(&persona, choice)).collect();
        assert_eq!(views[0], PersonaView::from(&persona));
        assert_eq!(views[1].allocation, persona.spec.allocation);
        assert_eq!((views[1].system.settings["zone"].as_str(), views[1].system.settings.len()), ("b", 2));
        assert_eq!((views[2].allocation.cpu_millis, views[2].system.settings["zone"].as_str()), (1_000, "a"));
        assert!(persona.spec.placement(&"zone-c".parse().expect("valid")).is_none());
    }
}
