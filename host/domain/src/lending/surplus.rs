//! What an owner can spare in a window, read off its forecast.
//!
//! For W ready instances of its own, D_a the a-quantile of its demand in the window:
//!
//! ```text
//! firm         S_F = clamp(W - ceil(D_0.99) - keep_min, 0, limit - leased)
//! reclaimable  S_R = clamp(W - ceil(D_0.80) - keep_min - S_F, 0, limit - leased - S_F)
//! ```
//!
//! and never more than are warm: what is claimed can't be lent.

use super::DeliveryWindow;
use super::odds::{Odds, odds_above};
use crate::forecast::Fan;
use crate::plan::instances_for;
use crate::time::TimestampMs;

/// How sure the owner has to be of not needing what it lends firmly.
pub const FIRM_LEVEL: f64 = 0.99;
/// How sure of not needing what it may call back.
pub const RECLAIMABLE_LEVEL: f64 = 0.80;
/// How far a normal distribution's 0.99-quantile lies beyond its 0.95-quantile, in units of what lies between median and
/// 0.95: a fan that ends below 0.99 is continued by it.
const TAIL: f64 = 0.414;

/// What a surplus is found from.
#[derive(Debug, Clone, Copy)]
pub struct SurplusInput<'a> {
    /// When instances would be lent.
    pub window: DeliveryWindow,
    /// Forecasts of the owner's load; together they have to cover the window, and where several do the highest counts.
    pub fans: &'a [&'a Fan],
    /// The load that one instance serves, above zero.
    pub capacity_per_instance: f64,
    /// The owner's own ready instances, claimed ones included, leased ones not.
    pub ready: u32,
    /// Those of them that are warm and idle.
    pub warm: u32,
    /// What is leased out already.
    pub leased: u32,
    /// Never lent, beyond what the forecast wants.
    pub keep_min: u32,
    /// At most so many are leased out at a time.
    pub limit: u32,
    /// Which classes are lent: firm, reclaimable.
    pub classes: (bool, bool),
}

/// What can be spared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SurplusSplit {
    /// Instances that will not be needed.
    pub firm: u32,
    /// Instances that will most likely not be needed, beyond those.
    pub reclaimable: u32,
    /// How likely a firm one is needed all the same, and for how much of the window.
    pub firm_odds: Odds,
    /// How likely one of all that are lent is needed.
    pub reclaimable_odds: Odds,
}

/// What can be spared in a window: nothing where the forecasts do not cover it.
#[must_use]
pub fn surplus(input: &SurplusInput<'_>) -> SurplusSplit {
    let demand = |level| peak_demand(input, level);
    let (Some(firm_demand), Some(likely_demand)) = (demand(FIRM_LEVEL), demand(RECLAIMABLE_LEVEL)) else {
        return SurplusSplit::default();
    };
    let left = input.limit.saturating_sub(input.leased);
    let spare = |demand: u32| {
        let spare = input.ready.saturating_sub(demand).saturating_sub(input.keep_min);
        spare.min(input.warm.saturating_sub(input.keep_min)).min(left)
    };
    let firm = if input.classes.0 { spare(firm_demand) } else { 0 };
    let reclaimable = if input.classes.1 { spare(likely_demand).saturating_sub(firm) } else { 0 };
    let kept = |lent: u32| f64::from(input.ready.saturating_sub(lent)) * input.capacity_per_instance;
    SurplusSplit {
        firm,
        reclaimable,
        firm_odds: odds_above(input.fans, input.window, kept(firm)),
        reclaimable_odds: odds_above(input.fans, input.window, kept(firm + reclaimable)),
    }
}

/// The most instances that are needed at any step of the window, at a level.
fn peak_demand(input: &SurplusInput<'_>, level: f64) -> Option<u32> {
    let SurplusInput { window, fans, .. } = *input;
    if !is_covered(fans, window) {
        return None;
    }
    let loads = fans.iter().flat_map(|fan| steps_within(fan, window).map(|step| quantile_with_tail(fan, step, level)));
    loads.map(|load| instances_for(load, input.capacity_per_instance)).max()
}

fn quantile_with_tail(fan: &Fan, step: usize, level: f64) -> f64 {
    let highest = fan.levels().last().copied().unwrap_or(level);
    let value = fan.quantile(step, level);
    if level <= highest { value } else { value + TAIL * (value - fan.quantile(step, 0.5)).max(0.0) }
}

/// The steps of a fan that have an instant in common with the window.
pub(super) fn steps_within(fan: &Fan, window: DeliveryWindow) -> impl Iterator<Item = usize> {
    let step_at = |at: TimestampMs, rounded_up: i64| {
        let steps = (at.0.saturating_sub(fan.start().0).saturating_add(rounded_up)).div_euclid(fan.step_ms());
        usize::try_from(steps.max(0)).unwrap_or(usize::MAX).min(fan.horizon())
    };
    step_at(window.from(), 0)..step_at(window.until(), fan.step_ms() - 1)
}

