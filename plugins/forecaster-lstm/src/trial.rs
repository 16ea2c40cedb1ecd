//! The trial: how the bases would have done on each of the latest patches. It tells which of them to begin with, what they
//! leave, and in which unit errors are small or large.

use crate::bases::{BASES, Copies};
use crate::window::WEEK;

/// How many typical errors a step ahead has, in the order of [`Trial::units`].
pub const UNITS: usize = 5;
/// The smallest error that counts, in units of the window's scale.
const ERROR_MIN: f64 = 1e-3;
/// No typical error is below this share of the error of the best base.
const UNIT_MIN: f64 = 0.1;

/// What the latest patches say.
pub struct Trial {
    /// The mean absolute error of each base.
    pub errors: [f64; BASES],
    /// The error of the best base, above 0.
    pub error: f64,
    /// What each base counts to begin with; sums to 1.
    pub prior: [f64; BASES],
    /// What the mixture by the prior left of the latest week of patches, in units of `error`; 0 before there were any.
    pub rest: Vec<f64>,
    /// How many patches the bases were tried on.
    pub days: usize,
}

impl Trial {
    /// Tries the bases on a series of at least two patches, in units of its scale.
    pub fn new(series: &[f64], patch: usize) -> Self {
        let days = WEEK.min(series.len() / patch - 1);
        let tried = &series[series.len() - days * patch..];
        let mut bases = Vec::with_capacity(tried.len());
        for day in (1..=days).rev() {
            let copies = Copies::new(&series[..series.len() - day * patch], patch);
            bases.extend((0..patch).map(|step| copies.at(step)));
        }
        let errors: [f64; BASES] = std::array::from_fn(|base| {
            let sum: f64 = bases.iter().zip(tried).map(|(bases, value)| (value - bases[base]).abs()).sum();
            (sum / tried.len() as f64).max(ERROR_MIN)
        });
        let error = errors.iter().copied().fold(f64::INFINITY, f64::min);
        // By the third power of their error, as products: the same bits everywhere.
        let shares = errors.map(|own| (error / own) * (error / own) * (error / own));
        let prior = shares.map(|share| share / shares.iter().sum::<f64>());
        let mut rest = vec![0.0; WEEK * patch - tried.len()];
        rest.extend(bases.iter().zip(tried).map(|(bases, value)| (value - mixed(&prior, bases)) / error));
        Self { errors, error, prior, rest, days }
    }

    /// What was left at a phase of the latest patches: the mean, the latest, and the mean distance from 0.
    pub fn by_phase(&self, phase: usize, patch: usize) -> [f64; 3] {
        let days = self.days as f64;
        let left = || (1..=self.days).map(|day| self.rest[self.rest.len() + phase - day * patch]);
        [left().sum::<f64>() / days, left().next().unwrap_or_default(), left().map(f64::abs).sum::<f64>() / days]
    }

    /// The typical errors of a step ahead: of the best base; at this phase and its neighbours; how far the bases are
    /// apart; from one patch to the next; and of the last value.
    pub fn units(&self, step: usize, patch: usize, bases: &[f64; BASES], by_patch: f64, by_step: f64) -> [f64; UNITS] {
        let phase = step % patch;
        let near =
            [phase, (phase + 1) % patch, (phase + patch - 1) % patch].map(|phase| self.by_phase(phase, patch)[2]);
        let middle = mixed(&self.prior, bases);
        let apart: f64 = self.prior.iter().zip(bases).map(|(share, base)| share * (base - middle).abs()).sum();
        let units = [
            self.error,
            self.error * (0.5 * near[0] + 0.25 * (near[1] + near[2])),
            apart,
            by_patch,
            by_step * ((step % patch + 1) as f64).sqrt(),
        ];
        units.map(|unit| unit.max(UNIT_MIN * self.error))
    }
}

/// The bases' mean by shares that sum to 1.
pub fn mixed(shares: &[f64; BASES], bases: &[f64; BASES]) -> f64 {
    shares.iter().zip(bases).map(|(share, base)| share * base).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATCH: usize = 4;

    fn law(step: usize) -> f64 {
        [0.0, 0.5, 2.0, 1.0][step % PATCH] + if step / PATCH % WEEK > 4 { -1.0 } else { 0.0 }
    }

    #[test]
    fn what_repeats_by_the_week_is_left_to_the_bases_that_do() {
        let series: Vec<f64> = (0..100).map(law).collect();
        let trial = Trial::new(&series, PATCH);
        assert_eq!((trial.error, trial.days, trial.rest.len()), (ERROR_MIN, WEEK, WEEK * PATCH));
        assert!(trial.prior[1] + trial.prior[2] + trial.prior[3] > 0.49, "{:?}", trial.prior);
        assert!((trial.prior.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        let copies = Copies::new(&series, PATCH);
        for step in 0..8 {
            assert!((mixed(&trial.prior, &copies.at(step)) - law(100 + step)).abs() < 1e-3, "{step}");
        }
    }

    #[test]
    fn two_patches_are_tried_on_the_second() {
        let trial = Trial::new(&[0.0, 1.0, 2.0, 1.0, 0.5, 1.5, 2.5, 1.5], PATCH);
        assert_eq!((trial.days, trial.errors[0]), (1, 0.5));
        assert!(trial.rest[..6 * PATCH].iter().all(|rest| *rest == 0.0));
        let [mean, latest, distance] = trial.by_phase(2, PATCH);
        assert_eq!((mean, latest, distance), (trial.rest[26], trial.rest[26], trial.rest[26].abs()));
    }

    #[test]
    fn typical_errors_are_above_zero_and_grow_within_a_patch() {
        let series: Vec<f64> = (0..60).map(|step| ((step * step) % 17) as f64 / 8.0 - 1.0).collect();
        let (trial, copies) = (Trial::new(&series, PATCH), Copies::new(&series, PATCH));
        let units = |step: usize| trial.units(step, PATCH, &copies.at(step), 0.5, 0.25);
        assert!((0..8).flat_map(units).all(|unit| unit >= UNIT_MIN * trial.error));
        assert_eq!((units(0)[4], units(3)[4], units(4)[3]), (0.25, 0.5, 0.5));
    }
}
