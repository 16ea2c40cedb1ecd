//! The weights that training begins with.

use forecaster_lstm::fan::{LEVELS, MIDDLE};
use forecaster_lstm::network::Shape;
use forecaster_lstm::window::WEEK;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::optimizer::Values;

/// What the forget gate begins with, so that the first steps are remembered.
const FORGET: f32 = 1.0;
/// What the distances between quantiles begin with, before the softplus.
const NARROW: f32 = -2.0;
/// The head begins smaller than the cell, so that the linear map leads at first.
const HEAD: f64 = 0.3;

/// Gives random weights whose medians are the mean of the same phase in the latest patch and a week of patches before.
pub(crate) fn weights(shape: &Shape, seed: u64) -> Values {
    let mut random = StdRng::seed_from_u64(seed);
    let [lstm, head, skip] = shape.tensors();
    let mut lstm_values = uniform(&mut random, lstm, 1.0);
    let biases = shape.patch * lstm.1;
    lstm_values[biases + shape.hidden..biases + 2 * shape.hidden].fill(FORGET);
    let mut head_values = uniform(&mut random, head, HEAD);
    let biases = head_values.split_at_mut((head.0 - 1) * head.1).1;
    biases.fill(NARROW);
    biases[MIDDLE * shape.horizon..(MIDDLE + 1) * shape.horizon].fill(0.0);
    [lstm_values, head_values, naive(shape, skip)]
}

/// Variance 1 over the number of rows, times the square of `size`.
fn uniform(random: &mut StdRng, (rows, columns): (usize, usize), size: f64) -> Vec<f32> {
    let most = size * (3.0 / rows as f64).sqrt();
    (0..rows * columns).map(|_| random.random_range(-most..most) as f32).collect()
}

fn naive(shape: &Shape, (rows, columns): (usize, usize)) -> Vec<f32> {
    let mut values = vec![0.0; rows * columns];
    for back in [1, WEEK.min(shape.patches)].map(|patches| patches * shape.patch) {
        for step in 0..shape.horizon {
            let row = rows - back + step % back;
            values[row * columns + MIDDLE * shape.horizon + step] += 0.5;
        }
    }
    debug_assert_eq!(columns, LEVELS.len() * shape.horizon);
    values
}
