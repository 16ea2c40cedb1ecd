//! Instances in tiers that are cheaper than warm, beyond those that are ready: what the programme holds there, within the
//! bounds that hold for all.

use super::level::Borders;
use super::{Reason, ReasonCode, Snapshot, StandbyCounts, bounds};
use crate::calendar::Allowed;
use crate::instance::Tier;

/// What to hold beyond `wanted` ready instances. Without a forecast nothing that is parked is given up, and what is not
/// needed any more is parked: it is cheap, and nobody knows what comes.
pub(super) fn beyond(snapshot: &Snapshot, borders: Option<Borders>, wanted: u32) -> StandbyCounts {
    let may_park = snapshot.standby.iter().any(|standby| standby.tier == Tier::Parked);
    let surplus = snapshot.stock.total().saturating_sub(wanted);
    let wish = match borders {
        // The programme looked at the owner's own instances alone.
        Some(borders) => borders.beyond(wanted.saturating_sub(snapshot.limits.leased)),
        None => StandbyCounts { parked: left(snapshot, wanted).saturating_add(surplus), shell: 0 },
    };
    let parked = if may_park { bounded(snapshot, wanted, surplus, wish.parked) } else { 0 };
    StandbyCounts { parked, ..wish }
}

/// Those that stay parked when what is wanted beyond what there is comes from among them.
fn left(snapshot: &Snapshot, wanted: u32) -> u32 {
    let missing = wanted.saturating_sub(snapshot.stock.total());
    snapshot.stock.parked.saturating_sub(missing)
}

/// Parked ones are few enough for the bounds that limit instances, and held wherever nothing may be let go.
fn bounded(snapshot: &Snapshot, wanted: u32, surplus: u32, parked: u32) -> u32 {
    let have = left(snapshot, wanted);
    // More than there are, the surplus counted, takes launches.
    let launched = launches_left(snapshot, wanted).saturating_add(surplus).saturating_add(have);
    let in_all = bounds::within_maximum(snapshot, wanted.saturating_add(parked.min(launched)));
    let parked = in_all.saturating_sub(wanted);
    let mut holds = snapshot.limits.holds.iter().filter(|hold| hold.holds(snapshot.at)).peekable();
    if holds.peek().is_some() {
        return if holds.any(|hold| hold.allows == Allowed::Nothing) { have } else { parked.max(have) };
    }
    let known = snapshot.recent_load.last().is_some_and(|load| load.is_finite());
    let releases = if known { snapshot.scaling.max_releases_per_step.unwrap_or(u32::MAX) } else { 0 };
    parked.max(have.saturating_sub(releases.saturating_sub(surplus)))
}

/// Launches that the bounds leave for instances that are only to be parked, after those that are wanted ready.
fn launches_left(snapshot: &Snapshot, wanted: u32) -> u32 {
    let limits = &snapshot.limits;
    if limits.out_of_capacity.is_some() || snapshot.scaling.budget.is_some() || !limits.holds.is_empty() {
        return 0;
    }
    let launches = wanted.saturating_sub(snapshot.stock.total());
    let quota = limits.quota.map_or(u32::MAX, |quota| quota.most.saturating_sub(quota.used));
    quota.min(snapshot.scaling.max_launches_per_step.unwrap_or(u32::MAX)).saturating_sub(launches)
}

