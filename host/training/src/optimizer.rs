//! Adam with decoupled weight decay (Kingma and Ba 2015, Loshchilov and Hutter 2019), and a moving average of the weights,
//! which forecasts better than the latest of them. Plain vectors, so that a checkpoint holds all of it.

use forecaster_lstm::shape::TENSORS;
use serde::{Deserialize, Serialize};

/// The values of a network's tensors.
pub(crate) type Values = [Vec<f32>; TENSORS.len()];

const FIRST_DECAY: f32 = 0.9;
const SECOND_DECAY: f32 = 0.98;
const EPSILON: f32 = 1e-8;
/// Gradients longer than this are cut to it.
const LENGTH_MAX: f64 = 1.0;
/// How much of the average each step keeps, once there were many.
const AVERAGE_KEEPS: f32 = 0.995;
/// The share of the steps in which the rate rises from 0.
const WARM_UP: f64 = 0.04;
/// What the rate falls to, as a share of its largest.
const RATE_MIN: f64 = 0.01;

/// Weights on their way, with all that the optimiser remembers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Optimizer {
    /// The weights as they are.
    pub(crate) current: Values,
    /// Their moving average.
    pub(crate) average: Values,
    first: Values,
    second: Values,
    /// Steps taken.
    pub(crate) step: usize,
}

impl Optimizer {
    pub(crate) fn new(initial: Values) -> Self {
        let zeros = || std::array::from_fn(|place| vec![0.0; initial[place].len()]);
        Self { first: zeros(), second: zeros(), average: initial.clone(), current: initial, step: 0 }
    }

    /// Takes one step of `steps` against a gradient.
    pub(crate) fn descend(&mut self, gradient: &Values, steps: usize, rate_max: f64, decay: f64) {
        let rate = rate_max * rate(self.step, steps);
        self.step += 1;
        let taken = self.step as f32;
        let corrections = (1.0 - FIRST_DECAY.powf(taken), 1.0 - SECOND_DECAY.powf(taken));
        let keeps = AVERAGE_KEEPS.min((taken + 1.0) / (taken + 10.0));
        let cut = cut(gradient);
        let rate = rate as f32;
        for (place, gradient) in gradient.iter().enumerate() {
            let moments = self.first[place].iter_mut().zip(&mut self.second[place]);
            let weights = self.current[place].iter_mut().zip(&mut self.average[place]);
            for ((gradient, (first, second)), (weight, average)) in gradient.iter().zip(moments).zip(weights) {
                let gradient = gradient * cut;
                *first += (1.0 - FIRST_DECAY) * (gradient - *first);
                *second += (1.0 - SECOND_DECAY) * (gradient * gradient - *second);
                let towards = *first / corrections.0 / ((*second / corrections.1).sqrt() + EPSILON);
                *weight -= rate * (towards + decay as f32 * *weight);
                *average += (1.0 - keeps) * (*weight - *average);
            }
        }
    }
}

/// The learning rate before a step, as a share of its largest: a short rise, then half a cosine.
fn rate(step: usize, steps: usize) -> f64 {
    let (step, steps) = (step as f64, steps as f64);
    let rise = (WARM_UP * steps).max(1.0);
    if step < rise {
        return (step + 1.0) / rise;
    }
    let share = (step - rise) / (steps - rise).max(1.0);
    (0.5 + 0.5 * (std::f64::consts::PI * share).cos()).max(RATE_MIN)
}

fn cut(gradient: &Values) -> f32 {
    let length = gradient.iter().flatten().map(|slope| f64::from(*slope).powi(2)).sum::<f64>().sqrt();
    if length > LENGTH_MAX { (LENGTH_MAX / length) as f32 } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bowl_is_descended_to_its_ground() {
        let target = [3.0_f32, -2.0, 0.5, 1.0, 0.0, -0.5];
        let mut optimizer = Optimizer::new(std::array::from_fn(|_| vec![0.0]));
        for _ in 0..2_000 {
            let slope = |place: usize| vec![2.0 * (optimizer.current[place][0] - target[place])];
            let gradient = std::array::from_fn(slope);
            optimizer.descend(&gradient, 2_000, 0.05, 0.0);
        }
        for (found, target) in optimizer.average.iter().flatten().zip(target) {
            assert!((found - target).abs() < 0.01, "{found} {target}");
        }
    }

    #[test]
    fn the_rate_rises_and_falls() {
        let rates: Vec<f64> = (0..1_000).map(|step| rate(step, 1_000)).collect();
        assert!(rates[0] < 0.03 && rates[40] > 0.99 && rates[999] <= RATE_MIN + 1e-9);
        assert!(rates.iter().all(|rate| (RATE_MIN..=1.0).contains(rate)));
        assert_eq!(rate(0, 1), 1.0);
    }
}
