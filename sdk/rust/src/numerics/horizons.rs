//! The error that parameters are chosen by: of forecasts as far ahead as plans reach, not of the next step alone.

/// How far ahead forecasts are tried where there is no season.
const AHEAD_WITHOUT_SEASON: usize = 24;

/// Distances to try: the next three steps, and eighths of twice the shortest season. Eleven in all, which shares no
/// factor with the lengths of days and weeks, so that every time of the day meets every distance.
#[must_use]
pub fn distances(seasons: &[usize]) -> Vec<usize> {
    let farthest = seasons.first().map_or(AHEAD_WITHOUT_SEASON, |season| 2 * season);
    let eighths = (1..=8).map(|eighth| (farthest * eighth / 8).max(1));
    [1, 2, 3].into_iter().chain(eighths).collect()
}

/// The mean absolute error, over the later half of the values, of one forecast from each value on; their distances take
/// turns. `forecast` gets the state and the index of the distance in `aheads`. Infinite where nothing can be compared.
pub fn mean_error<S>(
    values: &[f64],
    aheads: &[usize],
    mut state: S,
    push: impl Fn(&mut S, f64),
    forecast: impl Fn(&S, usize) -> f64,
) -> f64 {
    let from = values.len() / 2;
    values[..from].iter().for_each(|value| push(&mut state, *value));
    let (mut sum, mut count) = (0.0, 0.0);
    for (at, (turn, ahead)) in (from..values.len()).zip(aheads.iter().enumerate().cycle()) {
        if let Some(outcome) = values.get(at + ahead - 1) {
            sum += (outcome - forecast(&state, turn)).abs();
            count += 1.0;
        }
        push(&mut state, values[at]);
    }
    if count > 0.0 { sum / count } else { f64::INFINITY }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_reach_two_of_the_shortest_season() {
        assert_eq!(distances(&[24, 168]), [1, 2, 3, 6, 12, 18, 24, 30, 36, 42, 48]);
        assert_eq!(distances(&[]).last(), Some(&24));
        assert!(distances(&[2]).iter().all(|ahead| *ahead >= 1));
    }

    #[test]
    fn the_error_is_that_of_the_later_half() {
        let values: Vec<f64> = (0..40).map(f64::from).collect();
        let last = |aheads: &[usize]| mean_error(&values, aheads, 0.0, |last, value| *last = value, |last, _| *last);
        assert_eq!((last(&[1]), last(&[3])), (1.0, 3.0));
        assert_eq!(last(&[100]), f64::INFINITY);
        assert_eq!(mean_error(&[], &[1], 0.0, |_, _| (), |last, _| *last), f64::INFINITY);
    }
}