/// Why instances are held in a cheaper tier.
pub(super) fn explain(snapshot: &Snapshot, standby: StandbyCounts) -> Vec<Reason> {
    let counts = [(Tier::Parked, standby.parked, "parked"), (Tier::Shell, standby.shell, "as shells")];
    let reason = |(tier, count, how): (Tier, u32, &str)| {
        let offer = snapshot.standby.iter().find(|offer| offer.tier == tier).filter(|_| count > 0)?;
        let seconds = |steps: f64| steps * snapshot.step_ms as f64 / 1_000.0;
        let detail = format!(
            "{count} more are worth holding {how}, not warm: one costs {:.0}% of a warm one and serves within {:.0} s, \
             against {:.0} s for a launch",
            100.0 * offer.hold,
            seconds(offer.latency_steps),
            snapshot.lead_ms as f64 / 1_000.0,
        );
        Some(Reason::new(ReasonCode::Standby, detail))
    };
    counts.into_iter().filter_map(reason).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::certain;
    use super::super::{Outlook, Standby, Stock, decide};
    use super::*;
    use crate::forecast::Fan;
    use crate::persona::Policy;
    use crate::plan::{Hold, Quota};
    use crate::time::TimestampMs;

    /// 2 instances are needed for sure, up to 6 perhaps.
    fn vague(stock: Stock) -> Snapshot {
        let mut snapshot = certain(&[2.0; 60], stock);
        let paths: Vec<Vec<f64>> = [1.5, 2.0, 6.0].iter().map(|load| vec![*load; 60]).collect();
        let fan = Fan::from_paths(snapshot.at, snapshot.step_ms, &[0.05, 0.95, 0.99], &paths).expect("valid");
        snapshot.outlook = Outlook::Forecast(fan);
        snapshot.standby = vec![Standby { tier: Tier::Parked, hold: 0.1, latency_steps: 0.5, build_steps: 5 }];
        snapshot
    }

    fn planned(snapshot: &Snapshot) -> (u32, u32) {
        let plan = decide(snapshot);
        (plan.wanted, plan.standby.parked)
    }

    #[test]
    fn what_may_be_needed_is_parked_and_what_will_be_is_warm() {
        let plan = decide(&vague(Stock { warm: 6, ..Stock::default() }));
        assert_eq!((plan.wanted, plan.standby.parked), (2, 4));
        assert!(plan.reasons.iter().any(|reason| reason.code == ReasonCode::Standby), "{:?}", plan.reasons);
        let mut lending = vague(Stock { active: 3, warm: 6, ..Stock::default() });
        lending.limits.leased = 3;
        assert_eq!(planned(&lending), (5, 4), "what is leased out comes on top");
        let none = decide(&Snapshot { standby: vec![], ..vague(Stock { warm: 6, ..Stock::default() }) });
        assert_eq!(none.standby, StandbyCounts::default());
    }

    #[test]
    fn parked_ones_stay_parked_and_are_counted_once() {
        assert_eq!(planned(&vague(Stock { warm: 2, parked: 4, ..Stock::default() })), (2, 4));
        let mut snapshot = vague(Stock { warm: 2, parked: 9, ..Stock::default() });
        assert_eq!(planned(&snapshot), (2, 4), "what will hardly be needed is given up");
        snapshot.scaling.max_releases_per_step = Some(1);
        assert_eq!(planned(&snapshot), (2, 8));
    }

    #[test]
    fn another_rule_says_how_many_are_warm_and_the_programme_what_is_parked() {
        let mut snapshot = vague(Stock { warm: 6, ..Stock::default() });
        snapshot.scaling.min = 5;
        assert_eq!(planned(&snapshot), (5, 1));
        snapshot.stock.warm = 5;
        snapshot.scaling = crate::persona::Scaling { policy: Policy::Reactive, ..Default::default() };
        snapshot.outlook = Outlook::Unknown("no forecaster".into());
        assert_eq!(planned(&snapshot), (3, 2), "without a forecast the surplus is parked");
        let missing = Snapshot { stock: Stock { warm: 1, parked: 4, ..Stock::default() }, ..snapshot.clone() };
        assert_eq!(planned(&missing), (3, 2), "two of the parked ones are to be started");
        snapshot.recent_load.push(f64::NAN);
        snapshot.stock.parked = 3;
        assert_eq!(planned(&snapshot), (5, 3), "nothing is let go on missing data");
    }

    #[test]
    fn bounds_hold_for_parked_ones_too() {
        let mut snapshot = vague(Stock { warm: 2, ..Stock::default() });
        assert_eq!(planned(&snapshot), (2, 3), "so many are worth a launch of their own");
        snapshot.scaling.max = 3;
        assert_eq!(planned(&snapshot), (2, 1));
        snapshot.scaling.max = 100;
        snapshot.limits.quota = Some(Quota { most: 5, used: 3 });
        assert_eq!(planned(&snapshot), (2, 2));
        snapshot.limits.out_of_capacity = Some("no hosts".into());
        assert_eq!(planned(&snapshot), (2, 0));
        let (from, until) = (TimestampMs(-1), TimestampMs(1));
        snapshot.limits.holds =
            vec![Hold { name: "sale".into(), maintenance: false, from, until, allows: Allowed::Nothing }];
        snapshot.stock = Stock { warm: 6, parked: 7, ..Stock::default() };
        assert_eq!(planned(&snapshot), (6, 7), "a freeze changes nothing");
    }
}
