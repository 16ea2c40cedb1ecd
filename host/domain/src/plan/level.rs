//! The decision level by level: the programme over every level that may matter, and what it says of those around the
//! border.

use super::programme::{Programme, Verdict};
use super::{Chances, Outlook, Reason, ReasonCode, Snapshot, StandbyCounts, Stock, Target};
use crate::forecast::Fan;
use crate::instance::Tier;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The most levels that a plan shows; a decision covers all of them.
pub const MAX_LEVELS_SHOWN: usize = 20;

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

/// How many instances belong into which tier; warm are booting and claimed ones too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Borders {
    pub(super) warm: u32,
    pub(super) standby: StandbyCounts,
}

impl Borders {
    /// What exists.
    fn of(stock: Stock) -> Self {
        // Shells belong to no persona: they are planned for all of their class together.
        Self { warm: stock.total(), standby: StandbyCounts { parked: stock.parked, shell: 0 } }
    }

    /// The same levels when `warm` of them are ready: what remains for the cheaper tiers.
    pub(super) fn beyond(self, warm: u32) -> StandbyCounts {
        let shells_to = self.warm.saturating_add(self.standby.shell);
        let shell = shells_to.saturating_sub(warm);
        let parked_to = shells_to.saturating_add(self.standby.parked);
        StandbyCounts { shell, parked: parked_to.saturating_sub(warm.saturating_add(shell)) }
    }
}

/// The highest level up to `most` of which `holds` is true, by bisection: true below means true for all lower ones.
pub(super) fn highest(most: u32, mut holds: impl FnMut(u32) -> bool) -> u32 {
    let (mut low, mut high) = (0, most);
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if holds(middle) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    low
}

/// The levels of one forecast, over the instances that there are.
struct Levels<'a> {
    chances: &'a Chances<'a>,
    capacity: f64,
    /// Levels that are warm, booting or claimed, and that are held in standby tiers.
    now: Borders,
}

impl Levels<'_> {
    /// The highest level that may matter: what is possible within the maximum, and all that exists.
    fn most(&self, snapshot: &Snapshot) -> u32 {
        let Borders { warm, standby } = self.now;
        self.chances.most(self.capacity).min(snapshot.scaling.max).max(warm.saturating_add(standby.parked))
    }

    fn solve(&self, programme: &mut Programme, level: u32) -> Verdict {
        programme.solve(self.tier_now(level), self.chances.of(f64::from(level - 1) * self.capacity))
    }

    fn tier_now(&self, level: u32) -> Tier {
        let Borders { warm, standby: StandbyCounts { parked, shell } } = self.now;
        match level {
            level if level <= warm => Tier::Warm,
            level if level <= warm.saturating_add(shell) => Tier::Shell,
            level if level <= warm.saturating_add(shell).saturating_add(parked) => Tier::Parked,
            _ => Tier::Cold,
        }
    }

    /// What a plan shows of a level.
    fn view(&self, programme: &mut Programme, level: u32, at_lead: usize) -> LevelView {
        let Verdict { rung, cost_with, cost_without } = self.solve(programme, level);
        let probabilities = programme.probabilities();
        LevelView {
            level,
            probability_next: probabilities[0],
            probability_at_lead: probabilities[at_lead],
            probability_peak: probabilities.iter().copied().fold(0.0, f64::max),
            exists: level <= self.now.warm,
            wanted: rung + 1 == programme.tiers().count(),
            cost_with,
            cost_without,
        }
    }

    /// The highest level up to `most` that belongs into a tier of this rung or a higher one, by bisection.
    fn border(&self, programme: &mut Programme, rung: usize, most: u32) -> u32 {
        highest(most, |level| self.solve(programme, level).rung >= rung)
    }

    fn borders(&self, programme: &mut Programme, most: u32) -> Borders {
        let tiers: Vec<Tier> = programme.tiers().collect();
        let mut borders = Borders::default();
        // From the least ready tier upwards each border bounds the next.
        let mut counts = vec![most; tiers.len()];
        for rung in 1..tiers.len() {
            counts[rung] = self.border(programme, rung, counts[rung - 1]);
        }
        let mut above = 0;
        for (tier, count) in tiers.iter().zip(&counts).rev() {
            match tier {
                Tier::Warm => borders.warm = *count,
                Tier::Shell => borders.standby.shell = count - above,
                Tier::Parked => borders.standby.parked = count - above,
                Tier::Cold | Tier::Active => continue,
            }
            above = *count;
        }
        borders
    }
}

/// The decision over the forecast, with the levels around its border.
pub(super) fn target(snapshot: &Snapshot, chances: &Chances<'_>) -> Target {
    let (fan, economy) = (chances.fan, snapshot.economy());
    let mut programme = Programme::new(&economy, fan.horizon());
    let levels = Levels { chances, capacity: snapshot.capacity_per_instance, now: Borders::of(snapshot.stock) };
    let borders = levels.borders(&mut programme, levels.most(snapshot));
    let wanted = borders.warm;
    let at_lead = economy.boot_steps.min(fan.horizon() - 1);
    let first = (wanted + 2).saturating_sub(MAX_LEVELS_SHOWN as u32).max(1);
    let shown = (first..=wanted.saturating_add(1)).map(|level| levels.view(&mut programme, level, at_lead));
    let shown: Vec<LevelView> = shown.collect();
    let reasons = vec![explain(snapshot, fan, wanted, shown.last(), at_lead)];
    Target { wanted, borders: Some(borders), reasons, levels: shown }
}

/// Which levels belong into standby tiers where another rule says how many are ready: none where no such tier may be
/// used, `None` where there is no forecast.
pub(super) fn standby_borders(snapshot: &Snapshot) -> Option<Borders> {
    let Outlook::Forecast(fan) = &snapshot.outlook else { return None };
    if snapshot.standby.is_empty() {
        return Some(Borders::default());
    }
    let mut programme = Programme::new(&snapshot.economy(), fan.horizon());
    let chances = Chances { fan, recent: None };
    let capacity = snapshot.capacity_per_instance;
    let levels = Levels { chances: &chances, capacity, now: Borders::of(snapshot.stock) };
    Some(levels.borders(&mut programme, levels.most(snapshot)))
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
        snapshot.outlook = Outlook::Forecast(fan);
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
