//! What happened, told to whoever listens: an event is written in the transaction that it tells of, and leaves later.

use super::round::RoundId;
use forewarm_domain::{id::TenantName, time::TimestampMs};
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;
use uuid::Uuid;

/// What kind of thing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MarketTopic {
    /// A round takes no more orders.
    RoundSealed,
    /// A round's leases and transfers are booked.
    RoundSettled,
    /// A bid or an offer traded: leases were made.
    OrderFilled,
    /// A bid or an offer ended without trading all of it.
    OrderEnded,
    /// A tenant has its instances.
    LeaseActive,
    /// An owner wants its instances back.
    LeaseReclaiming,
    /// A lease ends soon.
    LeaseExpiring,
    /// A tenant has lost its instances: the lease is over.
    LeaseRevoked,
    /// The instances are back with their owner.
    LeaseReturned,
    /// An instance could not be wiped.
    LeaseQuarantined,
    /// An account has less than its alert.
    LowBalance,
}

impl MarketTopic {
    /// Every topic.
    pub const ALL: [Self; 11] = [
        Self::RoundSealed,
        Self::RoundSettled,
        Self::OrderFilled,
        Self::OrderEnded,
        Self::LeaseActive,
        Self::LeaseReclaiming,
        Self::LeaseExpiring,
        Self::LeaseRevoked,
        Self::LeaseReturned,
        Self::LeaseQuarantined,
        Self::LowBalance,
    ];

    /// The topic's name, as in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RoundSealed => "round_sealed",
            Self::RoundSettled => "round_settled",
            Self::OrderFilled => "order_filled",
            Self::OrderEnded => "order_ended",
            Self::LeaseActive => "lease_active",
            Self::LeaseReclaiming => "lease_reclaiming",
            Self::LeaseExpiring => "lease_expiring",
            Self::LeaseRevoked => "lease_revoked",
            Self::LeaseReturned => "lease_returned",
            Self::LeaseQuarantined => "lease_quarantined",
            Self::LowBalance => "low_balance",
        }
    }

    /// The topic of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.as_str() == name)
    }
}

impl fmt::Display for MarketTopic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// An event on its way out. Rows stay after they have left: readers go by the sequence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OutboxEvent {
    /// Rises with every event.
    pub sequence: i64,
    /// Tells repeated deliveries apart; derived from what it tells of.
    pub id: Uuid,
    /// When it happened.
    pub at: TimestampMs,
    /// What kind of thing happened.
    pub topic: MarketTopic,
    /// Whom it concerns; none is everybody.
    pub tenant: Option<TenantName>,
    /// The order, lease, round or account that it is about.
    pub subject: String,
    /// The round that it belongs to.
    pub round: Option<RoundId>,
    /// Particulars of the topic.
    #[schema(value_type = Object)]
    pub data: serde_json::Value,
}
