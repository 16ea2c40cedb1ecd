//! The orders of a process, as an operator gives them and as a search moves among them.

use serde::{Deserialize, Serialize};

/// The most of each part: autoregression, differences, moving average.
pub const ORDER_MAX: [u8; 3] = [5, 2, 5];
/// The same for lags of whole seasons.
pub const SEASONAL_MAX: [u8; 3] = [2, 1, 2];

/// Orders that an operator gives: of the autoregression, the differences and the moving average.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "[u8; 3]", into = "[u8; 3]")]
pub struct Given<const SEASONAL: bool>([u8; 3]);

impl<const SEASONAL: bool> TryFrom<[u8; 3]> for Given<SEASONAL> {
    type Error = String;

    fn try_from(orders: [u8; 3]) -> Result<Self, String> {
        let most = if SEASONAL { SEASONAL_MAX } else { ORDER_MAX };
        match orders.iter().zip(most).all(|(order, most)| *order <= most) {
            true => Ok(Self(orders)),
            false => Err(format!("orders are at most {most:?}, got {orders:?}")),
        }
    }
}

impl<const SEASONAL: bool> From<Given<SEASONAL>> for [u8; 3] {
    fn from(given: Given<SEASONAL>) -> Self {
        given.0
    }
}

impl<const SEASONAL: bool> Given<SEASONAL> {
    /// The order of the autoregression.
    #[must_use]
    pub fn ar(self) -> usize {
        usize::from(self.0[0])
    }

    /// How often differences are taken.
    #[must_use]
    pub fn differences(self) -> usize {
        usize::from(self.0[1])
    }

    /// The order of the moving average.
    #[must_use]
    pub fn ma(self) -> usize {
        usize::from(self.0[2])
    }
}

/// The orders of a process of differenced values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Orders {
    /// Lags of the autoregression.
    pub ar: usize,
    /// Lags of the moving average.
    pub ma: usize,
    /// Lags of the autoregression in whole seasons.
    pub seasonal_ar: usize,
    /// Lags of the moving average in whole seasons.
    pub seasonal_ma: usize,
    /// The season in steps; 1 where there is none, and no seasonal lags then.
    pub season: usize,
}

impl Orders {
    /// How many coefficients there are.
    #[must_use]
    pub fn count(self) -> usize {
        self.ar + self.ma + self.seasonal_ar + self.seasonal_ma
    }

    /// The farthest lag of the autoregression.
    #[must_use]
    pub fn lags_of_ar(self) -> usize {
        self.ar + self.seasonal_ar * self.season
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_beyond_the_bounds_are_refused() {
        assert!(Given::<false>::try_from([5, 2, 5]).is_ok() && Given::<true>::try_from([2, 1, 2]).is_ok());
        for orders in [[6, 0, 0], [0, 3, 0], [0, 0, 6]] {
            assert!(Given::<false>::try_from(orders).is_err_and(|text| text.contains("at most")));
        }
        assert!(Given::<true>::try_from([0, 2, 0]).is_err());
    }
}
