//! The stepwise search for orders of Hyndman and Khandakar (2008), bounded by how many are tried, so that the same input
//! gives the same orders on every machine.

use crate::css::{Fit, fit};
use crate::order::{ORDER_MAX, Orders, SEASONAL_MAX};
use std::collections::BTreeSet;

/// The most coefficients of a process that is tried.
const COEFFICIENTS_MAX: usize = 5;
/// Changes of the orders (autoregression, moving average, and the same in seasons) that are tried around the best.
const MOVES: [[i8; 4]; 16] = [
    [0, 0, -1, 0],
    [0, 0, 0, -1],
    [0, 0, 1, 0],
    [0, 0, 0, 1],
    [0, 0, -1, -1],
    [0, 0, 1, 1],
    [-1, 0, 0, 0],
    [0, -1, 0, 0],
    [1, 0, 0, 0],
    [0, 1, 0, 0],
    [-1, -1, 0, 0],
    [1, 1, 0, 0],
    [1, -1, 0, 0],
    [-1, 1, 0, 0],
    [0, 0, 1, -1],
    [0, 0, -1, 1],
];

/// Finds the process of the least criterion for differenced values, of a `season` in steps (1 for none), with a mean
/// where `mean`; at most `tries` orders are fitted, at least one. The orders of the seasonal autoregression and moving
/// average may be `given`.
#[must_use]
pub fn search(values: &[f64], season: usize, given: Option<(usize, usize)>, mean: bool, tries: usize) -> Fit {
    let first = first(values.len(), season);
    let mut search = Search { values, given, mean, first, tries, tried: BTreeSet::new() };
    let seasonal = usize::from(season > 1);
    let orders = |ar, ma, seasonal_ar, seasonal_ma| {
        let (seasonal_ar, seasonal_ma) = given.unwrap_or((seasonal_ar, seasonal_ma));
        Orders { ar, ma, seasonal_ar, seasonal_ma, season }
    };
    let mut best = search.fit(orders(0, 1, 0, seasonal), &[]);
    for start in [orders(1, 0, seasonal, 0), orders(2, 2, seasonal, seasonal), orders(0, 0, 0, 0)] {
        search.improve(start, &mut best);
    }
    while MOVES.iter().any(|step| moved(best.orders, step).is_some_and(|next| search.improve(next, &mut best))) {}
    best
}

/// Where errors begin to count for all orders alike, as far as a quarter of the values allows.
fn first(count: usize, season: usize) -> usize {
    let farthest = usize::from(ORDER_MAX[0]) + if season > 1 { usize::from(SEASONAL_MAX[0]) * season } else { 0 };
    farthest.min(count / 4)
}

struct Search<'a> {
    values: &'a [f64],
    given: Option<(usize, usize)>,
    mean: bool,
    first: usize,
    tries: usize,
    tried: BTreeSet<Orders>,
}

impl Search<'_> {
    fn fit(&mut self, orders: Orders, start: &[f64]) -> Fit {
        self.tried.insert(orders);
        fit(self.values, orders, self.mean, self.first, start)
    }

    /// Whether some orders are worth a try, and one is left.
    fn is_open(&self, orders: Orders) -> bool {
        let fits = self.given.is_none_or(|given| given == (orders.seasonal_ar, orders.seasonal_ma));
        let small = orders.count() <= COEFFICIENTS_MAX && 2 * orders.lags_of_ar() < self.values.len();
        fits && small && self.tried.len() < self.tries && !self.tried.contains(&orders)
    }

    /// Tries some orders, and tells whether they are the best now.
    fn improve(&mut self, orders: Orders, best: &mut Fit) -> bool {
        if !self.is_open(orders) {
            return false;
        }
        let found = self.fit(orders, &carried_over(best, orders, self.mean));
        let better = found.criterion() < best.criterion();
        if better {
            *best = found;
        }
        better
    }
}

/// Orders that differ by a step, within the bounds.
fn moved(from: Orders, step: &[i8; 4]) -> Option<Orders> {
    let part = |order: usize, by: i8, most: u8| {
        order.checked_add_signed(isize::from(by)).filter(|order| *order <= usize::from(most))
    };
    let seasonal = |most: u8| if from.season > 1 { most } else { 0 };
    Some(Orders {
        ar: part(from.ar, step[0], ORDER_MAX[0])?,
        ma: part(from.ma, step[1], ORDER_MAX[2])?,
        seasonal_ar: part(from.seasonal_ar, step[2], seasonal(SEASONAL_MAX[0]))?,
        seasonal_ma: part(from.seasonal_ma, step[3], seasonal(SEASONAL_MAX[2]))?,
        season: from.season,
    })
}

/// The free parameters of a fit, laid out for other orders: what they share is kept, the rest begins at zero.
fn carried_over(from: &Fit, to: Orders, mean: bool) -> Vec<f64> {
    let counts = |orders: Orders| [orders.ar, orders.ma, orders.seasonal_ar, orders.seasonal_ma];
    let mut free = Vec::with_capacity(to.count() + 1);
    let mut at = 0;
    for (had, wanted) in counts(from.orders).into_iter().zip(counts(to)) {
        let part = from.free.get(at..at + had).unwrap_or_default();
        free.extend(part.iter().copied().chain(std::iter::repeat(0.0)).take(wanted));
        at += had;
    }
    if mean {
        free.push(from.mean);
    }
    free
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::differencing::differences;
    use crate::published::{WWW_USAGE, air_passengers};

    fn orders(fit: &Fit) -> [usize; 4] {
        [fit.orders.ar, fit.orders.ma, fit.orders.seasonal_ar, fit.orders.seasonal_ma]
    }

    /// R's `auto.arima(WWWusage)` gives (1, 1, 1).
    #[test]
    fn www_usage_has_its_published_orders() {
        let found = search(&differences(&WWW_USAGE, 1), 1, None, false, 50);
        assert_eq!(orders(&found), [1, 1, 0, 0]);
    }

    /// R's `auto.arima(log(AirPassengers))` gives the airline model.
    #[test]
    fn the_airline_model_is_found() {
        let found = search(&differences(&differences(&air_passengers(), 12), 1), 12, None, false, 50);
        assert_eq!(orders(&found), [0, 1, 0, 1]);
    }

    #[test]
    fn given_seasonal_orders_are_kept_and_tries_are_bounded() {
        let values = differences(&air_passengers(), 12);
        assert_eq!(orders(&search(&values, 12, Some((1, 0)), false, 50))[2..], [1, 0]);
        let few = search(&values, 12, None, false, 1);
        assert_eq!(orders(&few), [0, 1, 0, 1], "the first that is tried");
    }

    #[test]
    fn short_series_end_in_some_fit() {
        for count in [0, 1, 5, 30] {
            assert!(search(&vec![1.0; count], 12, None, true, 50).variance.is_finite());
        }
    }
}
