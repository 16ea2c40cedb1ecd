//! The forecasting method: which differences and patterns are taken out, the process of what remains, and its state from
//! value to value.

use crate::css::{self, Fit};
use crate::differencing::{differences, differences_needed, is_seasonal};
use crate::order::{Given, Orders};
use crate::polynomial::{Terms, of_lags, product};
use crate::search::search;
use forewarm_sdk::Error;
use forewarm_sdk::numerics::domain::Domain;
use forewarm_sdk::numerics::past::Past;
use forewarm_sdk::numerics::profile;
use forewarm_sdk::numerics::rolling::Method;
use serde::{Deserialize, Serialize};

/// The latest values that parameters are estimated from.
const ESTIMATED_MAX: usize = 2_016;
/// Longer seasons are taken out as a pattern instead of being modelled.
const SEASON_MAX: usize = 400;
/// A pattern that was seen in this many cycles counts half.
const PATTERN_CYCLES: f64 = 6.0;
/// Forecasts stay within the history's range, widened by this share of it at both ends.
const BEYOND_RANGE: f64 = 1.0;
/// The tries of a search where nothing is set.
pub const ORDERS_TRIED: u16 = 20;

/// What an operator can set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// The orders; searched for where absent.
    pub order: Option<Given<false>>,
    /// The orders in whole seasons; searched for where absent.
    pub seasonal_order: Option<Given<true>>,
    /// The most orders that a search tries.
    pub orders_tried: u16,
}

/// A fitted process with its state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Arima {
    domain: Domain,
    /// What repeats in each season that is taken out, from the first value on.
    patterns: Vec<Vec<f64>>,
    /// The autoregression with all differences, `x_t + a_1 x_{t-1} + ... = ...`.
    ar: Terms,
    /// The moving average, `... = e_t + m_1 e_{t-1} + ...`.
    ma: Terms,
    mean: f64,
    parameters: usize,
    range: (f64, f64),
    /// How many values were seen.
    seen: usize,
    /// The latest values without patterns and mean, and the latest errors, as many as the lags reach back.
    values: Vec<f64>,
    errors: Vec<f64>,
}

impl Arima {
    /// The terms of the autoregression with all differences, and those of the moving average.
    #[must_use]
    pub fn terms(&self) -> (&Terms, &Terms) {
        (&self.ar, &self.ma)
    }

    fn pattern(&self, at: usize) -> f64 {
        self.patterns.iter().map(|pattern| pattern[at % pattern.len()]).sum()
    }

    /// What is expected next, given values and errors before it.
    fn expected(&self, values: &[f64], errors: &[f64]) -> f64 {
        let before = |known: &[f64], lag: usize| known.len().checked_sub(lag).map_or(0.0, |at| known[at]);
        // While lags reach back before the first value, the oldest one stands in.
        let oldest = values.first().copied().unwrap_or(0.0);
        let value = |lag: usize| if lag <= values.len() { before(values, lag) } else { oldest };
        let of_values: f64 = self.ar.iter().map(|(lag, factor)| -factor * value(*lag)).sum();
        of_values + self.ma.iter().map(|(lag, factor)| factor * before(errors, *lag)).sum::<f64>()
    }

    fn lags(&self) -> usize {
        let last = |terms: &Terms| terms.last().map_or(0, |(lag, _)| *lag);
        last(&self.ar).max(last(&self.ma)).max(1)
    }

    fn within(&self, value: f64) -> f64 {
        value.clamp(self.range.0, self.range.1)
    }
}

impl Method for Arima {
    type Options = Options;

    fn fit(past: &Past, options: &Options) -> Result<Self, Error> {
        let domain = Domain::new(&past.values, !past.negative);
        let values: Vec<f64> = past.values.iter().map(|value| domain.there(*value)).collect();
        let plan = Plan::new(&values, &past.seasons, options);
        let rest: Vec<f64> = values.iter().enumerate().map(|(at, value)| value - plan.pattern(at)).collect();
        let recent = &rest[rest.len().saturating_sub(ESTIMATED_MAX)..];
        let (differences, found) = plan.estimated(recent, options);
        let low = rest.iter().copied().fold(f64::INFINITY, f64::min);
        let high = rest.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let beyond = BEYOND_RANGE * (high - low);
        let negated = |values: &[f64]| values.iter().map(|value| -value).collect::<Vec<_>>();
        let mut ar = product(&of_lags(&found.ar, 1), &of_lags(&found.seasonal_ar, plan.season));
        for lag in differences {
            ar = product(&ar, &of_lags(&[1.0], lag));
        }
        Ok(Self {
            domain,
            ar,
            ma: product(&of_lags(&negated(&found.ma), 1), &of_lags(&negated(&found.seasonal_ma), plan.season)),
            mean: found.mean,
            parameters: found.free.len() + plan.degrees,
            range: (low - beyond - found.mean, high + beyond - found.mean),
            patterns: plan.patterns,
            seen: 0,
            values: Vec::new(),
            errors: Vec::new(),
        })
    }

