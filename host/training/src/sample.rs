//! Training windows: what the network sees of a series up to some time, and what followed.

use candle_core::{Device, Result, Tensor};
use forecaster_lstm::network::Batch;
use forecaster_lstm::shape::Shape;
use forecaster_lstm::window::Window;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::data::{Data, PATCHES_MIN, Prepared};

/// The share of windows that see less of their series than there is, so that new series are forecast well too.
const SHORTENED: f64 = 0.15;
/// The share of windows from made-up series, where there are such.
const MADE_UP: f64 = 0.5;
/// Targets further away than this many scales count as that far.
const FAR: f64 = 20.0;
/// A window counts by how much larger its scale is than its error of the seasonal naive forecast, at most this.
const WEIGHT_MAX: f64 = 100.0;
/// Windows that are followed by so many times their usual change from patch to patch count less.
const UNHEARD_OF: f64 = 5.0;
/// Every fourth series is validated on its end, another quarter per network.
const VALIDATED: usize = 4;

/// A window and what followed it.
pub(crate) struct Sample {
    window: Window,
    /// What followed in the window's units, and how much it counts.
    target: Vec<[f32; 2]>,
}

/// Where windows are drawn from.
pub(crate) struct Sampler<'a> {
    series: &'a [Prepared],
    made_up: &'a [Prepared],
    shape: Shape,
    member: usize,
    seed: u64,
}

impl<'a> Sampler<'a> {
    pub(crate) fn new(data: &'a Data, shape: Shape, member: usize, seed: u64) -> Self {
        Self { series: &data.series, made_up: &data.made_up, shape, member, seed }
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
        let (series, count) = if !self.made_up.is_empty() && random.random_bool(MADE_UP) {
            let series = &self.made_up[random.random_range(0..self.made_up.len())];
            (series, series.values.len())
        } else {
            let index = random.random_range(0..self.series.len());
            (&self.series[index], self.trained(index))
        };
        let patch = self.shape.patch;
        let least = PATCHES_MIN * patch;
        let origin = random.random_range(least..=count - patch);
        let seen = if random.random_bool(SHORTENED) { random.random_range(least..=origin) } else { origin };
        self.sample(series, origin - seen, origin, count)
    }

    /// The windows that this network is validated on: two for each of its series.
    pub(crate) fn validation(&self) -> Vec<Sample> {
        let horizon = self.shape.horizon;
        let of = |index: usize| {
            let count = self.series[index].values.len();
            [horizon, horizon.div_ceil(2)].map(|back| self.sample(&self.series[index], 0, count - back, count))
        };
        (0..self.series.len()).filter(|index| self.is_validated(*index)).flat_map(of).flatten().collect()
    }

    fn sample(&self, series: &Prepared, start: usize, origin: usize, end: usize) -> Option<Sample> {
        let Prepared { values, present } = series;
        let window = Window::new(&values[start..origin], &self.shape)?;
        let ahead = &values[origin..end.min(origin + self.shape.horizon)];
        let weight = weight(&values[start..origin], ahead, &window, &self.shape);
        let horizon = self.shape.horizon;
        let mut target = vec![[0.0; 2]; horizon];
        for (step, at) in (origin..end.min(origin + horizon)).enumerate() {
            let value = ((values[at] - window.level) / window.scale).clamp(-FAR, FAR) as f32;
            target[step] = [value, weight * present[at]];
        }
        Some(Sample { window, target })
    }
}

/// Errors are judged beside those of the seasonal naive forecast, hence weigh more where it errs little; but less where what
/// followed is unheard of, which no window tells.
fn weight(seen: &[f64], ahead: &[f64], window: &Window, shape: &Shape) -> f32 {
    let seen = &seen[seen.len().saturating_sub(shape.values())..];
    let error = |from: &[f64], to: &[f64]| {
        from.iter().zip(to).map(|(before, value)| (value - before).abs()).sum::<f64>() / to.len() as f64
    };
    let naive = error(seen, &seen[shape.patch..]);
    let followed = error(&seen[seen.len() - shape.patch..], &ahead[..shape.patch.min(ahead.len())]);
    (window.scale / naive.max(followed / UNHEARD_OF).max(f64::MIN_POSITIVE)).min(WEIGHT_MAX) as f32
}

/// Lays out samples as tensors: what the network takes, and targets beside their weights.
pub(crate) fn tensors(samples: &[Sample], shape: &Shape) -> Result<(Batch, Tensor)> {
    let windows: Vec<&Window> = samples.iter().map(|sample| &sample.window).collect();
    let targets: Vec<f32> = samples.iter().flat_map(|sample| sample.target.as_flattened().iter().copied()).collect();
    Ok((Batch::new(&windows, shape)?, Tensor::from_vec(targets, (samples.len() * shape.horizon, 2), &Device::Cpu)?))
}
