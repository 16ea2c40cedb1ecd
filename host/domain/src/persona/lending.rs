//! What of a persona's instances may be leased to others.

use super::Schedule;
use crate::id::TenantName;
use crate::lending::{DeliveryWindow, LeaseClass};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What of a persona's warm instances may be leased to others on the capacity market, and for how much. Prices are in
/// micro-credits per instance-second.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LendingPolicy {
    /// The tenant that is paid, and that pays for what it calls back.
    pub owner: TenantName,
    /// At most so many are leased out at a time.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub limit: u32,
    /// So many warm instances are never lent, beyond what the forecast wants.
    #[serde(default)]
    #[schema(maximum = 1_000_000)]
    pub keep_min: u32,
    /// On which terms; both unless given.
    #[serde(default = "both")]
    #[schema(min_items = 1, max_items = 2)]
    pub classes: Vec<LeaseClass>,
    /// The least price, whatever the instances cost.
    #[serde(default = "one")]
    #[schema(minimum = 1, maximum = 1_000_000_000)]
    pub reserve_floor: u32,
    /// What having an instance idle costs. Unless given, what its driver charges for a warm one, a credit being one unit
    /// of the driver's currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1_000_000_000)]
    pub carrying_cost: Option<u32>,
    /// Hours in which nothing is lent. They have neither `min` nor `max`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 50)]
    pub blackouts: Vec<Schedule>,
}

fn both() -> Vec<LeaseClass> {
    vec![LeaseClass::Firm, LeaseClass::Reclaimable]
}

fn one() -> u32 {
    1
}

impl LendingPolicy {
    /// Whether it lends in this class.
    #[must_use]
    pub fn lends(&self, class: LeaseClass) -> bool {
        self.classes.contains(&class)
    }

    /// The name of a blackout that has an instant in common with the window.
    #[must_use]
    pub fn blackout(&self, window: DeliveryWindow) -> Option<&str> {
        let meets = |schedule: &&Schedule| schedule.next(window.from()).is_some_and(|next| next.0 < window.until());
        self.blackouts.iter().find(meets).map(|schedule| schedule.name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{HOUR_MS, TimestampMs};

    fn policy(json: &str) -> LendingPolicy {
        serde_json::from_str(json).expect("valid")
    }

    #[test]
    fn a_short_policy_lends_in_both_classes() {
        let policy = policy(r#"{"owner":"shop","limit":3}"#);
        assert_eq!((policy.limit, policy.keep_min, policy.reserve_floor), (3, 0, 1));
        assert!(policy.lends(LeaseClass::Firm) && policy.lends(LeaseClass::Reclaimable));
        let error =
            serde_json::from_str::<LendingPolicy>(r#"{"owner":"shop","lending_limit":3}"#).expect_err("unknown");
        assert!(error.to_string().contains("unknown field `lending_limit`"), "{error}");
    }

    #[test]
    fn a_blackout_is_any_window_that_touches_it() {
        let policy =
            policy(r#"{"owner":"shop","limit":3,"blackouts":[{"name":"night","from":"02:00","until":"04:00"}]}"#);
        let window = |from, until| {
            DeliveryWindow::new(TimestampMs(from * HOUR_MS), TimestampMs(until * HOUR_MS)).expect("a window")
        };
        for (from, until, expected) in
            [(0, 2, None), (1, 3, Some("night")), (3, 5, Some("night")), (4, 9, None), (0, 24, Some("night"))]
        {
            assert_eq!(policy.blackout(window(from, until)), expected, "{from} to {until}");
        }
    }
}
