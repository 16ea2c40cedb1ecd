//! From a network's outputs to the fan: bases and typical errors are mixed by gates, and the fan stands around the mixed
//! base in units of the mixed error. One operation, so that it is fast and gives the same bits everywhere.

use candle_core::{CpuStorage, CustomOp3, Device, Layout, Result, Shape, Tensor};

use crate::bases::BASES;
use crate::fan::{COUNT, MIDDLE, quantiles, slopes};
use crate::product::contiguous;
use crate::shape::OUTPUTS;
use crate::trial::UNITS;
use crate::window::Ahead;

/// Numbers of a step ahead that are mixed.
pub const MIXED: usize = 2 * BASES + UNITS;

/// Takes the outputs, `[steps, OUTPUTS]`, what is added to the medians, `[batch, horizon]`, and what is mixed,
/// `[steps, MIXED]`; gives the quantiles in the window's units, `[steps, levels]`.
pub struct Mix;

/// Lays out what is mixed at a step ahead.
pub fn lay_out(ahead: &Ahead) -> impl Iterator<Item = f32> + use<> {
    ahead.prior.into_iter().chain(ahead.bases).chain(ahead.units)
}

/// One step ahead of one window.
struct Step<'a> {
    bases: &'a [f32],
    units: &'a [f32],
    gates: [f32; BASES],
    shares: [f32; UNITS],
    base: f32,
    unit: f32,
    fan: [f32; COUNT],
}

impl<'a> Step<'a> {
    fn new(outputs: &[f32], shift: f32, mixed: &'a [f32]) -> Self {
        let (bases, units) = mixed[BASES..].split_at(BASES);
        let gates = softmax::<BASES>(|place| outputs[place] + mixed[place]);
        let shares = softmax::<UNITS>(|place| outputs[BASES + place]);
        let mut fan = [0.0; COUNT];
        fan.copy_from_slice(&outputs[BASES + UNITS..]);
        fan[MIDDLE] += shift;
        let (base, unit) = (sum(&gates, bases), sum(&shares, units));
        Self { bases, units, gates, shares, base, unit, fan }
    }

    fn quantiles(&self) -> [f32; COUNT] {
        quantiles(self.fan).map(|value| self.base + self.unit * value)
    }

    /// Writes the derivatives by the outputs from those by the quantiles; gives that by the shift.
    fn slopes(&self, by_quantile: &[f32], out: &mut [f32]) -> f32 {
        let to_base: f32 = by_quantile.iter().sum();
        let to_unit = sum(by_quantile, &quantiles(self.fan));
        let (to_gates, rest) = out.split_at_mut(BASES);
        let (to_shares, out) = rest.split_at_mut(UNITS);
        for ((to, gate), base) in to_gates.iter_mut().zip(self.gates).zip(self.bases) {
            *to = to_base * gate * (base - self.base);
        }
        for ((to, share), unit) in to_shares.iter_mut().zip(self.shares).zip(self.units) {
            *to = to_unit * share * (unit - self.unit);
        }
        let by_quantile = std::array::from_fn(|place| by_quantile[place] * self.unit);
        let to_fan = slopes(self.fan, by_quantile);
        out.copy_from_slice(&to_fan);
        to_fan[MIDDLE]
    }
}

fn softmax<const N: usize>(of: impl Fn(usize) -> f32) -> [f32; N] {
    let values: [f32; N] = std::array::from_fn(of);
    let most = values.iter().copied().fold(f32::MIN, f32::max);
    let powers = values.map(|value| libm::expf(value - most));
    let all: f32 = powers.iter().sum();
    powers.map(|power| power / all)
}

fn sum(shares: &[f32], values: &[f32]) -> f32 {
    shares.iter().zip(values).map(|(share, value)| share * value).sum()
}

fn steps<'a>(outputs: &'a [f32], shift: &'a [f32], mixed: &'a [f32]) -> impl Iterator<Item = Step<'a>> {
    let rows = outputs.chunks_exact(OUTPUTS).zip(mixed.chunks_exact(MIXED));
    rows.zip(shift).map(|((outputs, mixed), shift)| Step::new(outputs, *shift, mixed))
}

impl CustomOp3 for Mix {
    fn name(&self) -> &'static str {
        "mix"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
        s3: &CpuStorage,
        l3: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (outputs, shift, mixed) = (contiguous(s1, l1)?, contiguous(s2, l2)?, contiguous(s3, l3)?);
        let fans: Vec<f32> = steps(outputs, shift, mixed).flat_map(|step| step.quantiles()).collect();
        Ok((CpuStorage::F32(fans), Shape::from((shift.len(), COUNT))))
    }

    fn bwd(
        &self,
        outputs: &Tensor,
        shift: &Tensor,
        mixed: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let flat = |tensor: &Tensor| tensor.contiguous()?.flatten_all()?.to_vec1::<f32>();
        let (all, shifts, mixed, gradient) = (flat(outputs)?, flat(shift)?, flat(mixed)?, flat(gradient)?);
        let mut to_outputs = vec![0.0; all.len()];
        let rows = gradient.chunks_exact(COUNT).zip(to_outputs.chunks_exact_mut(OUTPUTS));
        let to_shift: Vec<f32> =
            steps(&all, &shifts, &mixed).zip(rows).map(|(step, (gradient, out))| step.slopes(gradient, out)).collect();
        Ok((
            Some(Tensor::from_vec(to_outputs, outputs.shape(), &Device::Cpu)?),
            Some(Tensor::from_vec(to_shift, shift.shape(), &Device::Cpu)?),
            None,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn varied(count: usize, seed: f32) -> Vec<f32> {
        (0..count).map(|at| (at as f32 * 1.7 + seed).sin()).collect()
    }

    #[test]
    fn slopes_are_what_differences_say() {
        let (outputs, mixed, by_quantile) = (varied(OUTPUTS, 0.3), varied(MIXED, 1.9), varied(COUNT, 0.7));
        let value = |outputs: &[f32], shift: f32| sum(&Step::new(outputs, shift, &mixed).quantiles(), &by_quantile);
        let mut slopes = [0.0; OUTPUTS];
        let to_shift = Step::new(&outputs, 0.2, &mixed).slopes(&by_quantile, &mut slopes);
        let difference = |change: &dyn Fn(f32) -> f32| (change(1e-2) - change(-1e-2)) / 2e-2;
        for (place, slope) in slopes.into_iter().enumerate() {
            let moved = |by: f32| {
                let mut outputs = outputs.clone();
                outputs[place] += by;
                value(&outputs, 0.2)
            };
            let difference = difference(&moved);
            assert!((difference - slope).abs() < 2e-3, "{place}: {difference} {slope}");
        }
        assert!((difference(&|by| value(&outputs, 0.2 + by)) - to_shift).abs() < 2e-3);
    }

    #[test]
    fn a_gate_that_is_open_copies_its_base() {
        let mut outputs = vec![0.0; OUTPUTS];
        outputs[3] = 90.0;
        let mixed = varied(MIXED, 0.1);
        let step = Step::new(&outputs, 0.0, &mixed);
        assert_eq!(step.quantiles()[MIDDLE], mixed[BASES + 3]);
    }
}
