//! The loss as one operation, with its gradient: the pinball loss of the fan, each target with its weight.

use candle_core::{CpuStorage, CustomOp2, Device, Layout, Result, Shape, Tensor, bail};
use forecaster_lstm::fan::{COUNT, LEVELS};

/// Takes quantiles, `[steps, levels]`, and targets beside their weights, `[steps, 2]`; gives the mean of the weighted
/// pinball losses, one value.
pub(crate) struct Pinball;

fn losses(fan: &[f32], target: &[f32]) -> f64 {
    let pinball = |(value, level): (&f32, f64)| {
        let error = f64::from(target[0] - value);
        (level * error).max((level - 1.0) * error)
    };
    f64::from(target[1]) * fan.iter().zip(LEVELS).map(pinball).sum::<f64>()
}

/// The derivatives of the losses by each quantile.
fn slopes(fan: &[f32], target: &[f32]) -> [f32; COUNT] {
    std::array::from_fn(|place| {
        let level = LEVELS[place] as f32;
        target[1] * if target[0] > fan[place] { -level } else { 1.0 - level }
    })
}

impl CustomOp2 for Pinball {
    fn name(&self) -> &'static str {
        "pinball"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        let (CpuStorage::F32(fans), CpuStorage::F32(targets)) = (s1, s2) else { bail!("pinball: values must be f32") };
        let (Some((from, to)), Some((start, end))) = (l1.contiguous_offsets(), l2.contiguous_offsets()) else {
            bail!("pinball: values must be contiguous")
        };
        let (fans, targets) = (fans[from..to].chunks_exact(COUNT), targets[start..end].chunks_exact(2));
        let sum: f64 = fans.zip(targets).map(|(fan, target)| losses(fan, target)).sum();
        Ok((CpuStorage::F32(vec![(sum / (to - from) as f64) as f32]), Shape::from(())))
    }

    fn bwd(
        &self,
        fans: &Tensor,
        targets: &Tensor,
        _: &Tensor,
        slope: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let flat = |tensor: &Tensor| tensor.flatten_all()?.to_vec1::<f32>();
        let share = slope.to_scalar::<f32>()? / fans.elem_count() as f32;
        let (all, targets) = (flat(fans)?, flat(targets)?);
        let rows = all.chunks_exact(COUNT).zip(targets.chunks_exact(2));
        let all: Vec<f32> = rows.flat_map(|(fan, target)| slopes(fan, target)).map(|slope| slope * share).collect();
        Ok((Some(Tensor::from_vec(all, fans.shape(), &Device::Cpu)?), None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slopes_are_what_differences_of_the_loss_say() {
        let fan = [-2.0, -1.5, -1.0, -0.5, -0.2, 0.1, 0.3, 0.7, 1.1, 1.5, 2.5];
        for target in [-9.0, -1.3, 0.2, 1.9, 9.0] {
            for (place, slope) in slopes(&fan, &[target, 1.5]).into_iter().enumerate() {
                let moved = |by: f32| {
                    let mut fan = fan;
                    fan[place] += by;
                    losses(&fan, &[target, 1.5])
                };
                let difference = (moved(1e-2) - moved(-1e-2)) / 2e-2;
                assert!((difference - f64::from(slope)).abs() < 2e-2, "{target} {place}: {difference} {slope}");
            }
        }
    }

    #[test]
    fn missing_targets_do_not_count() {
        let target = [5.0, 0.0];
        assert_eq!((losses(&[0.0; COUNT], &target), slopes(&[0.0; COUNT], &target)), (0.0, [0.0; COUNT]));
    }
}
