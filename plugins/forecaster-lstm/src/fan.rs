//! The fan of quantiles: what the network's outputs mean, and levels between and beyond the trained ones.

use forewarm_sdk::numerics::shape::normal_quantile;

/// The levels that the network is trained on.
pub const LEVELS: [f64; 11] = [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95];
/// How many they are.
pub const COUNT: usize = LEVELS.len();
/// Where the median stands in [`LEVELS`].
pub const MIDDLE: usize = 5;
/// The outermost slope per normal score, as a share of the slope between median and last level: a tail never ends there.
const TAIL_MIN: f64 = 0.5;

/// Gives the quantiles of one step, in the order of [`LEVELS`], from the network's outputs: the median stands in the
/// middle, each of the others is the distance from its inner neighbour, through a softplus. So they never cross.
#[must_use]
pub fn quantiles(outputs: [f32; COUNT]) -> [f32; COUNT] {
    let mut fan = outputs;
    for place in (0..MIDDLE).rev() {
        fan[place] = fan[place + 1] - softplus(outputs[place]);
    }
    for place in MIDDLE + 1..LEVELS.len() {
        fan[place] = fan[place - 1] + softplus(outputs[place]);
    }
    fan
}

/// The derivatives by the outputs from those by the quantiles: an output moves its own quantile and all further out.
#[must_use]
pub fn slopes(outputs: [f32; COUNT], by_quantile: [f32; COUNT]) -> [f32; COUNT] {
    let mut slopes = [0.0; COUNT];
    slopes[MIDDLE] = by_quantile.iter().sum();
    let mut further = 0.0;
    for place in 0..MIDDLE {
        further += by_quantile[place];
        slopes[place] = -further * sigmoid(outputs[place]);
    }
    further = 0.0;
    for place in (MIDDLE + 1..COUNT).rev() {
        further += by_quantile[place];
        slopes[place] = further * sigmoid(outputs[place]);
    }
    slopes
}

/// The derivative of [`softplus`].
fn sigmoid(value: f32) -> f32 {
    1.0 / (1.0 + libm::expf(-value))
}

/// `ln(1 + e^x)`, without overflow; the same bits natively and in the sandbox.
fn softplus(value: f32) -> f32 {
    value.max(0.0) + libm::log1pf(libm::expf(-value.abs()))
}

/// Reads levels off the trained ones: between two of them along the normal scores, beyond the last along the outermost
/// slope.
pub struct Reading(Vec<(usize, f64)>);

impl Reading {
    /// Prepares to read rising levels within (0, 1).
    #[must_use]
    pub fn new(levels: &[f64]) -> Self {
        let scores = LEVELS.map(normal_quantile);
        let place = |level: &f64| {
            let after = LEVELS.partition_point(|known| known < level).clamp(1, LEVELS.len() - 1);
            (after, (normal_quantile(*level) - scores[after - 1]) / (scores[after] - scores[after - 1]))
        };
        Self(levels.iter().map(place).collect())
    }

    /// The values at the prepared levels from those at [`LEVELS`], which must not fall; nor do these then.
    #[must_use]
    pub fn read(&self, fan: &[f64; COUNT]) -> Vec<f64> {
        let mut least = f64::MIN;
        let value = |(after, share): &(usize, f64)| {
            let (from, to) = (fan[after - 1], fan[*after]);
            let value = match *share {
                below if below < 0.0 => from + below * (to - from).max(tail(fan[MIDDLE] - from)),
                beyond if beyond > 1.0 => to + (beyond - 1.0) * (to - from).max(tail(to - fan[MIDDLE])),
                between => from + between * (to - from),
            };
            least = value.max(least);
            least
        };
        self.0.iter().map(value).collect()
    }
}

/// The least rise of an outermost pair, from the distance between the median and the last level.
fn tail(distance: f64) -> f64 {
    let (inner, outer) = (normal_quantile(LEVELS[LEVELS.len() - 2]), normal_quantile(LEVELS[LEVELS.len() - 1]));
    TAIL_MIN * distance * (outer - inner) / outer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_of_any_kind_give_quantiles_that_do_not_cross() {
        for outputs in
            [[0.0; 11], [-90.0; 11], [80.0; 11], [3.0, -2.0, 0.5, 9.0, -40.0, 7.0, 1.0, -1.0, 0.0, 2.0, -3.0]]
        {
            let fan = quantiles(outputs);
            assert!(fan.windows(2).all(|pair| pair[0] <= pair[1] && pair[1].is_finite()), "{fan:?}");
            assert_eq!(fan[MIDDLE], outputs[MIDDLE]);
        }
    }

    #[test]
    fn the_normal_distribution_is_read_back_at_every_level() {
        let fan = LEVELS.map(|level| 10.0 + 2.0 * normal_quantile(level));
        let levels = [0.001, 0.05, 0.25, 0.5, 0.77, 0.95, 0.9999];
        let read = Reading::new(&levels).read(&fan);
        for (value, level) in read.iter().zip(levels) {
            assert!((value - 10.0 - 2.0 * normal_quantile(level)).abs() < 1e-9, "{level}: {value}");
        }
    }

    #[test]
    fn tails_go_on_where_the_outermost_levels_are_equal() {
        let mut fan = LEVELS.map(normal_quantile);
        (fan[0], fan[10]) = (fan[1], fan[9]);
        let read = Reading::new(&[0.01, 0.05, 0.95, 0.99]).read(&fan);
        assert!(read[0] < read[1] && read[2] < read[3], "{read:?}");
    }
}
