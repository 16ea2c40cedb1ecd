//! The cost that perfect foresight would have had: the yardstick for every policy.

/// What one instance-step costs, in units of an idle one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Costs {
    /// An idle or booting instance-step.
    pub idle: f64,
    /// An unserved instance-step.
    pub unserved: f64,
    /// Steps from a launch until it serves.
    pub boot_steps: u32,
}

/// The least cost at which `demand` (instances per step) can be served when all of it is known ahead, beginning with
/// `ready` instances.
///
/// Exact: costs are linear, so each level k is a two-state programme (off, on) on `demand[t] >= k`, and switching pays
/// only where that changes. Levels between two demands that occur are alike, so that each is counted as often as there
/// are such levels: O(different demands x steps), however many instances that are.
#[must_use]
pub fn least_cost(demand: &[u32], ready: u32, costs: Costs) -> f64 {
    let mut borders = demand.to_vec();
    borders.push(ready);
    borders.sort_unstable();
    borders.dedup();
    let mut below = 0;
    let alike = |border: u32| {
        let levels = border - std::mem::replace(&mut below, border);
        if levels == 0 { 0.0 } else { f64::from(levels) * level_cost(demand, border, border <= ready, costs) }
    };
    borders.into_iter().map(alike).sum()
}

fn level_cost(demand: &[u32], level: u32, starts_on: bool, costs: Costs) -> f64 {
    let launch = costs.idle * f64::from(costs.boot_steps);
    let (mut off, mut on): (f64, f64) = if starts_on { (0.0, 0.0) } else { (0.0, f64::INFINITY) };
    for run in demand.chunk_by(|a, b| (*a >= level) == (*b >= level)) {
        let needed = run.first().is_some_and(|count| *count >= level);
        let steps = run.len() as f64;
        let (off_cost, on_cost) = if needed { (costs.unserved * steps, 0.0) } else { (0.0, costs.idle * steps) };
        (off, on) = (off.min(on) + off_cost, on.min(off + launch) + on_cost);
    }
    off.min(on)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COSTS: Costs = Costs { idle: 1.0, unserved: 19.0, boot_steps: 5 };

    #[test]
    fn steady_demand_costs_nothing_once_it_is_met() {
        assert_eq!(least_cost(&[3; 100], 3, COSTS), 0.0);
        assert_eq!(least_cost(&[3; 100], 2, COSTS), 5.0, "one launch, ahead of the first step");
    }

    #[test]
    fn millions_of_instances_take_no_longer() {
        assert_eq!(least_cost(&[10_000_000, 9_000_000, 10_000_000], 10_000_000, COSTS), 1_000_000.0);
        assert_eq!(least_cost(&[0, 0], 0, COSTS), 0.0);
    }

    #[test]
    fn a_short_dip_is_waited_out_and_a_long_one_is_not() {
        let dip = |steps: usize| [vec![2; 10], vec![1; steps], vec![2; 10]].concat();
        assert_eq!(least_cost(&dip(3), 2, COSTS), 3.0);
        assert_eq!(least_cost(&dip(50), 2, COSTS), 5.0);
    }

    /// Every way of switching each level on and off, step by step.
    fn brute_force(demand: &[u32], ready: u32, costs: Costs) -> f64 {
        let levels = demand.iter().copied().max().unwrap_or(0).max(ready);
        let one = |level: u32| {
            (0..1_u32 << demand.len()).map(move |plan| {
                let mut was_on = level <= ready;
                let step = |(t, count): (usize, &u32)| {
                    let is_on = plan >> t & 1 == 1;
                    let launch = if is_on && !was_on { costs.idle * f64::from(costs.boot_steps) } else { 0.0 };
                    was_on = is_on;
                    launch
                        + match (is_on, *count >= level) {
                            (true, false) => costs.idle,
                            (false, true) => costs.unserved,
                            _ => 0.0,
                        }
                };
                demand.iter().enumerate().map(step).sum::<f64>()
            })
        };
        (1..=levels).map(|level| one(level).fold(f64::INFINITY, f64::min)).sum()
    }

    #[test]
    fn it_equals_brute_force_on_small_cases() {
        for seed in 0..200_u64 {
            let demand: Vec<u32> =
                (0..9).map(|t| (seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (t * 5) & 3) as u32).collect();
            let ready = (seed % 4) as u32;
            let costs = Costs { idle: 1.0, unserved: 4.0, boot_steps: (seed % 5) as u32 };
            assert_eq!(
                least_cost(&demand, ready, costs),
                brute_force(&demand, ready, costs),
                "{demand:?} from {ready}"
            );
        }
    }
}
