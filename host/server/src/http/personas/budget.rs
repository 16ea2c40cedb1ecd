//! What is wrong with a persona's budget, beyond its form: it needs a price, and has to pay for the persona's minimum.

use crate::http::problem::FieldError;
use crate::http::state::AppState;
use forewarm_domain::persona::{Budget, Persona, PersonaSpec};
use forewarm_domain::time::{HOUR_MS, TimestampMs};

/// The faults of the budget of a persona that is applied now. Its driver is asked for the price.
pub(super) async fn faults(state: &AppState, spec: &PersonaSpec) -> Vec<FieldError> {
    let Some(budget) = spec.scaling.budget else { return Vec::new() };
    let now = state.core.clock().now();
    let present = state.core.catalog().get(&spec.name);
    let version = present.map_or(1, |present| present.version + u32::from(present.spec != *spec));
    // What is learned is there for the plan that follows at once.
    let persona = Persona { version, applied_at: now, applied_by: String::new(), spec: spec.clone() };
    let driver = &spec.plugins.driver;
    let detail = match state.core.learn_price(&persona).await {
        Ok(Some(per_hour)) => return unpaid(budget, spec, per_hour, now).into_iter().collect(),
        Ok(None) => format!("a budget needs a price, and {driver} has none for a warm instance: leave the budget out"),
        Err(error) => {
            format!("a budget needs a price, and none could be had: {error}; try again, or leave the budget out")
        }
    };
    vec![FieldError { pointer: "/scaling/budget".to_owned(), detail }]
}

/// Says that a budget does not pay for what the persona always keeps.
fn unpaid(budget: Budget, spec: &PersonaSpec, per_hour: f64, now: TimestampMs) -> Option<FieldError> {
    let Budget { amount, period } = budget;
    let (begin, end) = period.around(now);
    let (min, hours) = (spec.scaling.min, end.since(begin) as f64 / HOUR_MS as f64);
    let needed = per_hour * f64::from(min) * hours;
    let detail = || {
        format!(
            "{amount} a {} does not pay for the min of {min}, which costs {needed:.2} at {per_hour:.4} an hour each: raise \
             the amount or lower scaling.min",
            period.as_str()
        )
    };
    (needed > amount).then(|| FieldError { pointer: "/scaling/budget/amount".to_owned(), detail: detail() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_budget_pays_for_the_minimum() {
        let told = |amount: f64, min: u32, per_hour: f64| {
            let spec: PersonaSpec = serde_json::from_value(json!({
                "name": "web",
                "allocation": { "cpu_millis": 500, "memory_mib": 512 },
                "demand": { "series": { "resource": "web", "metric": "requests" }, "capacity_per_instance": 10.0 },
                "scaling": { "min": min, "budget": { "amount": amount, "period": "day" } },
            }))
            .expect("valid");
            let budget = spec.scaling.budget.expect("given");
            unpaid(budget, &spec, per_hour, TimestampMs(0)).map(|fault| fault.detail)
        };
        assert_eq!(told(48.0, 2, 1.0), None);
        assert!(told(47.0, 2, 1.0).expect("too little").contains("which costs 48.00 at 1.0000"));
        assert_eq!((told(0.01, 0, 1.0), told(0.01, 9, 0.0)), (None, None));
    }
}
