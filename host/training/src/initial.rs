//! The weights that training begins with.

use candle_core::Tensor;
use forecaster_lstm::fan::LEVELS;
use forecaster_lstm::loaded;
use forecaster_lstm::shape::{Shape, TENSORS};
use forecaster_lstm::weights::Weights;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::optimizer::Values;
use crate::{TrainingError, TrainingSettings};

/// What the forget gate begins with, so that the first steps are remembered.
const FORGET: f32 = 1.0;
/// What the distances between quantiles begin with, before the softplus: those of a normal distribution, about.
const NARROW: f32 = -0.9;
/// What is added to the mixture of the bases begins small, so that the mixture leads at first.
const SMALL: f64 = 0.1;

/// The plugin's own weights, where a training of these sizes is to go on from them.
pub(crate) fn own(settings: &TrainingSettings) -> Option<Weights> {
    let own = if settings.from_own { loaded::own().ok() } else { None };
    own.filter(|own| own.card.shape == settings.shape())
}

/// Gives what a network begins with: one of the plugin's own, else random weights.
pub(crate) fn weights(own: Option<&Weights>, shape: &Shape, number: usize, seed: u64) -> Result<Values, TrainingError> {
    match own {
        Some(own) => values(&own.tensors()[number % own.tensors().len()]),
        None => Ok(random(shape, seed)),
    }
}

fn values(tensors: &[Tensor; TENSORS.len()]) -> Result<Values, TrainingError> {
    let mut values = Values::default();
    for (values, tensor) in values.iter_mut().zip(tensors) {
        *values = tensor.flatten_all()?.to_vec1()?;
    }
    Ok(values)
}

/// Weights whose medians are nearly the mixture of the bases that their trial suggests.
fn random(shape: &Shape, seed: u64) -> Values {
    let mut random = StdRng::seed_from_u64(seed);
    let [lstm, context, steps, traits, outputs, shift] = shape.tensors();
    let mut lstm_values = uniform(&mut random, lstm, 1.0);
    let biases = 2 * shape.patch * lstm.1;
    lstm_values[biases + shape.hidden..biases + 2 * shape.hidden].fill(FORGET);
    let mut output_values = uniform(&mut random, outputs, SMALL);
    let biases = output_values.len() - outputs.1;
    output_values[biases..].fill(0.0);
    let fan = output_values.len() - LEVELS.len();
    output_values[fan..].fill(NARROW);
    output_values[fan + LEVELS.len() / 2] = 0.0;
    [
        lstm_values,
        uniform(&mut random, context, 1.0),
        uniform(&mut random, steps, 1.0),
        uniform(&mut random, traits, 1.0),
        output_values,
        uniform(&mut random, shift, SMALL),
    ]
}

/// Variance 1 over the number of rows, times the square of `size`.
fn uniform(random: &mut StdRng, (rows, columns): (usize, usize), size: f64) -> Vec<f32> {
    let most = size * (3.0 / rows as f64).sqrt();
    (0..rows * columns).map(|_| random.random_range(-most..most) as f32).collect()
}
