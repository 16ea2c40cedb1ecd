//! How much each member of a combination counts: the inverse of its backtest error to the fourth power, times what the
//! record of all series says of it.
//!
//! Equal weights let one bad member spoil a series; a power of four follows the best ones and still averages equals. Four
//! windows of one series are little to go by, those of all series tell which members are good in general.

use serde::Serialize;

/// The power of the inverse error.
pub const POWER: f64 = 4.0;
/// The power of how a member's errors compare with the best ones in the windows of all series.
pub const POOL_POWER: f64 = 8.0;
/// With so many other series their record counts half.
const POOL_EVEN: f64 = 8.0;
/// No window makes a member better or worse than the best one by more than this.
const RATIO_MAX: f64 = 1e3;
/// The fewest backtest windows that a series' own weights are read from.
pub const WINDOWS_MIN: usize = 4;
/// Errors within this share of the largest one count as none, so that a perfect member does not divide by zero.
const TIE: f64 = 1e-9;

/// Shares of the members, none negative, of sum one.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Weights(Vec<f64>);

impl Weights {
    /// From each member's error in each backtest window, in any unit that the members share; NaN where it gave no
    /// forecast. A member that failed where another one answered gets nothing. `None` where no member ever answered.
    #[must_use]
    pub fn from_errors(errors: &[Vec<f64>]) -> Option<Self> {
        let answered = |member: &Vec<f64>| member.iter().filter(|error| error.is_finite()).count();
        let most = errors.iter().map(answered).max().filter(|most| *most > 0)?;
        let mean = |member: &Vec<f64>| {
            let sum: f64 = member.iter().filter(|error| error.is_finite()).sum();
            (answered(member) == most).then(|| sum / most as f64)
        };
        let means: Vec<Option<f64>> = errors.iter().map(mean).collect();
        let largest = means.iter().flatten().copied().fold(0.0, f64::max);
        let smallest = means.iter().flatten().copied().fold(f64::INFINITY, f64::min);
        let floor = largest * TIE;
        let share = |mean: Option<f64>| match mean {
            Some(mean) if largest > 0.0 => ((smallest + floor) / (mean + floor)).powf(POWER),
            Some(_) => 1.0,
            None => 0.0,
        };
        Self::normalised(means.into_iter().map(share).collect())
    }

    /// The same for all of `count` members, at least one.
    #[must_use]
    pub fn equal(count: usize) -> Option<Self> {
        Self::normalised(vec![1.0; count])
    }

    /// The mean of several series' weights, for a series without a record of its own. `None` where there is none, or
    /// they are of different members.
    #[must_use]
    pub fn pooled<'a>(of: impl IntoIterator<Item = &'a Self>) -> Option<Self> {
        let mut of = of.into_iter();
        let mut sums = of.next()?.0.clone();
        for weights in of {
            if weights.0.len() != sums.len() {
                return None;
            }
            sums.iter_mut().zip(&weights.0).for_each(|(sum, weight)| *sum += weight);
        }
        Self::normalised(sums)
    }

    /// These weights for the members that `answered`, the rest shared out. `None` where none of them has any weight.
    #[must_use]
    pub fn among(&self, answered: impl Fn(usize) -> bool) -> Option<Self> {
        let kept = self.0.iter().enumerate().map(|(member, weight)| if answered(member) { *weight } else { 0.0 });
        Self::normalised(kept.collect())
    }

    /// These weights, times what the record of all series says of the members; unchanged where it is of other members.
    #[must_use]
    pub fn tempered(&self, record: &Record) -> Self {
        if record.0.len() != self.0.len() {
            return self.clone();
        }
        let shares = self.0.iter().zip(&record.0).map(|(share, factor)| share * factor);
        Self::normalised(shares.collect()).unwrap_or_else(|| self.clone())
    }

    /// One share per member.
    #[must_use]
    pub fn shares(&self) -> &[f64] {
        &self.0
    }

    fn normalised(shares: Vec<f64>) -> Option<Self> {
        let sum: f64 = shares.iter().sum();
        (sum > 0.0 && sum.is_finite()).then(|| Self(shares.into_iter().map(|share| share / sum).collect()))
    }
}

/// What the backtests of many series say of each member: a factor for its weight.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Record(Vec<f64>);

impl Record {
    /// From the errors of series, each by member and window as in [`Weights::from_errors`]: how far each member lies above
    /// the best one of a window, as a geometric mean over the windows of all series. One series alone says nothing that its
    /// own weights do not; series of other members than the first do not count.
    #[must_use]
    pub fn of<'a>(series: impl IntoIterator<Item = &'a [Vec<f64>]>) -> Self {
        let (mut sums, mut count) = (Vec::new(), 0.0);
        for errors in series {
            if count == 0.0 {
                sums = vec![(0.0, 0.0); errors.len()];
            }
            if errors.len() == sums.len() {
                count += 1.0;
                add_ratios(errors, &mut sums);
            }
        }
        let others = (count - 1.0_f64).max(0.0);
        let power = POOL_POWER * others / (others + POOL_EVEN);
        let factor = |(sum, count): (f64, f64)| if count > 0.0 { (-power * sum / count).exp() } else { 1.0 };
        Self(sums.into_iter().map(factor).collect())
    }
}

