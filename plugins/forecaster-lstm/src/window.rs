//! What the network sees of a series: its latest patches in units of their own level and scale, and a few numbers about
//! them.

/// How many numbers about a window stand beside its values.
pub const TRAITS: usize = 4;
/// Patches in a week of days: those that the level is taken from.
pub const WEEK: usize = 7;
/// Values further from the level than this many scales are taken for that far.
const FAR: f32 = 12.0;
/// A scale below this share of the level is rounding, not movement.
const FLAT: f64 = 1e-9;

/// The latest values of a series, as the network takes them.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// The values in units of `scale` around `level`, oldest first.
    pub values: Vec<f32>,
    /// How much neighbours differ in time, in phase from one patch to the next and from one week of patches to the next,
    /// each beside the scale; and the level beside the scale.
    pub traits: [f32; TRAITS],
    /// The mean of the latest week of patches.
    pub level: f64,
    /// The mean distance from the level, above 0.
    pub scale: f64,
}

impl Window {
    /// Looks at the latest `patches * patch` values, none of them missing. Where the series is shorter its oldest patch
    /// stands for what came before. `None` for less than one patch, and where all values are equal.
    #[must_use]
    pub fn new(series: &[f64], patch: usize, patches: usize) -> Option<Self> {
        let series = &series[series.len().saturating_sub(patch * patches)..];
        if series.len() < patch {
            return None;
        }
        let level = mean(series[series.len().saturating_sub(WEEK * patch)..].iter().copied());
        let scale = mean(series.iter().map(|value| (value - level).abs()));
        if scale <= FLAT * level.abs() || scale <= f64::MIN_POSITIVE {
            return None;
        }
        let differs = |lag: usize| {
            let pairs = series.iter().zip(series.get(lag..).unwrap_or_default());
            (mean(pairs.map(|(a, b)| (a - b).abs())) / scale).min(8.0) as f32
        };
        let traits = [differs(1), differs(patch), differs(WEEK * patch), libm::asinh(level / scale) as f32 * 0.5];
        let inside = |value: f64| (((value - level) / scale) as f32).clamp(-FAR, FAR);
        let values = padded(series, patch, patch * patches).map(inside).collect();
        Some(Self { values, traits, level, scale })
    }
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

    fn law(step: usize) -> f64 {
        [10.0, 14.0, 30.0, 18.0][step % 4]
    }

    #[test]
    fn a_window_is_the_same_in_every_unit() {
        let series: Vec<f64> = (0..64).map(|step| law(step) + (step % 3) as f64).collect();
        let window = Window::new(&series, 4, 14).expect("it moves");
        assert_eq!(window.values.len(), 56);
        let moved: Vec<f64> = series.iter().map(|value| 1_000.0 * value).collect();
        let larger = Window::new(&moved, 4, 14).expect("it moves");
        for (a, b) in window.values.iter().chain(&window.traits).zip(larger.values.iter().chain(&larger.traits)) {
            assert!((a - b).abs() < 1e-5, "{a} {b}");
        }
        assert!((larger.scale / window.scale - 1_000.0).abs() < 1e-6);
    }

    #[test]
    fn a_short_series_is_continued_backwards_in_phase() {
        for count in 4..=24 {
            let series: Vec<f64> = (100 - count..100).map(law).collect();
            let window = Window::new(&series, 4, 6).expect("it moves");
            for (index, value) in window.values.iter().enumerate() {
                let expected = (law(100 - 24 + index) - window.level) / window.scale;
                assert!((f64::from(*value) - expected).abs() < 1e-5, "{count} {index}");
            }
        }
    }

    #[test]
    fn constants_and_less_than_a_patch_are_none() {
        for series in [&[][..], &[1.0, 2.0, 3.0], &[5.0; 40], &[0.0; 40]] {
            assert_eq!(Window::new(series, 4, 6), None);
        }
    }
}
