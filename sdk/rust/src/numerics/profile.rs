//! Seasonal profiles: what is typical of each time of a season, after the trend is taken out.

/// The mean of each phase of a `period`, as its distance from the mean of all phases; NaN does not count, and a phase
/// that has no value gets 0. Phase 0 is that of the first value.
#[must_use]
pub fn means(values: &[f64], period: usize) -> Vec<f64> {
    fading_means(values, period, 1.0)
}

/// The same, with every cycle's weight being `keep` of the next one's.
fn fading_means(values: &[f64], period: usize, keep: f64) -> Vec<f64> {
    let mut sums = vec![(0.0, 0.0); period];
    for cycle in values.chunks(period.max(1)) {
        for (sum, value) in sums.iter_mut().zip(cycle).filter(|(_, value)| !value.is_nan()) {
            *sum = (keep * sum.0 + value, keep * sum.1 + 1.0);
        }
    }
    let known = sums.iter().filter(|(_, count)| *count > 0.0);
    let (total, phases) = known.fold((0.0, 0.0), |(total, phases), (sum, count)| (total + sum / count, phases + 1.0));
    let middle = if phases > 0.0 { total / phases } else { 0.0 };
    sums.iter().map(|(sum, count)| if *count > 0.0 { sum / count - middle } else { 0.0 }).collect()
}

/// The trend: a centred moving average over one `period` (half weights at both ends of an even one), held where the
/// window would reach over an end. The mean of all where there is less than one window.
#[must_use]
pub fn moving_average(values: &[f64], period: usize) -> Vec<f64> {
    let (count, half) = (values.len(), period / 2);
    let width = 2 * half + 1;
    if count < width {
        return vec![super::stats::mean(values); count];
    }
    let edge = if period.is_multiple_of(2) { 0.5 } else { 0.0 };
    let weight = width as f64 - 2.0 * edge;
    let mut sum: f64 = values[..width].iter().sum();
    let mut trend = vec![0.0; count];
    for centre in half..count - half {
        let (first, last) = (values[centre - half], values[centre + half]);
        trend[centre] = (sum - edge * (first + last)) / weight;
        if let Some(next) = values.get(centre + half + 1) {
            sum += next - first;
        }
    }
    let (start, end) = (trend[half], trend[count - half - 1]);
    trend[..half].fill(start);
    trend[count - half..].fill(end);
    trend
}

/// The profiles of some seasons, each from phase 0 at the first value and around zero: the trend over the longest season
/// is taken out, then each season in turn gets the means of what the others leave, shortest first, twice.
#[must_use]
pub fn decompose(values: &[f64], seasons: &[usize]) -> Vec<Vec<f64>> {
    decompose_fading(values, seasons, 1.0)
}

/// The same, with every cycle's weight being `keep` of the next one's: seasons change.
#[must_use]
pub fn decompose_fading(values: &[f64], seasons: &[usize], keep: f64) -> Vec<Vec<f64>> {
    let Some(longest) = seasons.iter().max() else { return Vec::new() };
    let trend = moving_average(values, *longest);
    let mut rest: Vec<f64> = values.iter().zip(&trend).map(|(value, trend)| value - trend).collect();
    let mut profiles: Vec<Vec<f64>> = seasons.iter().map(|period| vec![0.0; *period]).collect();
    let rounds = if seasons.len() > 1 { 2 } else { 1 };
    for _ in 0..rounds {
        for profile in &mut profiles {
            let found = fading_means(&rest, profile.len(), keep);
            for cycle in rest.chunks_mut(profile.len()) {
                cycle.iter_mut().zip(&found).for_each(|(rest, found)| *rest -= found);
            }
            profile.iter_mut().zip(&found).for_each(|(known, found)| *known += found);
        }
    }
    profiles
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_distances_from_the_mean_of_all() {
        assert_eq!(means(&[1.0, 5.0, 3.0, f64::NAN], 2), [-1.5, 1.5]);
        assert_eq!(means(&[f64::NAN, 2.0, f64::NAN, 2.0], 2), [0.0, 0.0]);
        assert_eq!(means(&[], 3), [0.0; 3]);
    }

    #[test]
    fn the_latest_cycles_count_most_where_profiles_fade() {
        let values: Vec<f64> = (0..80).map(|step| if step % 4 == 0 && step >= 40 { 8.0 } else { 0.0 }).collect();
        let (even, fading) = (decompose(&values, &[4]), decompose_fading(&values, &[4], 0.5));
        assert!((even[0][0] - 3.0).abs() < 0.3 && (fading[0][0] - 6.0).abs() < 0.1, "{even:?} {fading:?}");
    }

    #[test]
    fn the_trend_of_a_line_with_a_season_is_the_line() {
        for period in [4, 5] {
            let values: Vec<f64> =
                (0..40).map(|step| step as f64 + if step % period == 0 { 10.0 } else { 0.0 }).collect();
            let trend = moving_average(&values, period);
            let lift = 10.0 / period as f64;
            for (step, trend) in trend.iter().enumerate().skip(3).take(30) {
                assert!((trend - step as f64 - lift).abs() < 1e-9, "{period} {step}: {trend}");
            }
            assert_eq!((trend.len(), trend[0]), (40, trend[period / 2]));
        }
        assert_eq!(moving_average(&[1.0, 3.0], 7), [2.0, 2.0]);
    }

    #[test]
    fn two_seasons_are_told_apart() {
        let daily = |step: usize| ((step % 6) as f64 - 2.5) * 4.0;
        let weekly = |step: usize| if step % 42 < 36 { 1.0 } else { -6.0 };
        let values: Vec<f64> = (0..420).map(|step| 100.0 + daily(step) + weekly(step)).collect();
        let profiles = decompose(&values, &[6, 42]);
        for step in 0..42 {
            assert!((profiles[0][step % 6] - daily(step)).abs() < 0.2, "{step}");
            assert!((profiles[1][step] - weekly(step)).abs() < 0.3, "{step}: {}", profiles[1][step]);
        }
    }
}
