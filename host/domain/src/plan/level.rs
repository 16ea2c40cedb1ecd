//! The probabilistic level programme: level k is "the k-th instance", needed at step t with probability P(D_t >= k).
//!
//! Costs are linear, so the problem splits by level, and each level is a two-state dynamic programme (off, warm) over
//! the forecast's horizon. An idle instance-step costs 1, an unserved one c = r / (1 - r) with r the critical ratio; a
//! launch pays for its boot, and until it serves the level pays like off. With one step this is the newsvendor quantile.

use super::{Reason, ReasonCode, Snapshot, Target};
use crate::forecast::Fan;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The most levels that a plan shows; a decision covers all of them.
pub const MAX_LEVELS_SHOWN: usize = 200;

/// One level of a decision: what it would cost to have the k-th instance, and to go without.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LevelView {
    /// k, from 1.
    pub level: u32,
    /// P(D >= k) at the first step ahead.
    pub probability_next: f64,
    /// P(D >= k) when an instance launched now would serve.
    pub probability_at_lead: f64,
    /// The highest P(D >= k) over the horizon.
    pub probability_peak: f64,
    /// Whether it exists now, booting counted.
    pub exists: bool,
    /// Whether it is wanted.
    pub wanted: bool,
    /// Expected cost over the horizon of keeping it, or of launching it now, in idle instance-steps.
    pub cost_with: f64,
    /// Expected cost over the horizon of letting it go, or of not launching it now, in idle instance-steps.
    pub cost_without: f64,
}

/// What one level's programme needs of the snapshot.
struct Programme {
    lead_steps: usize,
    unserved_cost: f64,
    idle_cost: f64,
    // Kept between levels: no allocation per level.
    value_off: Vec<f64>,
    value_on: Vec<f64>,
    off_until: Vec<f64>,
}

impl Programme {
    fn new(snapshot: &Snapshot, horizon: usize) -> Self {
        let lead_steps =
            snapshot.lead_ms.max(1).unsigned_abs().div_ceil(snapshot.step_ms.max(1).unsigned_abs()) as usize;
        let ratio = snapshot.scaling.critical_ratio;
        let column = || vec![0.0; horizon + 1];
        Self {
            lead_steps,
            unserved_cost: ratio / (1.0 - ratio),
            idle_cost: 1.0,
            value_off: column(),
            value_on: column(),
            off_until: column(),
        }
    }

    /// Solves one level given P(D >= k) per step; gives the costs with it and without it.
    fn solve(&mut self, probabilities: &[f64], exists: bool) -> (f64, f64) {
        let horizon = probabilities.len();
        for (step, probability) in probabilities.iter().enumerate() {
            self.off_until[step + 1] = self.off_until[step] + self.unserved_cost * probability;
        }
        (self.value_off[horizon], self.value_on[horizon]) = (0.0, 0.0);
        for step in (0..horizon).rev() {
            let wait = self.unserved_cost * probabilities[step] + self.value_off[step + 1];
            let stay = self.value_on[step + 1].min(self.value_off[step + 1]);
            self.value_off[step] = wait.min(self.launch(step, horizon));
            self.value_on[step] = self.idle_cost * (1.0 - probabilities[step]) + stay;
        }
        if exists {
            (self.value_on[0], self.value_off[0])
        } else {
            (self.launch(0, horizon), self.unserved_cost * probabilities[0] + self.value_off[1])
        }
    }

    /// The cost of launching at `step`: the boot is paid for and the level unserved until it serves.
    fn launch(&self, step: usize, horizon: usize) -> f64 {
        let serves = (step + self.lead_steps).min(horizon);
        let boot = self.idle_cost * (serves - step) as f64;
        boot + self.off_until[serves] - self.off_until[step] + self.value_on[serves]
    }
}

