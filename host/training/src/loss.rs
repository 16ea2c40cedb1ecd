//! The loss as one operation, with its gradient: the pinball loss of the fan, each target with its weight.

use candle_core::{CpuStorage, CustomOp2, Device, Layout, Result, Shape, Tensor, bail};
use forecaster_lstm::fan::{LEVELS, MIDDLE, quantiles};

/// Takes the network's outputs, `[batch, levels * horizon]`, and targets beside their weights, `[batch, 2 * horizon]`;
/// gives the mean of the weighted pinball losses, one value.
pub(crate) struct Pinball;

const COUNT: usize = LEVELS.len();

/// One step of one window.
struct Step {
    outputs: [f32; COUNT],
    target: f32,
    weight: f32,
}

impl Step {
    fn read(outputs: &[f32], targets: &[f32], horizon: usize, step: usize) -> Self {
        let outputs = std::array::from_fn(|level| outputs[level * horizon + step]);
        Self { outputs, target: targets[step], weight: targets[horizon + step] }
    }

    fn loss(&self) -> f64 {
        let fan = quantiles(self.outputs);
        let pinball = |(value, level): (f32, f64)| {
            let error = f64::from(self.target - value);
            (level * error).max((level - 1.0) * error)
        };
        f64::from(self.weight) * fan.into_iter().zip(LEVELS).map(pinball).sum::<f64>()
    }

    /// The derivative of the loss by each output. An output moves its own quantile and all that lie further out.
    fn slopes(&self) -> [f32; COUNT] {
        let fan = quantiles(self.outputs);
        let by_quantile: [f32; COUNT] = std::array::from_fn(|place| {
            let level = LEVELS[place] as f32;
            self.weight * if self.target > fan[place] { -level } else { 1.0 - level }
        });
        let mut slopes = [0.0; COUNT];
        slopes[MIDDLE] = by_quantile.iter().sum();
        let mut further = 0.0;
        for place in 0..MIDDLE {
            further += by_quantile[place];
            slopes[place] = -further * sigmoid(self.outputs[place]);
        }
        further = 0.0;
        for place in (MIDDLE + 1..COUNT).rev() {
            further += by_quantile[place];
            slopes[place] = further * sigmoid(self.outputs[place]);
        }
        slopes
    }
}

fn sigmoid(value: f32) -> f32 {
    1.0 / (1.0 + (-value).exp())
}

fn mean_loss(outputs: &[f32], targets: &[f32], batch: usize) -> f32 {
    let horizon = targets.len() / (2 * batch);
    let rows = outputs.chunks_exact(COUNT * horizon).zip(targets.chunks_exact(2 * horizon));
    let row = |(outputs, targets): (&[f32], &[f32])| {
        (0..horizon).map(|step| Step::read(outputs, targets, horizon, step).loss()).sum::<f64>()
    };
    (rows.map(row).sum::<f64>() / (batch * horizon * COUNT) as f64) as f32
}

fn gradient(outputs: &[f32], targets: &[f32], batch: usize, factor: f32) -> Vec<f32> {
    let horizon = targets.len() / (2 * batch);
    let share = factor / (batch * horizon * COUNT) as f32;
    let mut all = vec![0.0; outputs.len()];
    let rows = outputs.chunks_exact(COUNT * horizon).zip(targets.chunks_exact(2 * horizon));
    for ((outputs, targets), out) in rows.zip(all.chunks_exact_mut(COUNT * horizon)) {
        for step in 0..horizon {
            let slopes = Step::read(outputs, targets, horizon, step).slopes();
            for (level, slope) in slopes.into_iter().enumerate() {
                out[level * horizon + step] = slope * share;
            }
        }
    }
    all
}

impl CustomOp2 for Pinball {
    fn name(&self) -> &'static str {
        "pinball"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        let (CpuStorage::F32(outputs), CpuStorage::F32(targets)) = (s1, s2) else {
            bail!("pinball: values must be f32")
        };
        let (Some((from, to)), Some((start, end))) = (l1.contiguous_offsets(), l2.contiguous_offsets()) else {
            bail!("pinball: values must be contiguous")
        };
        let loss = mean_loss(&outputs[from..to], &targets[start..end], l2.dims()[0]);
        Ok((CpuStorage::F32(vec![loss]), Shape::from(())))
    }

    fn bwd(
        &self,
        outputs: &Tensor,
        targets: &Tensor,
        _: &Tensor,
        slope: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let flat = |tensor: &Tensor| tensor.flatten_all()?.to_vec1::<f32>();
        let all = gradient(&flat(outputs)?, &flat(targets)?, targets.dim(0)?, slope.to_scalar()?);
        Ok((Some(Tensor::from_vec(all, outputs.shape(), &Device::Cpu)?), None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slopes_are_what_differences_of_the_loss_say() {
        let outputs = [0.2, -1.0, 0.4, 1.5, -0.3, 0.7, 0.1, -2.0, 0.9, 0.0, 0.5];
        for target in [-9.0, -1.3, 0.2, 1.9, 9.0] {
            let step = Step { outputs, target, weight: 1.5 };
            for (place, slope) in step.slopes().into_iter().enumerate() {
                let moved = |by: f32| {
                    let mut outputs = outputs;
                    outputs[place] += by;
                    Step { outputs, target, weight: 1.5 }.loss()
                };
                let difference = (moved(1e-2) - moved(-1e-2)) / 2e-2;
                assert!((difference - f64::from(slope)).abs() < 2e-2, "{target} {place}: {difference} {slope}");
            }
        }
    }

    #[test]
    fn missing_targets_do_not_count() {
        let step = Step { outputs: [0.0; COUNT], target: 5.0, weight: 0.0 };
        assert_eq!((step.loss(), step.slopes()), (0.0, [0.0; COUNT]));
    }
}
