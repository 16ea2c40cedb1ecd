//! The reactive rule (Kubernetes' HorizontalPodAutoscaler): follow the last load at a target utilisation, ignore small
//! deviations, and scale in only to the highest wish of the stabilisation window.

use super::{Reason, ReasonCode, Snapshot, Target, instances_for};

/// The share of an instance's capacity that the rule aims to use.
pub(crate) const TARGET: f64 = 0.8;
/// Scaling in waits for the highest wish of this many last steps.
pub(crate) const STABILISATION_STEPS: usize = 5;
/// A utilisation within this share of the target changes nothing.
const TOLERANCE: f64 = 0.1;

/// Instances for a demand at a target utilisation: `have` where that is near enough.
pub(crate) fn wish(demand: f64, have: u32, target: f64) -> u32 {
    let tolerated = have > 0 && (demand / (f64::from(have) * target) - 1.0).abs() <= TOLERANCE;
    if tolerated { have } else { instances_for(demand, target) }
}

pub(super) fn target(snapshot: &Snapshot) -> Target {
    let have = snapshot.stock.total();
    let capacity = snapshot.capacity_per_instance * TARGET;
    let window = &snapshot.recent_load[snapshot.recent_load.len().saturating_sub(STABILISATION_STEPS)..];
    let Some(load) = window.last().copied().filter(|load| load.is_finite()) else {
        let detail = format!("the last load is missing: {have} are kept until it is known again");
        return Target::of(have, Reason::new(ReasonCode::StaleTelemetry, detail));
    };
    let needed = instances_for(load, capacity);
    let highest = window.iter().map(|load| instances_for(*load, capacity)).max().unwrap_or(needed);
    let wish = wish(load / snapshot.capacity_per_instance, have, TARGET);
    let wanted = if wish == have { have } else { wish.max(highest.min(have)) };
    let detail = format!(
        "the last load of {load:.1} needs {needed} at {:.0}% utilisation; the highest wish of the last {} steps was {highest}",
        TARGET * 100.0,
        window.len(),
    );
    Target::of(wanted, Reason::new(ReasonCode::Reactive, detail))
}

#[cfg(test)]
mod tests {
    use super::super::tests::certain;
    use super::super::{ReasonCode, Stock, decide};
    use crate::persona::Policy;

    fn wanted(loads: &[f64], have: u32) -> (u32, ReasonCode) {
        let mut snapshot = certain(&[1.0; 60], Stock { warm: have, ..Stock::default() });
        snapshot.scaling.policy = Policy::Reactive;
        snapshot.recent_load = loads.to_vec();
        let plan = decide(&snapshot);
        (plan.wanted, plan.reasons[0].code)
    }

    #[test]
    fn it_follows_the_load() {
        assert_eq!(wanted(&[8.0; 5], 2), (10, ReasonCode::Reactive));
        assert_eq!(wanted(&[8.0; 5], 20), (10, ReasonCode::Reactive));
    }

    #[test]
    fn small_deviations_change_nothing() {
        assert_eq!(wanted(&[8.4; 5], 10).0, 10);
    }

    #[test]
    fn scaling_in_waits_for_the_window() {
        assert_eq!(wanted(&[16.0, 4.0, 4.0, 4.0, 4.0], 20).0, 20);
        assert_eq!(wanted(&[4.0; 5], 20).0, 5);
    }

    #[test]
    fn missing_telemetry_takes_nothing_away() {
        assert_eq!(wanted(&[4.0, 4.0, f64::NAN], 20), (20, ReasonCode::StaleTelemetry));
        assert_eq!(wanted(&[], 3), (3, ReasonCode::StaleTelemetry));
    }
}
