//! The two classes of lease, and what the better one costs on top.

use crate::money::Price;
use serde::{Deserialize, Serialize};
use std::fmt;

pub use forewarm_domain::lending::LeaseClass;

/// What a firm lease costs over a reclaimable one: 0 to [`Price::MAX`] micro-credits per instance-second. Every owner gets
/// at least its reserve and this for a firm lease.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct FirmPremium(u32);

/// A number that is no premium.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a firm premium is 0 to {max} micro-credits per instance-second; got {0}", max = Price::MAX)]
pub struct InvalidPremium(pub i64);

impl FirmPremium {
    /// Micro-credits per instance-second.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<i64> for FirmPremium {
    type Error = InvalidPremium;
    fn try_from(value: i64) -> Result<Self, InvalidPremium> {
        let fits = u32::try_from(value).ok().filter(|fits| *fits <= Price::MAX.get());
        fits.map(Self).ok_or(InvalidPremium(value))
    }
}

impl From<FirmPremium> for i64 {
    fn from(premium: FirmPremium) -> Self {
        premium.0.into()
    }
}

impl fmt::Display for FirmPremium {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn premiums_are_bounded() {
        for bad in [-1, i64::MIN, 1_000_000_001, i64::MAX] {
            assert_eq!(FirmPremium::try_from(bad), Err(InvalidPremium(bad)));
        }
        let message = "a firm premium is 0 to 1000000000 micro-credits per instance-second; got -1";
        assert_eq!(InvalidPremium(-1).to_string(), message);
        assert_eq!(FirmPremium::try_from(0), Ok(FirmPremium::default()));
        assert!(serde_json::from_str::<FirmPremium>("1000000000").is_ok());
    }
}
