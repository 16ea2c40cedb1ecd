//! What is wrong with a persona's placements, beyond their form: each has to be a choice of its own in which one instance
//! serves as much as anywhere.

use crate::http::problem::FieldError;
use forewarm_domain::persona::{Allocation, PersonaSpec, Placement};

/// The most settings that a placement overrides, and the longest name and value of one in bytes, as the contract with drivers
/// has it.
const SETTINGS_MAX: usize = 50;
const NAME_BYTES_MAX: usize = 200;
const VALUE_BYTES_MAX: usize = 4_096;

/// The faults of all placements of a persona.
pub(super) fn faults(spec: &PersonaSpec) -> Vec<FieldError> {
    let mut faults = Vec::new();
    for (index, placement) in spec.placements.iter().enumerate() {
        let mut found = alone(placement, spec);
        found.extend(against(placement, &spec.placements[..index], spec));
        let fault = |(field, detail)| FieldError { pointer: format!("/placements/{index}{field}"), detail };
        faults.extend(found.into_iter().map(fault));
    }
    faults
}

/// What is wrong with one placement, and where.
fn alone(placement: &Placement, spec: &PersonaSpec) -> Vec<(String, String)> {
    let mut faults = smaller(placement, spec);
    if placement.allocation.is_none() && placement.settings.is_empty() {
        let detail =
            format!("the placement `{}` says nothing of its own: give it allocation, settings or both", placement.name);
        faults.push((String::new(), detail));
    }
    if placement.settings.len() > SETTINGS_MAX {
        let detail = format!("has {} settings: give {SETTINGS_MAX} at most", placement.settings.len());
        faults.push(("/settings".into(), detail));
    }
    for (name, value) in placement.settings.iter().take(SETTINGS_MAX) {
        if !(1..=NAME_BYTES_MAX).contains(&name.len()) {
            let detail = format!("the name of a setting has 1 to {NAME_BYTES_MAX} bytes, this one has {}", name.len());
            faults.push(("/settings".into(), detail));
        } else if value.len() > VALUE_BYTES_MAX {
            let detail = format!("a setting has {VALUE_BYTES_MAX} bytes at most, `{name}` has {}", value.len());
            faults.push(("/settings".into(), detail));
        }
    }
    faults
}

/// What a placement's allocation has less of than the persona's.
fn smaller(placement: &Placement, spec: &PersonaSpec) -> Vec<(String, String)> {
    let Some(there) = placement.allocation else { return Vec::new() };
    let parts = |Allocation { cpu_millis, memory_mib, storage_gib, network_mbps }: Allocation| {
        [
            ("cpu_millis", cpu_millis),
            ("memory_mib", memory_mib),
            ("storage_gib", storage_gib),
            ("network_mbps", network_mbps),
        ]
    };
    let both = parts(there).into_iter().zip(parts(spec.allocation));
    let less = both.filter(|((_, there), (_, own))| there < own).map(|((part, there), (_, own))| {
        let detail = format!("is {there}, less than the persona's, which is {own}: each instance has to serve as much");
        (format!("/allocation/{part}"), detail)
    });
    less.collect()
}

/// How a placement is no choice beside the persona as it stands and those before it.
fn against(placement: &Placement, before: &[Placement], spec: &PersonaSpec) -> Option<(String, String)> {
    if before.iter().any(|other| other.name == placement.name) {
        let detail = format!("`{}` is named twice: give each placement a name of its own", placement.name);
        return Some(("/name".into(), detail));
    }
    let is_like = |other: &Placement| {
        other.allocation_of(spec) == placement.allocation_of(spec)
            && other.settings_of(spec) == placement.settings_of(spec)
    };
    if let Some(other) = before.iter().find(|other| is_like(other)) {
        return Some((String::new(), format!("`{}` is the same as `{}`: leave one out", placement.name, other.name)));
    }
    let says_something = placement.allocation.is_some() || !placement.settings.is_empty();
    let is_own =
        placement.allocation_of(spec) == spec.allocation && placement.settings_of(spec) == spec.system.settings;
    let detail = || format!("`{}` is the persona as it stands, which is a choice anyway: leave it out", placement.name);
    (says_something && is_own).then(|| (String::new(), detail()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn told(placements: &Value) -> Vec<(String, String)> {
        let spec = serde_json::from_value(json!({
            "name": "web",
            "allocation": { "cpu_millis": 500, "memory_mib": 512, "network_mbps": 100 },
            "system": { "settings": { "zone": "a" } },
            "demand": { "series": { "resource": "web", "metric": "requests" }, "capacity_per_instance": 10.0 },
            "placements": placements,
        }));
        faults(&spec.expect("valid")).into_iter().map(|fault| (fault.pointer, fault.detail)).collect()
    }

    fn pointers(placements: &Value) -> Vec<String> {
        told(placements).into_iter().map(|(pointer, _)| pointer).collect()
    }

    #[test]
    fn other_zones_and_larger_sizes_are_choices() {
        let large = json!({ "cpu_millis": 1_000, "memory_mib": 512, "network_mbps": 100 });
        let choices = json!([
            { "name": "b", "settings": { "zone": "b" } },
            { "name": "large", "allocation": large },
            { "name": "large-b", "allocation": large, "settings": { "zone": "b" } },
        ]);
        assert_eq!(told(&choices), []);
    }

    #[test]
    fn what_is_smaller_is_named_part_by_part() {
        let small = json!([{ "name": "s", "allocation": { "cpu_millis": 250, "memory_mib": 512, "storage_gib": 9 } }]);
        let told = told(&small);
        let pointers: Vec<&str> = told.iter().map(|(pointer, _)| pointer.as_str()).collect();
        assert_eq!(pointers, ["/placements/0/allocation/cpu_millis", "/placements/0/allocation/network_mbps"]);
        assert!(told[0].1.contains("is 250, less than the persona's, which is 500"), "{told:?}");
    }

    #[test]
    fn what_is_no_choice_of_its_own_is_refused() {
        let b = json!({ "zone": "b" });
        assert_eq!(
            pointers(&json!([{ "name": "b", "settings": b }, { "name": "b", "settings": {"zone": "c"} }])),
            ["/placements/1/name"]
        );
        assert_eq!(
            pointers(&json!([{ "name": "b", "settings": b }, { "name": "c", "settings": b }])),
            ["/placements/1"]
        );
        assert_eq!(pointers(&json!([{ "name": "b" }])), ["/placements/0"]);
        assert_eq!(pointers(&json!([{ "name": "b", "settings": { "zone": "a" } }])), ["/placements/0"]);
        let long = json!([{ "name": "b", "settings": { "": "x", "zone": "y".repeat(5_000) } }]);
        assert_eq!(pointers(&long), ["/placements/0/settings", "/placements/0/settings"]);
    }
}
