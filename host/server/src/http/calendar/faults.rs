//! What is wrong with an entry of the calendar, beyond its form: told when it is given, never found in the loop.

use crate::http::problem::FieldError;
use crate::http::state::AppState;
use forewarm_domain::calendar::{Effect, Freeze, PlannedEvent, Spanned, What};
use forewarm_domain::id::{PersonaName, PluginName};
use forewarm_domain::plugin::PluginKind;
use forewarm_domain::time::{DAY_MS, TimestampMs};
use forewarm_web::schema::nearest;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// The longest span, in days: what holds for longer belongs into the personas.
const LENGTH_DAYS_MAX: i64 = 366;
/// How far ahead a span may begin, in days.
const AHEAD_DAYS_MAX: i64 = 5 * 366;
/// The largest factor by which an event may multiply a load.
const FACTOR_MAX: f64 = 1_000.0;
/// The most instances that an event may need.
const INSTANCES_MAX: u32 = 1_000_000;

/// What an entry may be about.
struct Known {
    now: TimestampMs,
    /// The personas, each with the most instances that it may have.
    personas: BTreeMap<PersonaName, u32>,
    drivers: BTreeSet<PluginName>,
}

/// The faults of an entry that is applied now.
pub(super) fn of(state: &AppState, what: &What) -> Vec<FieldError> {
    let catalog = state.core.catalog().list();
    let carried = state.plugins.infos().into_iter().filter(|info| info.kind == Some(PluginKind::Driver));
    let used = catalog.iter().map(|persona| persona.spec.plugins.driver.clone());
    let known = Known {
        now: state.core.clock().now(),
        drivers: carried.filter_map(|info| info.name).chain(used).collect(),
        personas: catalog.iter().map(|persona| (persona.spec.name.clone(), persona.spec.scaling.max)).collect(),
    };
    faults(&known, what)
}

fn faults(known: &Known, what: &What) -> Vec<FieldError> {
    let mut faults = span(what.from(), what.until(), known.now);
    faults.extend(match what {
        What::Event(event) => event_faults(known, event),
        What::Freeze(freeze) => freeze_faults(known, freeze),
    });
    faults
}

fn span(from: TimestampMs, until: TimestampMs, now: TimestampMs) -> Vec<FieldError> {
    if until <= from {
        return vec![fault(
            "/until",
            format!("it ends at {until}, not after its beginning at {from}: give a later end"),
        )];
    }
    if until <= now {
        return vec![fault(
            "/until",
            format!("it ended at {until}, and it is {now} now: give a span that is not over"),
        )];
    }
    let mut faults = Vec::new();
    if until.since(from) > LENGTH_DAYS_MAX * DAY_MS {
        let days = until.since(from) / DAY_MS;
        let detail = format!(
            "it lasts for {days} days: {LENGTH_DAYS_MAX} are the most; what holds always belongs into the persona"
        );
        faults.push(fault("/until", detail));
    }
    if from.since(now) > AHEAD_DAYS_MAX * DAY_MS {
        faults.push(fault("/from", format!("it begins at {from}: give a time within {AHEAD_DAYS_MAX} days from now")));
    }
    faults
}

fn event_faults(known: &Known, event: &PlannedEvent) -> Vec<FieldError> {
    let Some(most) = known.personas.get(&event.persona) else {
        return vec![unknown_persona(known, "/persona", &event.persona)];
    };
    let detail = match event.effect {
        Effect::Factor(factor) if !(factor > 0.0 && factor <= FACTOR_MAX) => {
            ("/effect/factor", format!("the factor is {factor}: give one above 0, up to {FACTOR_MAX}"))
        }
        Effect::Factor(1.0) => {
            ("/effect/factor", "a factor of 1 changes nothing: give 2 for twice the load".to_owned())
        }
        Effect::Instances(count) if !(1..=INSTANCES_MAX).contains(&count) => {
            ("/effect/instances", format!("it needs {count} instances: give 1 to {INSTANCES_MAX}"))
        }
        Effect::Instances(count) if count > *most => {
            let detail = format!("it needs {count} instances, above the max of {}, which is {most}", event.persona);
            ("/effect/instances", format!("{detail}: raise scaling.max of the persona first"))
        }
        Effect::Factor(_) | Effect::Instances(_) => return Vec::new(),
    };
    vec![fault(detail.0, detail.1)]
}

