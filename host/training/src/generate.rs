//! Series that are made up, for weights that owe nothing to anybody's data: loads of many kinds, each drawn from wide
//! ranges, so that what is real lies somewhere among them.

mod chance;
mod kinds;
mod shapes;
mod week;

use rand::SeedableRng;
use rand::rngs::StdRng;

/// Hours in a day.
const DAY: usize = 24;
/// Values of a series that is long enough to learn from: five weeks of hours.
pub const LENGTH: usize = 35 * DAY;

/// Makes `count` hourly series of `length` values; the same for the same seed. Most have a day and a week, regular to the
/// last digit or drowned in noise; the others wander, jump between levels, or count events.
#[must_use]
pub fn generate(count: usize, length: usize, seed: u64) -> Vec<Vec<f64>> {
    (0..count).map(|number| one(length, seed.wrapping_add((number as u64) << 32))).collect()
}

fn one(length: usize, seed: u64) -> Vec<f64> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut values = kinds::draw(&mut random, length);
    kinds::disturb(&mut random, &mut values);
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_made_again_from_their_seed() {
        let series = generate(200, 500, 7);
        assert_eq!(series, generate(200, 500, 7));
        assert_ne!(series[0], generate(1, 500, 8)[0]);
        assert!(series.iter().flatten().all(|value| value.is_finite() && *value >= 0.0));
        assert!(series.iter().all(|values| values.len() == 500));
        let moves = |values: &&Vec<f64>| values.iter().any(|value| *value != values[0]);
        assert!(series.iter().filter(moves).count() > 190);
    }

    #[test]
    fn some_repeat_nearly_exactly_and_some_do_not_at_all() {
        let regular = |values: &Vec<f64>| {
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let spread: f64 = values[168..].iter().map(|value| (value - mean).abs()).sum();
            let week: f64 = values.iter().zip(&values[168..]).map(|(before, value)| (value - before).abs()).sum();
            week / spread
        };
        let series = generate(300, 840, 1);
        let count = |most: f64| series.iter().map(regular).filter(|share| *share < most).count();
        assert!(count(0.1) > 10 && count(0.5) > 80 && count(1.0) < 250, "{} {} {}", count(0.1), count(0.5), count(1.0));
    }
}