    fn push(&mut self, value: Option<f64>) {
        let expected = self.within(self.expected(&self.values, &self.errors));
        let known = value.map(|value| self.domain.there(value) - self.pattern(self.seen) - self.mean);
        let begun = self.values.len() >= self.ar.last().map_or(0, |(lag, _)| *lag);
        self.values.push(known.unwrap_or(expected));
        self.errors.push(known.filter(|_| begun).map_or(0.0, |known| known - expected));
        self.seen += 1;
        let lags = self.lags();
        if self.values.len() > 2 * lags {
            self.values.drain(..self.values.len() - lags);
            self.errors.drain(..self.errors.len() - lags);
        }
    }

    fn predict(&self, horizon: usize) -> Vec<f64> {
        let (mut values, mut errors) = (self.values.clone(), self.errors.clone());
        let mut one = |ahead: usize| {
            let expected = self.within(self.expected(&values, &errors));
            values.push(expected);
            errors.push(0.0);
            self.domain.back(expected + self.mean + self.pattern(self.seen + ahead))
        };
        (0..horizon).map(&mut one).collect()
    }

    fn parameters(&self) -> usize {
        self.parameters
    }
}

/// What is decided before parameters are estimated.
struct Plan {
    /// The season that is modelled; 1 where there is none.
    season: usize,
    /// What is taken out beforehand, drawn to zero where it was seen in few cycles.
    patterns: Vec<Vec<f64>>,
    /// How many numbers the patterns count for.
    degrees: usize,
}

impl Plan {
    /// The shortest season is modelled, unless it is long or the operator wants none; the others are patterns.
    fn new(values: &[f64], seasons: &[usize], options: &Options) -> Self {
        let wanted = match options.seasonal_order {
            Some(given) => <[u8; 3]>::from(given) != [0; 3],
            None => options.order.is_none(),
        };
        let modelled = seasons.first().copied().filter(|season| wanted && *season <= SEASON_MAX);
        let mut patterns = profile::decompose(values, seasons);
        if modelled.is_some() {
            patterns.remove(0);
        }
        let mut degrees = 0.0;
        for pattern in &mut patterns {
            let cycles = values.len() as f64 / pattern.len() as f64;
            let share = cycles / (cycles + PATTERN_CYCLES);
            degrees += share * pattern.len() as f64;
            pattern.iter_mut().for_each(|value| *value *= share);
        }
        Self { season: modelled.unwrap_or(1), patterns, degrees: degrees as usize }
    }

    fn pattern(&self, at: usize) -> f64 {
        self.patterns.iter().map(|pattern| pattern[at % pattern.len()]).sum()
    }

    /// The lags of the differences that were taken, and the process of what they left.
    fn estimated(&self, values: &[f64], options: &Options) -> (Vec<usize>, Fit) {
        let mut lags = Vec::new();
        let seasonal = options.seasonal_order.map_or_else(
            || self.season > 1 && is_seasonal(values, self.season),
            |given| self.season > 1 && given.differences() > 0,
        );
        let mut rest = values.to_vec();
        if seasonal {
            rest = differences(&rest, self.season);
            lags.push(self.season);
        }
        let count = match options.order {
            Some(given) => given.differences(),
            // Seasonal differences leave a level that lasts but returns: the autoregression follows it.
            None if seasonal => 0,
            None => differences_needed(&rest),
        };
        for _ in 0..count {
            rest = differences(&rest, 1);
        }
        lags.resize(lags.len() + count, 1);
        let mean = lags.is_empty();
        let given = if self.season > 1 { options.seasonal_order.map(|given| (given.ar(), given.ma())) } else { None };
        let found = match options.order {
            Some(order) => {
                let (seasonal_ar, seasonal_ma) = given.unwrap_or((0, 0));
                let (ar, ma) = (order.ar(), order.ma());
                css::fit(&rest, Orders { ar, ma, seasonal_ar, seasonal_ma, season: self.season }, mean, 0, &[])
            }
            None => search(&rest, self.season, given, mean, usize::from(options.orders_tried)),
        };
        (lags, found)
    }
}
