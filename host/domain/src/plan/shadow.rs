//! What the programme wants warm, for many rules over one forecast: they share what is read off the forecast, and each
//! looks for its border from where it was, which is rarely far.

use super::programme::Programme;
use super::{Economy, instances_for};
use crate::forecast::Fan;
use crate::instance::Tier;

/// One persona's forecast at one step, with the chances that have been read off it.
pub struct Shadow<'a> {
    fan: &'a Fan,
    capacity: f64,
    programme: Programme,
    /// Levels whose chances are known, each a row of [`Self::rows`].
    levels: Vec<u32>,
    /// P(D >= k) per step ahead, a row for each known level.
    rows: Vec<f64>,
    /// Instances beyond which the forecast takes no load to be possible.
    most: u32,
}

impl<'a> Shadow<'a> {
    /// For loads of `fan`, of which one instance serves `capacity`.
    #[must_use]
    pub fn new(fan: &'a Fan, capacity: f64, economy: &Economy) -> Self {
        let top = fan.levels().len() - 1;
        let highest = (0..fan.horizon()).filter_map(|step| fan.at(step).get(top)).fold(0.0, |a: f64, b| a.max(*b));
        let programme = Programme::new(economy, fan.horizon());
        let most = instances_for(highest, capacity);
        Self { fan, capacity, programme, levels: Vec::new(), rows: Vec::new(), most }
    }

    /// Instances to hold warm where there are `have`: by the forecast, mixed with `recent` loads (rising) at their weight.
    pub fn wanted(&mut self, recent: Option<(&[f64], f64)>, have: u32, max: u32) -> u32 {
        let recent = recent.filter(|(loads, _)| !loads.is_empty());
        let highest = recent.and_then(|(loads, _)| loads.last()).map_or(0, |load| instances_for(*load, self.capacity));
        let most = self.most.max(highest).min(max).max(have);
        // A level that is likelier never leaves warm: what holds for one level holds for all below it.
        let (mut low, mut high) = (0, most);
        let (mut probe, mut stride) = (have.clamp(1, most.max(1)), 1_u32);
        while low < high {
            if self.is_warm(probe, recent, have) {
                low = probe;
                probe = probe.saturating_add(stride).min(high);
            } else {
                high = probe - 1;
                probe = probe.saturating_sub(stride).max(low + 1).min(high.max(1));
            }
            // Away from where it was in longer and longer strides, until the border lies between two that are known.
            stride = stride.saturating_mul(2);
            if low > 0 && high < most {
                probe = low + (high - low).div_ceil(2);
            }
        }
        low
    }

    fn is_warm(&mut self, level: u32, recent: Option<(&[f64], f64)>, have: u32) -> bool {
        let threshold = f64::from(level - 1) * self.capacity;
        let row = self.row(level, threshold);
        let chances = self.rows.get(row..).unwrap_or_default();
        let now = if level <= have { Tier::Warm } else { Tier::Cold };
        let rung = match recent {
            Some((loads, weight)) => {
                let exceeded = 1.0 - loads.partition_point(|load| *load <= threshold) as f64 / loads.len() as f64;
                self.programme.solve(now, |step| (1.0 - weight) * chances[step] + weight * exceeded).rung
            }
            None => self.programme.solve(now, |step| chances[step]).rung,
        };
        rung + 1 == self.programme.tiers().count()
    }

    /// Where the chances of a level begin.
    fn row(&mut self, level: u32, threshold: f64) -> usize {
        let horizon = self.fan.horizon();
        if let Some(known) = self.levels.iter().position(|known| *known == level) {
            return known * horizon;
        }
        self.levels.push(level);
        self.rows.extend((0..horizon).map(|step| self.fan.exceedance(step, threshold)));
        self.rows.len() - horizon
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{MINUTE_MS, TimestampMs};
    use proptest::prelude::*;

    /// Every level asked from the lowest on.
    fn one_by_one(shadow: &mut Shadow<'_>, recent: Option<(&[f64], f64)>, have: u32, most: u32) -> u32 {
        (1..=most).take_while(|level| shadow.is_warm(*level, recent, have)).count() as u32
    }

    proptest! {
        #[test]
        fn the_border_is_that_of_asking_every_level(
            low in prop::collection::vec(0.0..60.0, 20), spread in 0.0..40.0,
            have in 0_u32..80, max in 0_u32..120, weight in 0.0..=1.0, loads in prop::collection::vec(0.0..90.0, 1..20),
        ) {
            let high: Vec<f64> = low.iter().map(|load| load + spread).collect();
            let fan = Fan::from_paths(TimestampMs(0), MINUTE_MS, &[0.1, 0.9], &[low, high]).expect("valid");
            let mut shadow = Shadow::new(&fan, 1.3, &Economy::of_ratio(0.95, 5));
            let mut loads = loads;
            loads.sort_by(f64::total_cmp);
            for recent in [None, Some((loads.as_slice(), weight))] {
                let found = shadow.wanted(recent, have, max);
                let most = shadow.most.max(loads.last().map_or(0, |load| instances_for(*load, 1.3)));
                let most = if recent.is_some() { most } else { shadow.most };
                prop_assert_eq!(found, one_by_one(&mut shadow, recent, have, most.min(max).max(have)));
            }
        }
    }
}
