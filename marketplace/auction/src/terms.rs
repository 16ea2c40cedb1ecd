//! What a book's leases are settled by: how long they last, what the market keeps, and what calling one back costs.

use crate::{
    money::{MicroCredits, MoneyOverflow, Price},
    order::Quantity,
};
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// How long a lease lasts: 1 second to [`LeaseDuration::MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "i64", into = "i64")]
#[schema(value_type = i64, minimum = 1, maximum = 2_678_400)]
pub struct LeaseDuration(u32);

/// A number that is no duration of a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a lease lasts 1 to {max} seconds (31 days); got {0}", max = LeaseDuration::MAX.0)]
pub struct InvalidDuration(pub i64);

impl LeaseDuration {
    /// 31 days.
    pub const MAX: Self = Self(31 * 24 * 3_600);

    /// In seconds.
    #[must_use]
    pub fn seconds(self) -> u32 {
        self.0
    }
}

impl TryFrom<i64> for LeaseDuration {
    type Error = InvalidDuration;
    fn try_from(seconds: i64) -> Result<Self, InvalidDuration> {
        let fits = u32::try_from(seconds).ok().filter(|fits| (1..=Self::MAX.0).contains(fits));
        fits.map(Self).ok_or(InvalidDuration(seconds))
    }
}

impl From<LeaseDuration> for i64 {
    fn from(duration: LeaseDuration) -> Self {
        duration.0.into()
    }
}

/// A share of an amount: 0 to a million parts per million.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "i64", into = "i64")]
#[schema(value_type = i64, minimum = 0, maximum = 1_000_000)]
pub struct PartsPerMillion(u32);

/// A number that is no share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a rate is 0 to {WHOLE} parts per million; got {0}")]
pub struct InvalidRate(pub i64);

const WHOLE: i64 = 1_000_000;

impl PartsPerMillion {
    /// The number of parts.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0
    }

    /// The share of an amount that is not negative, in whole micro-credits from below: what the market takes.
    #[must_use]
    pub fn of_rounded_down(self, amount: MicroCredits) -> MicroCredits {
        self.share(amount, 0)
    }

    /// The same from above: what somebody is compensated with.
    #[must_use]
    pub fn of_rounded_up(self, amount: MicroCredits) -> MicroCredits {
        self.share(amount, WHOLE - 1)
    }

    /// The share in millionths and a `surcharge` of those, in whole micro-credits from below.
    fn share(self, amount: MicroCredits, surcharge: i64) -> MicroCredits {
        let millionths = i128::from(amount.0.max(0)) * i128::from(self.0) + i128::from(surcharge);
        // A share is at most the amount, so that it fits.
        MicroCredits(i64::try_from(millionths / i128::from(WHOLE)).unwrap_or(i64::MAX))
    }
}

impl TryFrom<i64> for PartsPerMillion {
    type Error = InvalidRate;
    fn try_from(parts: i64) -> Result<Self, InvalidRate> {
        let fits = u32::try_from(parts).ok().filter(|_| parts <= WHOLE);
        fits.map(Self).ok_or(InvalidRate(parts))
    }
}

impl From<PartsPerMillion> for i64 {
    fn from(rate: PartsPerMillion) -> Self {
        rate.0.into()
    }
}

impl fmt::Display for PartsPerMillion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The terms of all leases of one book.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// How long the leases last.
    pub duration: LeaseDuration,
    /// What of the cost the market keeps, rounded down.
    pub fee: PartsPerMillion,
    /// What a tenant gets on top of its refund when its lease is called back, of the price of the unused time, rounded up.
    pub compensation: PartsPerMillion,
}

/// What an owner owes for calling back a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Reclaim {
    /// The price of the unused time.
    pub refund: MicroCredits,
    /// What comes on top.
    pub compensation: MicroCredits,
}

impl Terms {
    /// What calling back `units` costs with `unused_seconds` left. It never rises as time passes.
    ///
    /// # Errors
    /// [`MoneyOverflow`] when the amount does not fit.
    pub fn reclaim(&self, price: Price, units: Quantity, unused_seconds: u32) -> Result<Reclaim, MoneyOverflow> {
        let refund = price.cost(units, unused_seconds.min(self.duration.seconds()))?;
        Ok(Reclaim { refund, compensation: self.compensation.of_rounded_up(refund) })
    }
}

impl Reclaim {
    /// Refund and compensation.
    ///
    /// # Errors
    /// [`MoneyOverflow`] when the sum does not fit.
    pub fn total(&self) -> Result<MicroCredits, MoneyOverflow> {
        self.refund.checked_add(self.compensation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(parts: i64) -> PartsPerMillion {
        parts.try_into().expect("a rate")
    }

    #[test]
    fn shares_are_whole_and_never_more_than_all() {
        for (parts, amount, down, up) in [
            (0, 1_000, 0, 0),
            (1, 1, 0, 1),
            (500_000, 3, 1, 2),
            (1_000_000, 7, 7, 7),
            (1_000_000, i64::MAX, i64::MAX, i64::MAX),
            (999_999, i64::MAX, 9_223_362_813_482_738_952, 9_223_362_813_482_738_953),
        ] {
            let amount = MicroCredits(amount);
            let found = (rate(parts).of_rounded_down(amount), rate(parts).of_rounded_up(amount));
            assert_eq!(found, (MicroCredits(down), MicroCredits(up)), "{parts} of {amount}");
        }
    }

    #[test]
    fn rates_and_durations_are_bounded() {
        for bad in [-1, 1_000_001, i64::MAX, i64::MIN] {
            assert_eq!(PartsPerMillion::try_from(bad), Err(InvalidRate(bad)));
        }
        for bad in [-1, 0, 2_678_401, i64::MAX] {
            assert_eq!(LeaseDuration::try_from(bad), Err(InvalidDuration(bad)));
        }
        assert_eq!(InvalidDuration(0).to_string(), "a lease lasts 1 to 2678400 seconds (31 days); got 0");
        assert_eq!(InvalidRate(-1).to_string(), "a rate is 0 to 1000000 parts per million; got -1");
    }

    #[test]
    fn calling_back_costs_the_unused_time_and_the_compensation() {
        let terms = Terms { duration: LeaseDuration(60), fee: rate(0), compensation: rate(250_000) };
        let (price, units) = (Price::within(3), Quantity::within(2));
        let cost = |seconds| terms.reclaim(price, units, seconds).expect("fits");
        assert_eq!(cost(0), Reclaim { refund: MicroCredits(0), compensation: MicroCredits(0) });
        assert_eq!(cost(1), Reclaim { refund: MicroCredits(6), compensation: MicroCredits(2) });
        assert_eq!(cost(60), Reclaim { refund: MicroCredits(360), compensation: MicroCredits(90) });
        assert_eq!(cost(61), cost(60), "no more than all of it is unused");
        let long = Terms { duration: LeaseDuration::MAX, ..terms };
        assert_eq!(long.reclaim(Price::MAX, Quantity::MAX, u32::MAX), Err(MoneyOverflow));
    }
}
