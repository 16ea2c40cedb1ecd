//! What the network sees of a series: its latest patches in units of their own level and scale, what forecasts that copy
//! say of the steps ahead, and a few numbers about both.

use crate::bases::{BASES, Copies};
use crate::shape::Shape;
use crate::trial::{Trial, UNITS, mixed};

/// How many numbers about a window stand beside its values.
pub const TRAITS: usize = 10 + BASES;
/// How many numbers there are about a step ahead.
pub const STEP_TRAITS: usize = BASES + (UNITS - 1) + 3;
/// Patches in a week of days: those that the level is taken from.
pub const WEEK: usize = 7;
/// The fewest patches of a window: the bases are tried on the second.
pub const PATCHES_MIN: usize = 2;
/// Values further from the level than this many scales are taken for that far.
const FAR: f64 = 12.0;
/// Errors of more than this many typical ones are taken for that large.
const LARGE: f64 = 8.0;
/// A scale below this share of the level is rounding, not movement.
const FLAT: f64 = 1e-9;

/// The latest values of a series, as the network takes them.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// The values in units of `scale` around `level`, oldest first.
    pub values: Vec<f32>,
    /// What the bases left of the latest week of patches, in units of the error of the best one.
    pub rest: Vec<f32>,
    /// How much neighbours differ in time, in phase from one patch to the next and from one week of patches to the next,
    /// each beside the scale; the level beside the scale; and how the bases did.
    pub traits: [f32; TRAITS],
    /// The steps ahead.
    pub ahead: Vec<Ahead>,
    /// The mean of the latest week of patches.
    pub level: f64,
    /// The mean distance from the level, above 0.
    pub scale: f64,
}

/// A step ahead, in the window's units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ahead {
    /// Numbers about it.
    pub traits: [f32; STEP_TRAITS],
    /// The logarithm of what each base counts to begin with.
    pub prior: [f32; BASES],
    /// The bases.
    pub bases: [f32; BASES],
    /// Typical errors.
    pub units: [f32; UNITS],
}

impl Window {
    /// Looks at the latest [`Shape::seen`] values, none of them missing. Where the series is shorter its oldest patch
    /// stands for what came before. `None` for less than [`PATCHES_MIN`] patches, and where all values are equal.
    #[must_use]
    pub fn new(series: &[f64], shape: &Shape) -> Option<Self> {
        let patch = shape.patch;
        let seen = &series[series.len().saturating_sub(shape.seen())..];
        let series = &seen[seen.len().saturating_sub(shape.values())..];
        if series.len() < PATCHES_MIN * patch {
            return None;
        }
        let level = mean(series[series.len().saturating_sub(WEEK * patch)..].iter().copied());
        let scale = mean(series.iter().map(|value| (value - level).abs()));
        if scale <= FLAT * level.abs() || scale <= f64::MIN_POSITIVE {
            return None;
        }
        let inside: Vec<f64> = seen.iter().map(|value| (value - level) / scale).collect();
        let latest = &inside[inside.len() - series.len()..];
        let differs = [1, patch, WEEK * patch].map(|lag| differs(latest, lag));
        let trial = Trial::new(&inside, patch);
        Some(Self {
            values: padded(latest, patch, shape.values()).map(|value| within(value, FAR)).collect(),
            rest: trial.rest.iter().map(|rest| within(*rest, LARGE)).collect(),
            traits: traits(&trial, differs, level / scale, patch),
            ahead: ahead(&trial, &inside, differs, shape),
            level,
            scale,
        })
    }
}

fn traits(trial: &Trial, differs: [f64; 3], level: f64, patch: usize) -> [f32; TRAITS] {
    let rest = |count: usize| trial.rest[trial.rest.len() - count..].iter().copied();
    let [by_step, by_patch, by_week] = differs.map(|differs| differs.min(LARGE) as f32);
    let about = [
        by_step,
        by_patch,
        by_week,
        libm::asinh(level) as f32 * 0.5,
        within(libm::log(trial.error), LARGE),
        within(mean(rest(1)), LARGE),
        within(mean(rest(3.min(patch))), LARGE),
        within(mean(rest(patch)), LARGE),
        within(mean(rest(patch).map(f64::abs)), LARGE),
        trial.days as f32 / WEEK as f32,
    ];
    let mut traits = [0.0; TRAITS];
    traits[..about.len()].copy_from_slice(&about);
    for (of, error) in traits[about.len()..].iter_mut().zip(trial.errors) {
        *of = within(libm::log(error / trial.error), LARGE);
    }
    traits
}