/// Levels from 1 upwards until the first that is not wanted.
pub(super) fn target(snapshot: &Snapshot, fan: &Fan) -> Target {
    let horizon = fan.horizon();
    let total = snapshot.stock.total();
    let ceiling = snapshot.scaling.max.max(total);
    let mut programme = Programme::new(snapshot, horizon);
    let at_lead = programme.lead_steps.min(horizon - 1);
    let mut probabilities = vec![0.0; horizon];
    let mut levels = Vec::new();
    let mut wanted = 0;
    for level in 1..=ceiling {
        let threshold = f64::from(level - 1) * snapshot.capacity_per_instance;
        for (step, probability) in probabilities.iter_mut().enumerate() {
            *probability = fan.exceedance(step, threshold);
        }
        let exists = level <= total;
        let (cost_with, cost_without) = programme.solve(&probabilities, exists);
        // What exists is kept on a tie, what does not exist is launched only for a gain: no flapping.
        let want = if exists { cost_with <= cost_without + 1e-12 } else { cost_with < cost_without };
        levels.push(LevelView {
            level,
            probability_next: probabilities[0],
            probability_at_lead: probabilities[at_lead],
            probability_peak: probabilities.iter().copied().fold(0.0, f64::max),
            exists,
            wanted: want,
            cost_with,
            cost_without,
        });
        if !want {
            break;
        }
        wanted = level;
    }
    let reasons = vec![explain(snapshot, fan, wanted, levels.last(), at_lead)];
    // The last levels are where the decision lies; the sure ones below are cut first.
    levels.drain(..levels.len().saturating_sub(MAX_LEVELS_SHOWN));
    Target { wanted, reasons, levels }
}

fn explain(snapshot: &Snapshot, fan: &Fan, wanted: u32, last: Option<&LevelView>, at_lead: usize) -> Reason {
    let load = fan.quantile(at_lead, 0.5);
    let high = fan.quantile(at_lead, 0.95);
    let lead_minutes = snapshot.lead_ms as f64 / 60_000.0;
    let mut detail = format!("in {lead_minutes:.1} min the load is expected at {load:.1} (95% below {high:.1})");
    match last {
        Some(level) if !level.wanted => detail.push_str(&format!(
            "; instance {} would cost {:.1} with it and {:.1} without, so {wanted} are worth holding",
            level.level, level.cost_with, level.cost_without
        )),
        _ => detail.push_str(&format!("; all {wanted} levels up to the bound are worth holding")),
    }
    Reason::new(ReasonCode::LevelProgramme, detail)
}

#[cfg(test)]
mod tests {
    use super::super::tests::certain;
    use super::super::{Stock, decide};
    use super::*;

    fn wanted(loads: &[f64], have: u32) -> u32 {
        decide(&certain(loads, Stock { warm: have, ..Stock::default() })).wanted
    }

    #[test]
    fn a_steady_load_is_held_exactly() {
        assert_eq!(wanted(&[4.0; 60], 4), 4);
        assert_eq!(wanted(&[4.0; 60], 0), 4);
        assert_eq!(wanted(&[4.0; 60], 9), 4);
    }

    #[test]
    fn a_rise_is_met_in_time_and_not_before() {
        let rise = |at: usize| -> Vec<f64> { (0..60).map(|step| if step < at { 2.0 } else { 6.0 }).collect() };
        assert_eq!(wanted(&rise(5), 2), 6, "five minutes of boot: now");
        assert_eq!(wanted(&rise(20), 2), 2, "not yet");
    }

    #[test]
    fn a_short_dip_does_not_release() {
        let dip = |length: usize| -> Vec<f64> { (0..60).map(|step| if step < length { 2.0 } else { 5.0 }).collect() };
        assert_eq!(wanted(&dip(3), 5), 5, "a boot costs more than three idle minutes");
        assert_eq!(wanted(&dip(40), 5), 2, "forty idle minutes cost more than a boot");
    }

    #[test]
    fn more_weight_on_shortage_never_wants_fewer() {
        let mut snapshot = certain(&[5.0; 60], Stock::default());
        let paths: Vec<Vec<f64>> = [1.0, 5.0, 20.0].iter().map(|load| vec![*load; 60]).collect();
        let fan = Fan::from_paths(snapshot.at, snapshot.step_ms, &[0.1, 0.5, 0.9], &paths).expect("valid");
        snapshot.outlook = super::super::Outlook::Forecast(fan);
        let mut last = 0;
        for ratio in [0.5, 0.8, 0.95, 0.99] {
            snapshot.scaling.critical_ratio = ratio;
            let now = decide(&snapshot).wanted;
            assert!(now >= last, "{ratio}: {now} < {last}");
            last = now;
        }
        assert!(last > 5);
    }

    #[test]
    fn the_shown_levels_end_at_the_decision() {
        let plan = decide(&certain(&[300.0; 60], Stock { warm: 300, ..Stock::default() }));
        assert_eq!(plan.wanted, 300);
        assert_eq!(plan.levels.len(), MAX_LEVELS_SHOWN);
        assert_eq!(plan.levels.last().map(|level| (level.level, level.wanted)), Some((301, false)));
    }
}
