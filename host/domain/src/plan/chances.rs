//! The chance that a load is exceeded at each step ahead, as the programme asks for it.

use super::instances_for;
use crate::forecast::Fan;

/// P(load > threshold) per step ahead: the forecast's, mixed with recent loads where a rule says so.
#[derive(Debug, Clone, Copy)]
pub struct Chances<'a> {
    /// The load to come.
    pub fan: &'a Fan,
    /// Recent loads, rising, and their weight in the mixture.
    pub recent: Option<(&'a [f64], f64)>,
}

impl Chances<'_> {
    /// P(load > `threshold`) at each step ahead.
    pub(super) fn of(&self, threshold: f64) -> impl Fn(usize) -> f64 {
        let recent = self.recent.filter(|(loads, _)| !loads.is_empty()).map(|(loads, weight)| {
            let below = loads.partition_point(|load| *load <= threshold);
            (1.0 - below as f64 / loads.len() as f64, weight)
        });
        move |step| {
            let forecast = self.fan.exceedance(step, threshold);
            recent.map_or(forecast, |(exceeded, weight)| (1.0 - weight) * forecast + weight * exceeded)
        }
    }

    /// Instances beyond which no load is taken to be possible.
    pub(super) fn most(&self, capacity: f64) -> u32 {
        let top = self.fan.levels().len() - 1;
        let forecast =
            (0..self.fan.horizon()).filter_map(|step| self.fan.at(step).get(top)).fold(0.0, |a: f64, b| a.max(*b));
        let recent = self.recent.and_then(|(loads, _)| loads.last().copied()).unwrap_or(0.0);
        instances_for(forecast.max(recent), capacity)
    }
}
