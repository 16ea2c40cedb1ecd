//! Earlier times that now may be like: those at about the same time of the season, each with the weight of how much its last
//! season resembles the latest one (kernel weights over distances, as in a Nadaraya-Watson estimate of a whole
//! distribution).
//!
//! How sharply weights fall with the distance is not set but found: so that about [`ALIKE`] candidates count.

/// The weights fall so that this many candidates count, in terms of independent ones.
const ALIKE: f64 = 8.0;
/// After this many seasons a candidate counts half.
const HALF_LIFE: f64 = 14.0;
/// What a candidate counts that is earlier or later in its season than now.
const BESIDE: f64 = 0.5;
/// A candidate may be earlier or later in its season by one of so many parts of it.
const NEAR: usize = 4;
/// How many times as much a candidate counts that is about as far in the longest season as now.
const SAME_PLACE: f64 = 3.0;
/// What distances of shape count beside those of the level, and of the latest part of the season.
const SHAPE: f64 = 6.0;
/// Candidates lie so many parts of a season apart, or a step where it has fewer.
const PARTS: usize = 24;
/// The latest parts of the last season that count by themselves: a twelfth and a third.
const RECENT: [usize; TRAITS - 1] = [12, 3];
/// The least weight, so that some candidate is left for steps that the best ones do not reach.
const LEAST: f64 = 1e-9;
/// Bounds and halvings of the search for the width.
const WIDTHS: (f64, f64) = (1e-3, 50.0);
const HALVINGS: usize = 24;
/// Spreads below this, of values within -1 and 1, are rounding.
const ROUNDING: f64 = 1e-12;

/// How many numbers tell what was seen at a time.
pub const TRAITS: usize = 3;
/// The mean of the season before a time, then those of its latest parts beside it.
pub type Traits = [f64; TRAITS];

/// One earlier time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// The number of values that were known then.
    pub place: usize,
    /// What was seen then.
    pub traits: Traits,
    /// What it counts by its age and phase alone.
    pub prior: f64,
    /// What it counts, by how much it is like now as well.
    pub weight: f64,
}

/// The candidates of a series, and what is seen now.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidates {
    /// Oldest first.
    pub all: Vec<Candidate>,
    /// What is seen now.
    pub now: Traits,
}

impl Candidates {
    /// Looks through values of at least two seasons of `period` steps; `cycle` is the longest season, a multiple of it.
    #[must_use]
    pub fn new(values: &[f64], period: usize, cycle: usize) -> Self {
        let now = Context::at(values, values.len(), period);
        let places = places(values.len(), period);
        let contexts: Vec<Context> = places.iter().map(|(place, _)| Context::at(values, *place, period)).collect();
        let distances = distances(&contexts, &now);
        let age = |place: usize| (values.len() - place) as f64 / period as f64;
        let prior = |(place, beside): &(usize, bool)| {
            let phase = if *beside { BESIDE } else { 1.0 };
            let off = (values.len() - place) % cycle;
            let same = cycle > period && 2 * off.min(cycle - off) < period;
            libm::exp2(-age(*place) / HALF_LIFE) * phase * if same { SAME_PLACE } else { 1.0 }
        };
        let priors: Vec<f64> = places.iter().map(prior).collect();
        let weights = weights(&priors, &distances);
        let candidate = |(((place, _), context), (prior, weight)): (((usize, bool), Context<'_>), (f64, f64))| {
            Candidate { place, traits: context.traits, prior, weight }
        };
        let all = places.into_iter().zip(contexts).zip(priors.into_iter().zip(weights)).map(candidate).collect();
        Self { all, now: now.traits }
    }
}

/// Times of the same phase as the end, or a part of a season to a quarter of it beside, with a whole season before them;
/// oldest first. The flag says which lie beside.
fn places(count: usize, period: usize) -> Vec<(usize, bool)> {
    let part = (period / PARTS).max(1);
    let beside = |place: usize| {
        let off = (count - place) % period;
        off.min(period - off)
    };
    let near = |off: &usize| *off <= period / NEAR && off.is_multiple_of(part);
    (period..count).filter(|place| near(&beside(*place))).map(|place| (place, beside(place) > 0)).collect()
}

/// What was seen at a time: the season before it.
struct Context<'a> {
    season: &'a [f64],
    traits: Traits,
}

impl<'a> Context<'a> {
    fn at(values: &'a [f64], place: usize, period: usize) -> Self {
        let season = &values[place - period..place];
        let level = mean(season);
        let [latest, later] = RECENT.map(|part| mean(&season[period - (period / part).max(1)..]) - level);
        Self { season, traits: [level, latest, later] }
    }

    /// The values beside the level.
    fn shape(&self) -> impl Iterator<Item = f64> {
        self.season.iter().map(|value| value - self.traits[0])
    }
}

