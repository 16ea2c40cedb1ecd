//! Training windows: what the network sees of a series up to some time, and what followed.

use candle_core::{Device, Result, Tensor};
use forecaster_lstm::network::{Batch, Shape};
use forecaster_lstm::window::Window;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::data::{PATCHES_MIN, Prepared};

/// The share of windows that see less of their series than there is, so that new series are forecast well too.
const SHORTENED: f64 = 0.15;
/// Targets further away than this many scales count as that far.
const FAR: f64 = 20.0;
/// A window counts by the square root of how much larger its scale is than its error of the seasonal naive forecast, at
/// most this.
const WEIGHT_MAX: f64 = 4.0;
/// Every fourth series is validated on its end, another quarter per network.
const VALIDATED: usize = 4;

/// A window and what followed it.
pub(crate) struct Sample {
    window: Window,
    /// What followed in the window's units, then how much each of these counts.
    target: Vec<f32>,
}

/// Where windows are drawn from.
pub(crate) struct Sampler<'a> {
    series: &'a [Prepared],
    shape: Shape,
    member: usize,
    seed: u64,
}

impl<'a> Sampler<'a> {
    pub(crate) fn new(series: &'a [Prepared], shape: Shape, member: usize, seed: u64) -> Self {
        Self { series, shape, member, seed }
    }

    /// Whether the end of a series is this network's validation: it must be long enough to be trained on as well.
    fn is_validated(&self, index: usize) -> bool {
        let few = self.series.len() < 2 * VALIDATED;
        let long = self.series[index].values.len() >= PATCHES_MIN * self.shape.patch + 2 * self.shape.horizon;
        long && (few || index % VALIDATED == self.member % VALIDATED)
    }

    /// How many values of a series this network is trained on.
    fn trained(&self, index: usize) -> usize {
        let count = self.series[index].values.len();
        if self.is_validated(index) { count - self.shape.horizon } else { count }
    }

    /// Draws the windows of a step; the same ones for the same step.
    pub(crate) fn draw(&self, step: usize, count: usize) -> Vec<Sample> {
        let mut random = StdRng::seed_from_u64(self.seed ^ (step as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let mut samples = Vec::with_capacity(count);
        // Flat windows tell nothing and are drawn anew; a series that is flat nearly everywhere must not hold us up.
        for _ in 0..20 * count {
            if samples.len() == count {
                break;
            }
            samples.extend(self.draw_one(&mut random));
        }
        samples
    }

    fn draw_one(&self, random: &mut StdRng) -> Option<Sample> {
        let index = random.random_range(0..self.series.len());
        let (count, patch) = (self.trained(index), self.shape.patch);
        let least = PATCHES_MIN * patch;
        let origin = random.random_range(least..=count - patch);
        let seen = if random.random_bool(SHORTENED) { random.random_range(least..=origin) } else { origin };
        self.sample(index, origin - seen, origin, count)
    }

    /// The windows that this network is validated on: two for each of its series.
    pub(crate) fn validation(&self) -> Vec<Sample> {
        let horizon = self.shape.horizon;
        let of = |index: usize| {
            let count = self.series[index].values.len();
            [horizon, horizon.div_ceil(2)].map(|back| self.sample(index, 0, count - back, count))
        };
        (0..self.series.len()).filter(|index| self.is_validated(*index)).flat_map(of).flatten().collect()
    }

    fn sample(&self, index: usize, start: usize, origin: usize, end: usize) -> Option<Sample> {
        let Prepared { values, present } = &self.series[index];
        let window = Window::new(&values[start..origin], self.shape.patch, self.shape.patches)?;
        let weight = weight(&values[start..origin], &window, &self.shape);
        let horizon = self.shape.horizon;
        let mut target = vec![0.0; 2 * horizon];
        for (step, at) in (origin..end.min(origin + horizon)).enumerate() {
            target[step] = ((values[at] - window.level) / window.scale).clamp(-FAR, FAR) as f32;
            target[horizon + step] = weight * present[at];
        }
        Some(Sample { window, target })
    }
}

/// Errors are judged beside those of the seasonal naive forecast, hence weigh more where it errs little.
fn weight(seen: &[f64], window: &Window, shape: &Shape) -> f32 {
    let seen = &seen[seen.len().saturating_sub(shape.values())..];
    let pairs = seen.iter().zip(&seen[shape.patch..]);
    let naive = pairs.map(|(before, value)| (value - before).abs()).sum::<f64>() / (seen.len() - shape.patch) as f64;
    (window.scale / naive.max(f64::MIN_POSITIVE)).sqrt().min(WEIGHT_MAX) as f32
}

/// Lays out samples as tensors: what the network takes, and targets beside their weights.
pub(crate) fn tensors(samples: &[Sample], shape: &Shape) -> Result<(Batch, Tensor)> {
    let windows: Vec<&Window> = samples.iter().map(|sample| &sample.window).collect();
    let targets: Vec<f32> = samples.iter().flat_map(|sample| sample.target.iter().copied()).collect();
    Ok((Batch::new(&windows, shape)?, Tensor::from_vec(targets, (samples.len(), 2 * shape.horizon), &Device::Cpu)?))
}