fn freeze_faults(known: &Known, freeze: &Freeze) -> Vec<FieldError> {
    let mut faults = Vec::new();
    let mut named = HashSet::new();
    for (index, persona) in freeze.personas.iter().enumerate() {
        let pointer = format!("/personas/{index}");
        if !known.personas.contains_key(persona) {
            faults.push(unknown_persona(known, &pointer, persona));
        } else if !named.insert(persona) {
            faults.push(fault(&pointer, format!("{persona} is named twice: name each persona once")));
        }
    }
    if let Some(driver) = freeze.driver.as_ref().filter(|driver| !known.drivers.contains(*driver)) {
        let names: Vec<&str> = known.drivers.iter().map(PluginName::as_str).collect();
        let help = match nearest(driver.as_str(), &names) {
            Some(near) => format!("did you mean {near}?"),
            None => format!("the drivers are {}", names.join(", ")),
        };
        faults.push(fault("/driver", format!("there is no driver {driver}: {help}")));
    }
    faults
}

fn unknown_persona(known: &Known, pointer: &str, persona: &PersonaName) -> FieldError {
    let names: Vec<&str> = known.personas.keys().map(PersonaName::as_str).collect();
    let help = match nearest(persona.as_str(), &names) {
        Some(near) => format!("did you mean {near}?"),
        None => "apply it first".to_owned(),
    };
    fault(pointer, format!("there is no persona {persona}: {help}"))
}

fn fault(pointer: &str, detail: impl Into<String>) -> FieldError {
    FieldError { pointer: pointer.to_owned(), detail: detail.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn told(what: Value) -> Vec<(String, String)> {
        let known = Known {
            now: "2026-06-01T00:00:00Z".parse().expect("valid"),
            personas: [("web-frontend".parse().expect("valid"), 20)].into(),
            drivers: ["driver-ec2".parse().expect("valid")].into(),
        };
        let faults = faults(&known, &serde_json::from_value(what).expect("valid"));
        faults.into_iter().map(|fault| (fault.pointer, fault.detail)).collect()
    }

    fn event(change: impl FnOnce(&mut Value)) -> Value {
        let mut event = json!({
            "persona": "web-frontend", "from": "2026-06-05T09:00:00Z", "until": "2026-06-05T12:00:00Z",
            "effect": { "factor": 3.0 },
        });
        change(&mut event);
        json!({ "event": event })
    }

    fn check(what: Value, pointer: &str, part: &str) {
        let told = told(what);
        assert!(told.len() == 1 && told[0].0 == pointer && told[0].1.contains(part), "{pointer} {part}: {told:?}");
    }

    #[test]
    fn spans_that_cannot_be_meant_are_named() {
        assert!(told(event(|_| {})).is_empty());
        assert!(told(event(|e| e["from"] = json!("2026-05-01T00:00:00Z"))).is_empty(), "it has begun");
        check(event(|e| e["until"] = json!("2026-06-05T09:00:00Z")), "/until", "not after its beginning");
        check(event(|e| e["until"] = json!("2026-06-05T08:00:00Z")), "/until", "not after its beginning");
        let past =
            |e: &mut Value| (e["from"], e["until"]) = (json!("2026-05-01T00:00:00Z"), json!("2026-05-02T00:00:00Z"));
        check(event(past), "/until", "it ended at 2026-05-02T00:00:00Z");
        check(event(|e| e["until"] = json!("2028-06-05T08:00:00Z")), "/until", "366 are the most");
        let far =
            |e: &mut Value| (e["from"], e["until"]) = (json!("3026-05-01T00:00:00Z"), json!("3026-05-02T00:00:00Z"));
        check(event(far), "/from", "within 1830 days");
    }

    #[test]
    fn effects_that_cannot_be_meant_are_named() {
        for (effect, part) in [
            (json!(0.0), "above 0"),
            (json!(-3.0), "above 0"),
            (json!(1_000.5), "up to 1000"),
            (json!(1.0), "changes nothing"),
        ] {
            check(event(|e| e["effect"] = json!({ "factor": effect })), "/effect/factor", part);
        }
        check(event(|e| e["effect"] = json!({ "instances": 0 })), "/effect/instances", "give 1 to");
        check(event(|e| e["effect"] = json!({ "instances": 21 })), "/effect/instances", "raise scaling.max");
        assert!(told(event(|e| e["effect"] = json!({ "instances": 20 }))).is_empty());
    }

    #[test]
    fn who_is_not_there_is_named() {
        check(event(|e| e["persona"] = json!("web-frontent")), "/persona", "did you mean web-frontend?");
        let freeze = |more: Value| {
            let mut freeze = json!({ "from": "2026-06-05T09:00:00Z", "until": "2026-06-05T12:00:00Z" });
            freeze.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            json!({ "freeze": freeze })
        };
        assert!(told(freeze(json!({}))).is_empty());
        check(freeze(json!({ "driver": "driver-ec3" })), "/driver", "did you mean driver-ec2?");
        check(freeze(json!({ "driver": "x" })), "/driver", "the drivers are driver-ec2");
        check(freeze(json!({ "personas": ["web-frontend", "jobs"] })), "/personas/1", "there is no persona jobs");
        check(freeze(json!({ "personas": ["web-frontend", "web-frontend"] })), "/personas/1", "twice");
    }
}