/// The squared distances from now, in units of how much the candidates differ among themselves.
fn distances(contexts: &[Context<'_>], now: &Context<'_>) -> Vec<f64> {
    let spread = |index: usize| {
        let all: Vec<f64> = contexts.iter().map(|context| context.traits[index]).collect();
        let middle = mean(&all);
        all.iter().map(|value| (value - middle) * (value - middle)).sum::<f64>() / all.len().max(1) as f64
    };
    let spreads: Traits = std::array::from_fn(spread);
    let middle = middle_shape(contexts, now.season.len());
    let apart = |context: &Context<'_>, other: &mut dyn Iterator<Item = f64>| {
        context.shape().zip(other).map(|(a, b)| (a - b) * (a - b)).sum::<f64>() / now.season.len() as f64
    };
    let shapes: f64 = contexts.iter().map(|context| apart(context, &mut middle.iter().copied())).sum::<f64>()
        / contexts.len().max(1) as f64;
    let distance = |context: &Context<'_>| {
        let trait_apart = |index: usize| {
            let apart = context.traits[index] - now.traits[index];
            apart * apart / (spreads[index] + ROUNDING) * if index > 0 { 1.0 / RECENT.len() as f64 } else { 1.0 }
        };
        (0..TRAITS).map(trait_apart).sum::<f64>() + SHAPE * apart(context, &mut now.shape()) / (shapes + ROUNDING)
    };
    contexts.iter().map(distance).collect()
}

/// The mean of the candidates' shapes.
fn middle_shape(contexts: &[Context<'_>], period: usize) -> Vec<f64> {
    let mut sums = vec![0.0; period];
    for context in contexts {
        sums.iter_mut().zip(context.shape()).for_each(|(sum, value)| *sum += value);
    }
    sums.iter_mut().for_each(|sum| *sum /= contexts.len().max(1) as f64);
    sums
}

/// What candidates count: their priors, falling with the squared distance just so fast that [`ALIKE`] of them count, or
/// all where there are fewer.
fn weights(priors: &[f64], distances: &[f64]) -> Vec<f64> {
    let nearest = distances.iter().copied().fold(f64::INFINITY, f64::min);
    let of = |width: f64| -> Vec<f64> {
        let fall = |distance: &f64| libm::exp(-(distance - nearest) / (2.0 * width * width)) + LEAST;
        priors.iter().zip(distances).map(|(prior, distance)| prior * fall(distance)).collect()
    };
    let (mut narrow, mut wide) = WIDTHS;
    for _ in 0..HALVINGS {
        let middle = (narrow * wide).sqrt();
        if effective(&of(middle)) < ALIKE { narrow = middle } else { wide = middle }
    }
    of((narrow * wide).sqrt())
}

/// How many equal weights say as much (Kish 1965).
#[must_use]
pub fn effective(weights: &[f64]) -> f64 {
    let (sum, squares) =
        weights.iter().fold((0.0, 0.0), |(sum, squares), weight| (sum + weight, squares + weight * weight));
    if squares > 0.0 { sum * sum / squares } else { 0.0 }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_lie_within_a_quarter_of_a_season_of_the_phase_of_now() {
        let of = |count, period, wanted: bool| -> Vec<usize> {
            places(count, period).into_iter().filter(|(_, beside)| *beside == wanted).map(|(place, _)| place).collect()
        };
        assert_eq!(of(100, 24, false), [28, 52, 76]);
        let beside = of(100, 24, true);
        assert_eq!((beside.len(), beside[..4].to_vec(), beside.last()), (40, vec![24, 25, 26, 27], Some(&99)));
        assert_eq!(places(21, 7), [(7, false), (8, true), (13, true), (14, false), (15, true), (20, true)]);
        assert_eq!(of(14_400, 1_440, true).iter().filter(|place| **place > 14_000).collect::<Vec<_>>().len(), 6);
        assert_eq!(places(24, 24), []);
    }

    #[test]
    fn what_looks_like_now_counts_most() {
        // Two kinds of days; the last one is of the second kind.
        let value =
            |step: usize| if (step / 24) % 3 == 2 { (step % 24) as f64 } else { 24.0 - (step % 24) as f64 } / 24.0;
        let values: Vec<f64> = (0..60 * 24).map(value).collect();
        let found = Candidates::new(&values, 24, 24);
        let kind = |candidate: &Candidate| (candidate.place / 24).is_multiple_of(3);
        let of = |wanted: bool| found.all.iter().filter(|one| kind(one) == wanted).map(|one| one.weight).sum::<f64>();
        assert!(of(true) > 20.0 * of(false), "{} {}", of(true), of(false));
    }

    #[test]
    fn about_as_many_candidates_count_as_are_meant_to_however_far_they_are() {
        let noise = |step: usize| ((step as f64 * 0.618_033_988_75).fract() - 0.5) * 0.3;
        for unit in [1.0, 1e-6] {
            let values: Vec<f64> =
                (0..960).map(|step| unit * ((step % 24) as f64 / 24.0 + noise(step * step))).collect();
            let weights: Vec<f64> = Candidates::new(&values, 24, 168).all.iter().map(|one| one.weight).collect();
            assert!((effective(&weights) - ALIKE).abs() < 0.1, "{}", effective(&weights));
        }
    }

    #[test]
    fn a_constant_and_few_values_have_finite_weights() {
        for values in [vec![0.5; 480], vec![0.0; 480], vec![0.25; 48]] {
            let found = Candidates::new(&values, 24, 24);
            assert!(found.all.iter().all(|one| one.weight.is_finite() && one.weight > 0.0), "{found:?}");
        }
    }
}
