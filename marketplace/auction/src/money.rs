//! Money in whole micro-credits and prices in micro-credits per instance-second. Arithmetic is checked: a sum that does
//! not fit is an error, never a wrong number.

use crate::order::Quantity;
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// An amount in micro-credits; negative where it is owed. A ledger's column holds it as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = i64)]
pub struct MicroCredits(pub i64);

/// A result beyond what an amount can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the amount leaves the range of 64-bit micro-credits; split the quantity or the duration")]
pub struct MoneyOverflow;

impl MicroCredits {
    /// No money.
    pub const ZERO: Self = Self(0);

    /// The sum.
    ///
    /// # Errors
    /// [`MoneyOverflow`] when it does not fit.
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyOverflow> {
        self.0.checked_add(other.0).map(Self).ok_or(MoneyOverflow)
    }

    /// The difference.
    ///
    /// # Errors
    /// [`MoneyOverflow`] when it does not fit.
    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyOverflow> {
        self.0.checked_sub(other.0).map(Self).ok_or(MoneyOverflow)
    }
}

impl fmt::Display for MicroCredits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A limit, a reserve or a clearing price: 1 to [`Price::MAX`] micro-credits per instance-second. One micro-credit is the
/// tick, so quantity x price x seconds is exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "i64", into = "i64")]
#[schema(value_type = i64, minimum = 1, maximum = 1_000_000_000)]
pub struct Price(u32);

/// A number that is no price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a price is 1 to {max} micro-credits per instance-second; got {0}", max = Price::MAX.0)]
pub struct InvalidPrice(pub i64);

impl Price {
    /// A thousand credits per instance-second.
    pub const MAX: Self = Self(1_000_000_000);

    /// Micro-credits per instance-second.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0
    }

    /// For prices that are positive and bounded because valid ones went in.
    pub(crate) fn within(micro_credits: u32) -> Self {
        debug_assert!((1..=Self::MAX.0).contains(&micro_credits), "a price of {micro_credits}");
        Self(micro_credits)
    }

    /// What `quantity` instances cost for `seconds` at this price.
    ///
    /// # Errors
    /// [`MoneyOverflow`] when the amount does not fit.
    pub fn cost(self, quantity: Quantity, seconds: u32) -> Result<MicroCredits, MoneyOverflow> {
        let exact = u128::from(self.0) * u128::from(quantity.get()) * u128::from(seconds);
        exact.try_into().map(MicroCredits).map_err(|_| MoneyOverflow)
    }
}

impl TryFrom<i64> for Price {
    type Error = InvalidPrice;
    fn try_from(value: i64) -> Result<Self, InvalidPrice> {
        let fits = u32::try_from(value).ok().filter(|fits| (1..=Self::MAX.0).contains(fits));
        fits.map(Self).ok_or(InvalidPrice(value))
    }
}

impl From<Price> for i64 {
    fn from(price: Price) -> Self {
        price.0.into()
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_exact_and_checked() {
        let (price, quantity) = (Price::try_from(250).expect("valid"), Quantity::try_from(12).expect("valid"));
        assert_eq!(price.cost(quantity, 3_600), Ok(MicroCredits(10_800_000)));
        assert_eq!(Price::MAX.cost(Quantity::MAX, 3_600), Ok(MicroCredits(3_600_000_000_000_000_000)));
        assert_eq!(Price::MAX.cost(Quantity::MAX, 86_400), Err(MoneyOverflow));
    }

    #[test]
    fn sums_do_not_wrap() {
        let (most, least, one) = (MicroCredits(i64::MAX), MicroCredits(i64::MIN), MicroCredits(1));
        assert_eq!(most.checked_add(one), Err(MoneyOverflow));
        assert_eq!(least.checked_sub(one), Err(MoneyOverflow));
        assert_eq!(MicroCredits(2).checked_sub(MicroCredits(5)), Ok(MicroCredits(-3)));
    }

    #[test]
    fn prices_are_positive_and_bounded() {
        for bad in [0, -1, i64::MIN, 1_000_000_001, 4_294_967_297, i64::MAX] {
            assert_eq!(Price::try_from(bad), Err(InvalidPrice(bad)));
        }
        let message = "a price is 1 to 1000000000 micro-credits per instance-second; got -7";
        assert_eq!(Price::try_from(-7).expect_err("negative").to_string(), message);
        assert!(serde_json::from_str::<Price>("0").is_err());
        assert_eq!(serde_json::to_string(&Price::MAX).expect("a number"), "1000000000");
    }
}
