//! Bridging missing values: by the seasonal profile, moved to meet the values on both sides of the gap.

use crate::numerics::profile;

/// Gives the values with every NaN replaced. A gap gets the mean of the same time in other cycles of the shortest
/// season, moved along a straight line that meets the values on both sides; a gap at an end keeps the distance of its
/// one neighbour. Without a season the bridge is the straight line. All zeros where nothing is there.
#[must_use]
pub fn fill(values: &[f64], season: Option<usize>) -> Vec<f64> {
    if !values.iter().any(|value| value.is_nan()) {
        return values.to_vec();
    }
    let typical = season.map_or_else(|| vec![0.0], |season| profile::means(values, season));
    let expected = || typical.iter().copied().cycle();
    let distances: Vec<f64> = values.iter().zip(expected()).map(|(value, expected)| value - expected).collect();
    let bridged = bridge(&distances).into_iter().zip(expected()).map(|(distance, expected)| distance + expected);
    values.iter().zip(bridged).map(|(value, bridged)| if value.is_nan() { bridged } else { *value }).collect()
}

/// Straight lines over the gaps, level ones at both ends; zeros where nothing is there.
fn bridge(values: &[f64]) -> Vec<f64> {
    let known: Vec<(usize, f64)> = values.iter().copied().enumerate().filter(|(_, value)| !value.is_nan()).collect();
    let (Some(first), Some(last)) = (known.first(), known.last()) else { return vec![0.0; values.len()] };
    let mut bridged = vec![first.1; first.0];
    for pair in known.windows(2) {
        let ((from, start), (to, end)) = (pair[0], pair[1]);
        let slope = (end - start) / (to - from) as f64;
        bridged.extend((0..to - from).map(|step| start + slope * step as f64));
    }
    bridged.resize(values.len(), last.1);
    bridged
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAN: f64 = f64::NAN;

    #[test]
    fn without_a_season_a_gap_is_a_straight_line() {
        assert_eq!(fill(&[NAN, 1.0, NAN, NAN, 4.0, NAN], None), [1.0, 1.0, 2.0, 3.0, 4.0, 4.0]);
        assert_eq!(fill(&[NAN, NAN], None), [0.0, 0.0]);
        assert_eq!(fill(&[], Some(3)), [0.0; 0]);
    }

    #[test]
    fn a_gap_of_a_whole_season_keeps_the_season() {
        let law = |step: usize| [1.0, 5.0, 9.0, 5.0][step % 4];
        let mut values: Vec<f64> = (0..24).map(law).collect();
        values[9..15].fill(NAN);
        for (at, value) in fill(&values, Some(4)).into_iter().enumerate() {
            assert!((value - law(at)).abs() < 1e-12, "{at}: {value}");
        }
    }

    #[test]
    fn what_is_there_stays_as_it_is() {
        let values = [3.0, NAN, 8.0, 1.0, NAN, 2.0];
        let filled = fill(&values, Some(2));
        assert!(filled.iter().all(|value| value.is_finite()));
        for (filled, value) in filled.iter().zip(values).filter(|(_, value)| !value.is_nan()) {
            assert_eq!(*filled, value);
        }
    }
}
