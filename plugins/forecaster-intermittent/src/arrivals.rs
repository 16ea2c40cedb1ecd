//! When demand is likely: a renewal process whose idle times come from a histogram of one-step bins, and from the
//! geometric distribution as far as the histogram knows too little.

use forewarm_sdk::kernels;
use serde::{Deserialize, Serialize};

/// The longest idle time that has a bin of its own: a day of minutes.
const IDLE_MAX: usize = 1_440;
/// With this many idle times the histogram counts as much as the geometric distribution.
const EVEN_COUNT: f64 = 10.0;
/// At this many idle times all count half: what is old is forgotten.
const COUNT_MAX: f64 = 4_096.0;
/// The least chance of having been idle for so long; below it the histogram has nothing to say.
const SURVIVAL_MIN: f64 = 1e-9;

/// Idle times, and how long the present one lasts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Arrivals {
    /// How often demand came so many steps after the last, from 1 step on.
    bins: Vec<f64>,
    /// All idle times, those without a bin included.
    count: f64,
    /// Steps that were seen, and those of them with demand.
    steps: f64,
    busy: f64,
    /// Steps since the last demand; `None` before the first.
    idle: Option<usize>,
    /// Whether one of these steps was missing: the idle time is then not counted.
    blurred: bool,
}

impl Default for Arrivals {
    fn default() -> Self {
        Self { bins: vec![0.0; IDLE_MAX], count: 0.0, steps: 0.0, busy: 0.0, idle: None, blurred: false }
    }
}

impl Arrivals {
    /// Takes in the next step: whether there was demand, `None` where that is not known.
    pub fn push(&mut self, demand: Option<bool>) {
        let idle = self.idle.map(|idle| idle + 1);
        self.blurred |= demand.is_none();
        self.steps += f64::from(u8::from(demand.is_some()));
        if demand != Some(true) {
            self.idle = idle;
            return;
        }
        self.busy += 1.0;
        if let (Some(idle), false) = (idle, self.blurred) {
            self.note(idle);
        }
        (self.idle, self.blurred) = (Some(0), false);
    }

    fn note(&mut self, idle: usize) {
        self.count += 1.0;
        if let Some(bin) = self.bins.get_mut(idle - 1) {
            *bin += 1.0;
        }
        if self.count >= COUNT_MAX {
            self.bins.iter_mut().for_each(|bin| *bin *= 0.5);
            (self.count, self.steps, self.busy) = (self.count * 0.5, self.steps * 0.5, self.busy * 0.5);
        }
    }

    /// The chance of demand at any step, which shrinks while nothing comes.
    fn rate(&self) -> f64 {
        (self.busy + 0.5) / (self.steps + 1.0)
    }

    /// The chance of each idle time with a bin.
    fn idle_times(&self) -> Vec<f64> {
        let (own, rate) = (self.count / (self.count + EVEN_COUNT), self.rate());
        let mut geometric = rate;
        let chance = |bin: &f64| {
            let known = if self.count > 0.0 { bin / self.count } else { 0.0 };
            let chance = own * known + (1.0 - own) * geometric;
            geometric *= 1.0 - rate;
            chance
        };
        self.bins.iter().map(chance).collect()
    }

    /// The chances that the next demand comes at each of the next `horizon` steps, given how long it stayed away.
    fn next(&self, times: &[f64], horizon: usize) -> Vec<f64> {
        let rate = self.rate();
        let Some(idle) = self.idle else { return geometric(rate, 1.0, horizon) };
        let survival = 1.0 - times.iter().take(idle).sum::<f64>();
        if idle >= times.len() || survival < SURVIVAL_MIN {
            return geometric(rate, 1.0, horizon);
        }
        let mut chances: Vec<f64> = times[idle..].iter().take(horizon).map(|chance| chance / survival).collect();
        let left = (1.0 - chances.iter().sum::<f64>()).max(0.0);
        chances.extend(geometric(rate, left, horizon - chances.len()));
        chances
    }

    /// The chance of demand at each of the next `horizon` steps: that it is the next one there, or that another came
    /// before and its idle time ends there.
    #[must_use]
    pub fn chances(&self, horizon: usize) -> Vec<f64> {
        let times = self.idle_times();
        let backwards: Vec<f64> = times.iter().rev().copied().collect();
        let mut chances: Vec<f64> = Vec::with_capacity(horizon);
        for first in self.next(&times, horizon) {
            let reach = chances.len().min(times.len());
            let again = kernels::dot(&chances[chances.len() - reach..], &backwards[times.len() - reach..]);
            chances.push((first + again).clamp(0.0, 1.0));
        }
        chances
    }
}

/// `mass`, spread over the next steps by the geometric distribution.
fn geometric(rate: f64, mass: f64, steps: usize) -> Vec<f64> {
    let chances = std::iter::successors(Some(mass * rate), |chance| Some(chance * (1.0 - rate)));
    chances.take(steps).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use forewarm_sdk::testing::forecaster::noise;

    fn arrivals(steps: usize, demand: impl Fn(usize) -> Option<bool>) -> Arrivals {
        let mut arrivals = Arrivals::default();
        (0..steps).for_each(|step| arrivals.push(demand(step)));
        arrivals
    }

    #[test]
    fn a_regular_job_is_expected_when_it_is_due() {
        let chances = arrivals(6_010, |step| Some(step % 30 == 0)).chances(90);
        // Step 6,009 was the last: the next multiple of 30 is 21 steps ahead.
        for (ahead, chance) in chances.iter().enumerate().map(|(index, chance)| (index + 1, chance)) {
            let due = ahead % 30 == 21;
            assert!(if due { *chance > 0.7 } else { *chance < 0.6 }, "{ahead}: {chance}");
        }
    }

    #[test]
    fn demand_by_chance_comes_at_its_rate() {
        let chances = arrivals(8_000, |step| Some(noise(step) < 0.1)).chances(500);
        let mean = chances.iter().sum::<f64>() / 500.0;
        assert!((0.085..0.115).contains(&mean), "{mean}");
    }

    #[test]
    fn what_stays_away_becomes_unlikely() {
        let busy = |step: usize| Some(step < 2_000 && step.is_multiple_of(20));
        let (soon, late) = (arrivals(2_300, busy).chances(60), arrivals(20_000, busy).chances(60));
        assert!(late[30] < 0.3 * soon[30] && late[30] > 0.0, "{} and {}", late[30], soon[30]);
    }

    #[test]
    fn an_idle_time_with_a_missing_step_does_not_count() {
        let known = arrivals(11, |step| Some(step % 10 == 0));
        let blurred = arrivals(11, |step| if step == 4 { None } else { Some(step % 10 == 0) });
        assert_eq!((known.count, blurred.count), (1.0, 0.0));
    }

    #[test]
    fn chances_are_chances_before_the_first_demand_and_after_the_last_bin() {
        for steps in [1, 2, 5_000] {
            for arrivals in [arrivals(steps, |_| Some(false)), arrivals(steps, |step| Some(step == 0))] {
                assert!(arrivals.chances(2_000).iter().all(|chance| (0.0..=1.0).contains(chance)));
            }
        }
    }
}
