//! What is wrong with a persona's schedules, beyond their form: told when they are given, never found in the loop.

use crate::http::problem::FieldError;
use forewarm_domain::persona::{PersonaSpec, Schedule};
use forewarm_domain::time::TimestampMs;

/// The faults of all schedules of a persona that is applied at `now`.
pub(super) fn faults(spec: &PersonaSpec, now: TimestampMs) -> Vec<FieldError> {
    let schedules = &spec.schedules;
    let mut faults = Vec::new();
    for (index, schedule) in schedules.iter().enumerate() {
        let mut fault = |field: &str, detail: String| {
            faults.push(FieldError { pointer: format!("/schedules/{index}{field}"), detail });
        };
        alone(schedule, spec, now).into_iter().for_each(|(field, detail)| fault(field, detail));
        for other in &schedules[..index] {
            if let Some(detail) = against(schedule, other, now) {
                fault("", detail);
            }
        }
    }
    faults
}

/// The faults of what a persona lends: blackouts that never come, classes that come twice.
pub(super) fn lending_faults(spec: &PersonaSpec, now: TimestampMs) -> Vec<FieldError> {
    let Some(lending) = &spec.lending else { return Vec::new() };
    let mut faults = Vec::new();
    let mut fault = |pointer: String, detail: String| faults.push(FieldError { pointer, detail });
    if let [one, other] = lending.classes[..]
        && one == other
    {
        fault("/lending/classes/1".into(), format!("{} is named twice: name each class once", one.as_str()));
    }
    for (index, blackout) in lending.blackouts.iter().enumerate() {
        let Schedule { name, from, until, min, max, .. } = blackout;
        if min.is_some() || max.is_some() {
            fault(
                format!("/lending/blackouts/{index}"),
                format!("the blackout `{name}` bounds nothing: leave out min and max"),
            );
        }
        if from == until {
            let detail = format!("from and until are both {from}: give 00:00 and 24:00 for the whole day");
            fault(format!("/lending/blackouts/{index}/until"), detail);
        } else if blackout.next(now).is_none() {
            let detail = format!("the blackout `{name}` comes on no day from now on: look at its weekdays and days");
            fault(format!("/lending/blackouts/{index}"), detail);
        }
    }
    faults
}

/// What is wrong with one schedule, and where.
fn alone(schedule: &Schedule, spec: &PersonaSpec, now: TimestampMs) -> Vec<(&'static str, String)> {
    let Schedule { name, min, max, from, until, .. } = schedule;
    let (least, most) = (spec.scaling.min, spec.scaling.max);
    let mut faults = Vec::new();
    if let (None, None) = (min, max) {
        faults.push(("", format!("the schedule `{name}` bounds nothing: give it min, max or both")));
    }
    if let Some(min) = min.filter(|min| *min > max.unwrap_or(most)) {
        let limit = max.map_or("the persona's max", |_| "its max");
        let most = max.unwrap_or(most);
        faults.push(("/min", format!("min is {min}, above {limit}, which is {most}: lower min or raise max")));
    }
    if let Some(max) = max.filter(|max| *max > most) {
        faults.push(("/max", format!("max is {max}, above the persona's max, which is {most} and holds always")));
    }
    if let Some(max) = max.filter(|max| *max < least) {
        faults.push(("/max", format!("max is {max}, below the persona's min, which is {least} and holds always")));
    }
    if from == until {
        faults.push(("/until", format!("from and until are both {from}: give 00:00 and 24:00 for the whole day")));
    } else if schedule.next(now).is_none() {
        let detail =
            "comes on no day from now on: look at its weekdays, first_day and last_day, and at hours that clocks skip";
        faults.push(("", format!("the schedule `{name}` {detail}")));
    }
    faults
}