fn ahead(trial: &Trial, series: &[f64], [by_step, by_patch, _]: [f64; 3], shape: &Shape) -> Vec<Ahead> {
    let patch = shape.patch;
    let copies = Copies::new(series, patch);
    let prior = trial.prior.map(|share| libm::log(share) as f32);
    let step = |step: usize| {
        let bases = copies.at(step);
        let units = trial.units(step, patch, &bases, by_patch, by_step);
        let middle = mixed(&trial.prior, &bases);
        let [usual, latest, _] = trial.by_phase(step % patch, patch);
        let apart = bases.map(|base| within((base - middle) / trial.error, LARGE));
        let wider = units.map(|unit| within(libm::log(unit / trial.error), LARGE));
        let about = [within(middle, FAR), within(usual, LARGE), within(latest, LARGE)];
        let mut traits = [0.0; STEP_TRAITS];
        for (of, value) in traits.iter_mut().zip(apart.into_iter().chain(wider.into_iter().skip(1)).chain(about)) {
            *of = value;
        }
        Ahead { traits, prior, bases: bases.map(|base| base as f32), units: units.map(|unit| unit as f32) }
    };
    (0..shape.horizon).map(step).collect()
}

fn differs(series: &[f64], lag: usize) -> f64 {
    mean(series.iter().zip(series.get(lag..).unwrap_or_default()).map(|(a, b)| (a - b).abs()))
}

fn within(value: f64, most: f64) -> f32 {
    value.clamp(-most, most) as f32
}

/// The values, with the oldest patch repeated before them up to `count`.
fn padded(series: &[f64], patch: usize, count: usize) -> impl Iterator<Item = f64> {
    let lacking = count - series.len();
    let phase = (patch - lacking % patch) % patch;
    let oldest = series[..patch].iter().cycle().skip(phase).take(lacking);
    oldest.chain(series).copied()
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    if count > 0.0 { sum / count } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(patches: usize) -> Shape {
        Shape { patch: 4, patches, horizon: 8, hidden: 2 }
    }

    fn law(step: usize) -> f64 {
        [10.0, 14.0, 30.0, 18.0][step % 4]
    }

    #[test]
    fn a_window_is_the_same_in_every_unit() {
        let series: Vec<f64> = (0..64).map(|step| law(step) + (step % 3) as f64).collect();
        let window = Window::new(&series, &shape(14)).expect("it moves");
        assert_eq!((window.values.len(), window.rest.len(), window.ahead.len()), (56, 28, 8));
        let moved: Vec<f64> = series.iter().map(|value| 1_000.0 * value).collect();
        let larger = Window::new(&moved, &shape(14)).expect("it moves");
        let all = |window: &Window| {
            let ahead: Vec<f32> =
                window.ahead.iter().flat_map(|step| step.traits.into_iter().chain(step.bases)).collect();
            [&window.values[..], &window.rest, &window.traits, &ahead].concat()
        };
        for (a, b) in all(&window).into_iter().zip(all(&larger)) {
            assert!((a - b).abs() < 1e-4, "{a} {b}");
        }
        assert!((larger.scale / window.scale - 1_000.0).abs() < 1e-6);
    }

    #[test]
    fn a_short_series_is_continued_backwards_in_phase() {
        for count in 8..=24 {
            let series: Vec<f64> = (100 - count..100).map(law).collect();
            let window = Window::new(&series, &shape(6)).expect("it moves");
            for (index, value) in window.values.iter().enumerate() {
                let expected = (law(100 - 24 + index) - window.level) / window.scale;
                assert!((f64::from(*value) - expected).abs() < 1e-5, "{count} {index}");
            }
        }
    }

    #[test]
    fn constants_and_less_than_two_patches_are_none() {
        for series in [&[][..], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], &[5.0; 40], &[0.0; 40]] {
            assert_eq!(Window::new(series, &shape(6)), None);
        }
    }
}
