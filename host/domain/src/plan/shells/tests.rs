//! Pooled shells: the sum is right, pooling never serves less, and fewer are needed.

use super::*;
use crate::forecast::Fan;
use crate::time::{MINUTE_MS, TimestampMs};
use proptest::prelude::*;

/// A load whose quantiles at 10%, 20% ... 99% are given, the same at each of 60 steps.
fn steady(quantiles: [f64; 5]) -> Fan {
    let mut rising = quantiles;
    rising.sort_by(f64::total_cmp);
    let paths: Vec<Vec<f64>> = rising.iter().map(|load| vec![*load; 60]).collect();
    Fan::from_paths(TimestampMs(0), MINUTE_MS, &[0.1, 0.5, 0.9, 0.95, 0.99], &paths).expect("valid")
}

fn economy() -> Economy {
    let shell = Standby { tier: Tier::Shell, hold: 0.3, latency_steps: 0.5, build_steps: 5 };
    Economy { unserved: 19.0, boot_steps: 5, standby: vec![shell] }
}

fn demand<'a>(fan: &'a Fan, economy: &'a Economy, covered: u32) -> ShellDemand<'a> {
    let chances = Chances { fan, recent: None };
    ShellDemand { chances, capacity: 1.0, covered, max: u32::MAX, economy, alone: 0 }
}

/// What a persona would hold for itself: a class of one.
fn alone(demand: ShellDemand<'_>) -> u32 {
    plan_shells(&[demand], 0).wanted
}

fn needs<'a, 'b>(demands: &'b [ShellDemand<'a>]) -> Vec<(&'b ShellDemand<'a>, u32)> {
    demands.iter().map(|demand| (demand, demand.most())).collect()
}

/// The expected need beyond `shells`, from P(at least so many).
fn unserved(chances: &[f64], shells: u32) -> f64 {
    chances.iter().skip(shells as usize + 1).sum()
}

#[test]
fn many_need_fewer_together_than_each_for_itself() {
    let (fan, economy) = (steady([1.0, 2.0, 3.0, 4.0, 6.0]), economy());
    let one = demand(&fan, &economy, 2);
    let parts = 20 * alone(one);
    let demands: Vec<ShellDemand<'_>> = (0..20).map(|_| ShellDemand { alone: alone(one), ..one }).collect();
    let plan = plan_shells(&demands, 0);
    assert_eq!(plan.alone, parts);
    assert!(plan.wanted > 0 && plan.wanted * 3 < parts * 2, "{plan:?}");
    assert!(plan.reason.contains("20 personas") && plan.reason.contains(&parts.to_string()), "{}", plan.reason);
}

#[test]
fn nobody_who_needs_some_needs_none() {
    let (fan, economy) = (steady([1.0, 1.0, 2.0, 2.0, 2.0]), economy());
    assert_eq!(plan_shells(&[], 3).wanted, 0);
    assert_eq!(plan_shells(&[demand(&fan, &economy, 2), demand(&fan, &economy, 9)], 3).wanted, 0);
    let slow = Economy { standby: vec![Standby { latency_steps: 9.0, ..economy.standby[0] }], ..economy.clone() };
    let need = steady([1.0, 2.0, 9.0, 9.0, 9.0]);
    assert_eq!(plan_shells(&[demand(&need, &slow, 2)], 0).wanted, 0, "a shell that is no quicker than a launch");
}

#[test]
fn large_sums_are_counted_in_larger_units() {
    let (fan, economy) = (steady([0.0, 4e6, 9e6, 9.5e6, 1e7]), economy());
    let demands = [demand(&fan, &economy, 4_000_000), demand(&fan, &economy, 4_000_000)];
    let plan = plan_shells(&demands, 0);
    assert!((1_000_000..=12_000_000).contains(&plan.wanted), "{plan:?}");
    let sums = Sums::of(&needs(&demands), 1);
    let [mean, exact] = [
        sums.chances[0].iter().skip(1).sum::<f64>() * f64::from(sums.unit),
        2.0 * demands[0].moments(demands[0].most(), 0).0,
    ];
    assert!((mean / exact - 1.0).abs() < 0.05, "{mean} {exact}");
}

fn quantiles() -> impl Strategy<Value = [f64; 5]> {
    prop::array::uniform5(0.0..6.0_f64)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The convolution is the sum over all combinations, up to what is negligible.
    #[test]
    fn a_sum_is_what_its_parts_make(quantiles in prop::collection::vec((quantiles(), 0_u32..4), 1..4)) {
        let economy = economy();
        let fans: Vec<(Fan, u32)> = quantiles.into_iter().map(|(loads, covered)| (steady(loads), covered)).collect();
        let demands: Vec<ShellDemand<'_>> = fans.iter().map(|(fan, covered)| demand(fan, &economy, *covered)).collect();
        let mut exact = vec![1.0];
        for demand in &demands {
            let mut next = vec![0.0; 40];
            for (count, chance) in exact.iter().enumerate() {
                for more in 0..=demand.most() {
                    let at_least = |count: u32| if count == 0 { 1.0 } else if count > demand.most() { 0.0 } else { demand.chance(count, 0) };
                    next[count + more as usize] += chance * (at_least(more) - at_least(more + 1));
                }
            }
            exact = next.into_iter().take(30).collect();
        }
        let got = sum(&needs(&demands), 1, 0);
        for (count, chance) in exact.iter().enumerate() {
            prop_assert!((got.get(count).copied().unwrap_or(0.0) - chance).abs() < 1e-8, "{count}: {got:?} {exact:?}");
        }
    }

    /// As many shells in common leave no more unserved than the same number shared out: pooling never costs anything.
    #[test]
    fn shells_in_common_serve_no_less(quantiles in prop::collection::vec((quantiles(), 0_u32..4, 0_u32..4), 1..5)) {
        let economy = economy();
        let fans: Vec<(Fan, u32, u32)> = quantiles.into_iter().map(|(loads, covered, own)| (steady(loads), covered, own)).collect();
        let demands: Vec<ShellDemand<'_>> = fans.iter().map(|(fan, covered, _)| demand(fan, &economy, *covered)).collect();
        let parts: f64 = fans.iter().zip(&demands).map(|((.., own), demand)| unserved(&at_least(&sum(&needs(&[*demand]), 1, 0)), *own)).sum();
        let in_all = fans.iter().map(|(.., own)| own).sum();
        let together = unserved(&at_least(&sum(&needs(&demands), 1, 0)), in_all);
        prop_assert!(together <= parts + 1e-6, "{together} {parts}");
    }

    /// Who needs more never makes the class hold less.
    #[test]
    fn more_need_never_lowers_the_pool(quantiles in prop::collection::vec((quantiles(), 0_u32..3), 1..5), more in 0.0..3.0_f64, have in 0_u32..9) {
        let economy = economy();
        let wanted = |more: f64| {
            let fans: Vec<(Fan, u32)> = quantiles.iter().map(|(loads, covered)| (steady(loads.map(|load| load + more)), *covered)).collect();
            let demands: Vec<ShellDemand<'_>> = fans.iter().map(|(fan, covered)| demand(fan, &economy, *covered)).collect();
            plan_shells(&demands, have).wanted
        };
        prop_assert!(wanted(more) >= wanted(0.0));
    }
}