/// How two schedules contradict each other at a time when both are in force.
fn against(schedule: &Schedule, other: &Schedule, now: TimestampMs) -> Option<String> {
    let clash = |low: &Schedule, high: &Schedule| low.max.zip(high.min).filter(|(max, min)| max < min);
    let (max, min) = clash(schedule, other).or_else(|| clash(other, schedule))?;
    let detail = format!(
        "the schedules `{}` and `{}` are in force at the same time, one with a min of {min}, the other with a max of {max}",
        other.name, schedule.name,
    );
    schedule.meets(other, now).then_some(detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn pointers(schedules: &Value) -> Vec<String> {
        let spec = serde_json::from_value(json!({
            "name": "web",
            "allocation": { "cpu_millis": 500, "memory_mib": 512 },
            "demand": { "series": { "resource": "web", "metric": "requests" }, "capacity_per_instance": 10.0 },
            "scaling": { "min": 2, "max": 20 },
            "schedules": schedules,
        }));
        let now = "2026-06-01T00:00:00Z".parse().expect("valid");
        faults(&spec.expect("valid"), now).into_iter().map(|fault| fault.pointer).collect()
    }

    fn schedule(more: Value) -> Value {
        let mut full = json!({ "name": "s", "from": "09:00", "until": "17:00" });
        if let (Value::Object(full), Value::Object(more)) = (&mut full, more) {
            full.extend(more);
        }
        full
    }

    #[test]
    fn each_contradiction_is_named() {
        for (more, pointer) in [
            (json!({}), "/schedules/0"),
            (json!({ "min": 9, "max": 8 }), "/schedules/0/min"),
            (json!({ "min": 21 }), "/schedules/0/min"),
            (json!({ "max": 21 }), "/schedules/0/max"),
            (json!({ "max": 1 }), "/schedules/0/max"),
            (json!({ "min": 5, "until": "09:00" }), "/schedules/0/until"),
            (json!({ "min": 5, "last_day": "2026-05-01" }), "/schedules/0"),
            (
                json!({ "min": 5, "weekdays": ["monday"], "first_day": "2026-06-02", "last_day": "2026-06-05" }),
                "/schedules/0",
            ),
        ] {
            assert_eq!(pointers(&json!([schedule(more.clone())])), [pointer], "{more}");
        }
        assert!(pointers(&json!([schedule(json!({ "min": 5, "max": 10 }))])).is_empty());
    }

    #[test]
    fn what_is_lent_is_checked() {
        let found = |lending: Value| {
            let spec = serde_json::from_value(json!({
                "name": "web",
                "allocation": { "cpu_millis": 500, "memory_mib": 512 },
                "demand": { "series": { "resource": "web", "metric": "requests" }, "capacity_per_instance": 10.0 },
                "lending": lending,
            }));
            let now = "2026-06-01T00:00:00Z".parse().expect("valid");
            let faults = lending_faults(&spec.expect("valid"), now);
            faults.into_iter().map(|fault| fault.pointer).collect::<Vec<_>>()
        };
        let with = |more: Value| json!({ "owner": "shop", "limit": 3, "blackouts": [schedule(more)] });
        assert!(found(with(json!({}))).is_empty());
        assert_eq!(found(with(json!({ "min": 3 }))), ["/lending/blackouts/0"]);
        assert_eq!(found(with(json!({ "until": "09:00" }))), ["/lending/blackouts/0/until"]);
        assert_eq!(found(with(json!({ "last_day": "2026-05-01" }))), ["/lending/blackouts/0"]);
        let twice = json!({ "owner": "shop", "limit": 3, "classes": ["firm", "firm"] });
        assert_eq!(found(twice), ["/lending/classes/1"]);
    }

    #[test]
    fn schedules_that_contradict_each_other_are_named() {
        let low = schedule(json!({ "max": 5 }));
        let high = |from: &str| schedule(json!({ "min": 8, "from": from, "until": "20:00" }));
        assert_eq!(pointers(&json!([low, high("16:00")])), ["/schedules/1"]);
        assert!(pointers(&json!([low, high("17:00")])).is_empty(), "one after the other");
    }
}