/// Adds the logarithms of the ratios to the best member, window by window, and how many there are.
fn add_ratios(errors: &[Vec<f64>], sums: &mut [(f64, f64)]) {
    let windows = errors.iter().map(Vec::len).max().unwrap_or_default();
    for window in 0..windows {
        let at = |member: &Vec<f64>| member.get(window).copied().filter(|error| error.is_finite());
        let Some(best) = errors.iter().filter_map(at).reduce(f64::min) else { continue };
        for (member, (sum, count)) in errors.iter().zip(sums.iter_mut()) {
            if let Some(error) = at(member) {
                let ratio = if error > best { (error / best).min(RATIO_MAX) } else { 1.0 };
                *sum += ratio.ln();
                *count += 1.0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shares(errors: &[&[f64]]) -> Option<Vec<f64>> {
        let errors: Vec<Vec<f64>> = errors.iter().map(|member| member.to_vec()).collect();
        Weights::from_errors(&errors).map(|weights| weights.0)
    }

    #[test]
    fn half_the_error_counts_sixteen_times() {
        let found = shares(&[&[1.0, 3.0], &[2.0, 6.0]]).expect("both answered");
        assert!((found[0] / found[1] - 16.0).abs() < 1e-4, "{found:?}");
    }

    #[test]
    fn ties_perfection_and_failures() {
        assert_eq!(shares(&[&[0.0, 0.0], &[0.0, 0.0]]), Some(vec![0.5, 0.5]));
        let found = shares(&[&[0.0, 0.0], &[1.0, 1.0]]).expect("both answered");
        assert!(found[0] > 0.999_999, "{found:?}");
        assert_eq!(shares(&[&[f64::NAN, 0.1], &[1.0, 1.0]]), Some(vec![0.0, 1.0]), "it failed once");
        assert_eq!(shares(&[&[f64::NAN], &[f64::NAN]]), None);
        assert_eq!(shares(&[]), None);
    }

    #[test]
    fn shares_move_to_those_that_answered() {
        let weights = Weights(vec![0.5, 0.25, 0.25]);
        assert_eq!(weights.among(|member| member > 0), Some(Weights(vec![0.0, 0.5, 0.5])));
        assert_eq!(weights.among(|_| false), None);
        assert_eq!(Weights::pooled([&weights, &Weights(vec![0.5, 0.5, 0.0])]), Some(Weights(vec![0.5, 0.375, 0.125])));
        assert_eq!(Weights::pooled([&weights, &Weights(vec![1.0])]), None);
    }

    #[test]
    fn what_all_series_say_counts_the_more_the_more_there_are() {
        let errors = vec![vec![1.0; 4], vec![2.0; 4], vec![f64::NAN; 4]];
        let even = Weights::equal(3).expect("three");
        let share = |count: usize| even.tempered(&Record::of(vec![errors.as_slice(); count])).0;
        assert_eq!(share(0), even.0);
        assert_eq!(share(1), even.0);
        let (few, many) = (share(3), share(1_000));
        assert!(few[0] > few[1] && few[1] / few[0] > 0.1, "{few:?}");
        assert!((many[0] / many[1]).log2() > 7.9 && (many[0] - many[2]).abs() < 1e-12, "{many:?}");
        let other = vec![vec![1.0; 4]; 2];
        assert_eq!(even.tempered(&Record::of([other.as_slice(), other.as_slice()])), even, "other members");
    }

    #[test]
    fn perfect_members_and_empty_windows_have_finite_records() {
        let errors = vec![vec![0.0, f64::NAN], vec![1.0, f64::NAN]];
        let found = Weights::equal(2).expect("two").tempered(&Record::of(vec![errors.as_slice(); 9]));
        assert!(found.0[0] > 0.999 && found.0[1] > 0.0, "{found:?}");
    }

    proptest! {
        #[test]
        fn they_are_shares_and_do_not_depend_on_the_unit(
            errors in prop::collection::vec(prop::collection::vec(0.0..1e6_f64, 4), 1..8),
            unit in 1e-3..1e3_f64,
        ) {
            let weights = Weights::from_errors(&errors).expect("all answered");
            prop_assert!((weights.0.iter().sum::<f64>() - 1.0).abs() < 1e-9);
            prop_assert!(weights.0.iter().all(|share| (0.0..=1.0).contains(share)));
            let other: Vec<Vec<f64>> =
                errors.iter().map(|member| member.iter().map(|error| error * unit).collect()).collect();
            let other = Weights::from_errors(&other).expect("all answered");
            prop_assert!(weights.0.iter().zip(&other.0).all(|(a, b)| (a - b).abs() < 1e-6));
        }
    }
}
