//! Lending warm instances on the capacity market: what an owner can spare, what it asks for it, and how it gets
//! instances back. Money is whole micro-credits; prices are micro-credits per instance-second.

mod notice;
mod odds;
mod price;
mod reclaim;
mod surplus;

use crate::time::TimestampMs;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use notice::{Moment, Notice};
pub use odds::Odds;
pub use price::{PRICE_MAX, firm_premium, per_second, reserve_price, shortage_cost};
pub use reclaim::{Need, Recall, Recallable, needed_in_ms, recall};
pub use surplus::{FIRM_LEVEL, RECLAIMABLE_LEVEL, SurplusInput, SurplusSplit, surplus};

/// What a lease promises. The numbers are part of the market's hashed encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum LeaseClass {
    /// Is kept for the whole window.
    Firm = 1,
    /// May be called back by the owner, with notice and compensation.
    Reclaimable = 2,
}

impl LeaseClass {
    /// The class's name, as in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Firm => "firm",
            Self::Reclaimable => "reclaimable",
        }
    }
}

/// A time for which instances are traded: from the beginning until just before the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "RawWindow")]
pub struct DeliveryWindow {
    from: TimestampMs,
    until: TimestampMs,
}

/// A window that ends before it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a delivery window ends after it begins; this one is from {from} until {until}")]
pub struct InvalidWindow {
    from: TimestampMs,
    until: TimestampMs,
}

/// The window as it travels.
#[derive(Deserialize)]
struct RawWindow {
    from: TimestampMs,
    until: TimestampMs,
}

impl TryFrom<RawWindow> for DeliveryWindow {
    type Error = InvalidWindow;
    fn try_from(raw: RawWindow) -> Result<Self, InvalidWindow> {
        Self::new(raw.from, raw.until)
    }
}

impl DeliveryWindow {
    /// From `from` until `until`.
    ///
    /// # Errors
    /// [`InvalidWindow`] when it does not end after it begins.
    pub fn new(from: TimestampMs, until: TimestampMs) -> Result<Self, InvalidWindow> {
        if from < until { Ok(Self { from, until }) } else { Err(InvalidWindow { from, until }) }
    }

    /// When it begins.
    #[must_use]
    pub fn from(self) -> TimestampMs {
        self.from
    }

    /// When it is over.
    #[must_use]
    pub fn until(self) -> TimestampMs {
        self.until
    }

    /// Whether the two have an instant in common.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        self.from < other.until && other.from < self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_end_after_they_begin() {
        let window = |from, until| DeliveryWindow::new(TimestampMs(from), TimestampMs(until));
        assert!(window(5, 5).is_err() && window(6, 5).is_err());
        let (a, b, c) = (window(0, 5).expect("valid"), window(5, 9).expect("valid"), window(4, 6).expect("valid"));
        assert!(!a.overlaps(b) && a.overlaps(c) && c.overlaps(b));
        let text = r#"{"from":"1970-01-01T00:00:01Z","until":"1970-01-01T00:00:00Z"}"#;
        let error = serde_json::from_str::<DeliveryWindow>(text).expect_err("turned round");
        assert!(error.to_string().contains("ends after it begins"), "{error}");
    }
}