/// Whether there is no instant of the window without a forecast.
fn is_covered(fans: &[&Fan], window: DeliveryWindow) -> bool {
    let mut spans: Vec<(TimestampMs, TimestampMs)> = fans.iter().map(|fan| (fan.start(), fan.end())).collect();
    spans.sort_unstable();
    let reached = spans
        .iter()
        .fold(window.from(), |reached, (from, end)| if *from <= reached { reached.max(*end) } else { reached });
    reached >= window.until()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{HOUR_MS, MINUTE_MS};
    use proptest::prelude::*;

    const LEVELS: [f64; 4] = [0.5, 0.8, 0.95, 0.99];

    fn fan(rows: &[[f64; 4]]) -> Fan {
        let paths: Vec<Vec<f64>> = (0..4).map(|level| rows.iter().map(|row| row[level]).collect()).collect();
        Fan::from_paths(TimestampMs(0), MINUTE_MS, &LEVELS, &paths).expect("valid")
    }

    fn window(from: i64, until: i64) -> DeliveryWindow {
        DeliveryWindow::new(TimestampMs(from * MINUTE_MS), TimestampMs(until * MINUTE_MS)).expect("valid")
    }

    fn input<'a>(fans: &'a [&'a Fan], ready: u32) -> SurplusInput<'a> {
        SurplusInput {
            window: window(0, 2),
            fans,
            capacity_per_instance: 10.0,
            ready,
            warm: ready,
            leased: 0,
            keep_min: 1,
            limit: 100,
            classes: (true, true),
        }
    }

    fn check(input: &SurplusInput<'_>, firm: u32, reclaimable: u32) {
        let split = surplus(input);
        assert_eq!((split.firm, split.reclaimable), (firm, reclaimable), "{input:?}");
    }

    #[test]
    fn the_formulas_are_those_of_the_market() {
        let fan = fan(&[[10.0, 21.0, 38.0, 41.0], [10.0, 30.0, 35.0, 55.0], [90.0, 90.0, 90.0, 90.0]]);
        let fans = [&fan];
        // The highest step of the window needs 6 at 0.99 and 3 at 0.80; the third step is beyond it.
        let at_ten = input(&fans, 10);
        check(&at_ten, 3, 3);
        check(&SurplusInput { limit: 4, ..at_ten }, 3, 1);
        check(&SurplusInput { limit: 4, leased: 3, ..at_ten }, 1, 0);
        check(&SurplusInput { limit: 4, leased: 9, ..at_ten }, 0, 0);
        check(&SurplusInput { keep_min: 5, ..at_ten }, 0, 2);
        check(&SurplusInput { warm: 2, ..at_ten }, 1, 0);
        check(&SurplusInput { classes: (false, true), ..at_ten }, 0, 6);
        check(&SurplusInput { classes: (true, false), ..at_ten }, 3, 0);
        check(&input(&fans, 3), 0, 0);
    }

    #[test]
    fn nothing_is_spared_where_nothing_is_forecast() {
        let near = fan(&[[0.0; 4], [0.0; 4]]);
        let far = Fan::from_paths(TimestampMs(0), HOUR_MS, &[0.5, 0.95], &[vec![10.0], vec![20.0]]).expect("valid");
        let later = SurplusInput { window: window(1, 30), ..input(&[], 9) };
        check(&later, 0, 0);
        check(&SurplusInput { fans: &[&near], ..later }, 0, 0);
        // A fan that ends at 0.95 is continued: 20 + 0.414 x 10 needs 3.
        check(&SurplusInput { fans: &[&near, &far], ..later }, 5, 1);
    }

    prop_compose! {
        fn rows()(rows in prop::collection::vec(prop::array::uniform4(0.0..200.0_f64), 2..6)) -> Vec<[f64; 4]> {
            rows.into_iter().map(|mut row| { row.sort_by(f64::total_cmp); row }).collect()
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

        #[test]
        fn the_limit_is_kept_and_more_demand_never_lists_more(
            rows in rows(), more in 0.0..100.0_f64, ready in 0..40_u32, warm in 0..40_u32,
            leased in 0..20_u32, keep_min in 0..10_u32, limit in 0..30_u32, classes in any::<(bool, bool)>(),
        ) {
            let higher: Vec<[f64; 4]> = rows.iter().map(|row| row.map(|load| load + more)).collect();
            let (low, high) = (fan(&rows), fan(&higher));
            let given = SurplusInput { warm: warm.min(ready), leased, keep_min, limit, classes, ..input(&[], ready) };
            let [less, most] = [&high, &low].map(|fan| surplus(&SurplusInput { fans: &[fan], ..given }));
            prop_assert!(most.firm + most.reclaimable + leased <= limit.max(leased));
            prop_assert!(most.firm + most.reclaimable + keep_min <= given.warm.max(keep_min));
            prop_assert!(less.firm <= most.firm);
            prop_assert!(less.firm + less.reclaimable <= most.firm + most.reclaimable);
            prop_assert!(most.reclaimable_odds.reclaim_ppm >= most.firm_odds.reclaim_ppm);
        }
    }
}
