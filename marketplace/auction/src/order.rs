//! What stands in a book: asks of capacity owners and bids of tenants, with the numbers they are made of.

use crate::money::Price;
use forewarm_domain::id::TenantName;
use serde::{Deserialize, Serialize};
use std::{cmp::Ordering, fmt, num::NonZeroU64};
use utoipa::ToSchema;
use uuid::Uuid;

/// One order, ask or bid, for as long as it lives; unique across both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = Uuid)]
pub struct OrderId(pub Uuid);

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The round in which an order entered, counted per market. An order that is carried over keeps it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = u64)]
pub struct RoundNumber(pub u64);

impl fmt::Display for RoundNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A number of instances, 1 to [`Quantity::MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "i64", into = "i64")]
#[schema(value_type = i64, minimum = 1, maximum = 1_000_000)]
pub struct Quantity(u32);

/// A number that is no quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a quantity is 1 to {max} instances; got {0}", max = Quantity::MAX.0)]
pub struct InvalidQuantity(pub i64);

impl Quantity {
    /// A million instances.
    pub const MAX: Self = Self(1_000_000);

    /// The number of instances.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0
    }

    /// For numbers that are positive and bounded because valid ones went in.
    pub(crate) fn within(units: u32) -> Self {
        debug_assert!((1..=Self::MAX.0).contains(&units), "{units} units");
        Self(units)
    }
}

impl TryFrom<i64> for Quantity {
    type Error = InvalidQuantity;
    fn try_from(value: i64) -> Result<Self, InvalidQuantity> {
        let fits = u32::try_from(value).ok().filter(|fits| (1..=Self::MAX.0).contains(fits));
        fits.map(Self).ok_or(InvalidQuantity(value))
    }
}

impl From<Quantity> for i64 {
    fn from(quantity: Quantity) -> Self {
        quantity.0.into()
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A tenant's largest share of any resource (dominant resource fairness: Ghodsi et al. 2011), as a ratio of integers in
/// lowest terms. Among equal bids the lower share goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "RawShare", into = "RawShare")]
pub struct DominantShare {
    part: u64,
    whole: NonZeroU64,
}

/// The ratio as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawShare {
    part: u64,
    whole: u64,
}

/// A ratio to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a dominant share of {part} in 0 has no value; say how much there is in all")]
pub struct InvalidShare {
    /// What the tenant has.
    pub part: u64,
}

impl DominantShare {
    /// Holds nothing yet.
    pub const NONE: Self = Self { part: 0, whole: NonZeroU64::MIN };

    /// `part` of `whole`, both in the same unit. More than the whole is allowed: capacity can shrink under its users.
    ///
    /// # Errors
    /// [`InvalidShare`] when `whole` is zero.
    pub fn new(part: u64, whole: u64) -> Result<Self, InvalidShare> {
        let divisor = greatest_common_divisor(part, whole).max(1);
        let whole = NonZeroU64::new(whole / divisor).ok_or(InvalidShare { part })?;
        Ok(Self { part: part / divisor, whole })
    }

    /// The numerator in lowest terms.
    #[must_use]
    pub fn part(self) -> u64 {
        self.part
    }

    /// The denominator in lowest terms.
    #[must_use]
    pub fn whole(self) -> u64 {
        self.whole.get()
    }
}

fn greatest_common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

impl Ord for DominantShare {
    fn cmp(&self, other: &Self) -> Ordering {
        let scaled = |share: &Self, whole: NonZeroU64| u128::from(share.part) * u128::from(whole.get());
        scaled(self, other.whole).cmp(&scaled(other, self.whole))
    }
}

impl PartialOrd for DominantShare {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl TryFrom<RawShare> for DominantShare {
    type Error = InvalidShare;
    fn try_from(raw: RawShare) -> Result<Self, InvalidShare> {
        Self::new(raw.part, raw.whole)
    }
}

impl From<DominantShare> for RawShare {
    fn from(share: DominantShare) -> Self {
        Self { part: share.part, whole: share.whole.get() }
    }
}

/// An offer of a capacity owner, as the auction sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// Names the order.
    pub id: OrderId,
    /// The least price that the owner takes.
    pub reserve: Price,
    /// The instances on offer.
    pub quantity: Quantity,
    /// When it entered.
    pub entry_round: RoundNumber,
    /// The root of the owner's cost-centre tree: nothing is traded inside one.
    pub organisation: TenantName,
}

/// A tenant's wish to lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bid {
    /// Names the order.
    pub id: OrderId,
    /// The most that the tenant pays.
    pub limit: Price,
    /// The instances wanted.
    pub quantity: Quantity,
    /// Fewer than this are of no use; any number is where absent.
    pub min_fill: Option<Quantity>,
    /// When it entered.
    pub entry_round: RoundNumber,
    /// The root of the tenant's cost-centre tree: nothing is traded inside one.
    pub organisation: TenantName,
    /// What the tenant already holds, at the seal.
    pub dominant_share: DominantShare,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_positive_and_bounded() {
        for bad in [0, -1, 1_000_001, i64::MAX, i64::MIN] {
            assert_eq!(Quantity::try_from(bad), Err(InvalidQuantity(bad)));
        }
        let error = Quantity::try_from(0).expect_err("zero");
        assert_eq!(error.to_string(), "a quantity is 1 to 1000000 instances; got 0");
    }

    #[test]
    fn shares_compare_by_value() {
        let share = |part, whole| DominantShare::new(part, whole).expect("valid");
        assert_eq!(share(2, 4), share(1, 2));
        assert_eq!(share(0, 9), DominantShare::NONE);
        assert!(share(1, 3) < share(334, 1_000));
        assert!(share(u64::MAX - 1, u64::MAX) < share(1, 1));
        assert_eq!(DominantShare::new(5, 0), Err(InvalidShare { part: 5 }));
        assert_eq!(DominantShare::new(0, 0), Err(InvalidShare { part: 0 }));
        assert!(serde_json::from_str::<DominantShare>(r#"{"part":1,"whole":0}"#).is_err());
    }
}
