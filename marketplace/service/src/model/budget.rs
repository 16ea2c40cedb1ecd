//! What a cost centre and all below it may spend in a period.

use super::account::Currency;
use forewarm_auction::MicroCredits;
use forewarm_domain::{id::TenantName, time::TimestampMs};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// A limit of spending, as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBudget {
    /// Whose, with all below it.
    pub tenant: TenantName,
    /// What it is counted in: the currency of the organisation.
    pub currency: Currency,
    /// Bids placed from this instant on count.
    pub from: TimestampMs,
    /// Bids placed from this instant on no longer count.
    pub to: TimestampMs,
    /// The most.
    pub limit: MicroCredits,
}

/// A limit of spending and what was used of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// Names it.
    pub id: Uuid,
    /// Whose, with all below it.
    pub tenant: TenantName,
    /// What it is counted in.
    pub currency: Currency,
    /// Bids placed from this instant on count.
    pub from: TimestampMs,
    /// Bids placed from this instant on no longer count.
    pub to: TimestampMs,
    /// The most.
    pub limit: MicroCredits,
    /// Held and paid by bids of the period, less what came back as refunds.
    pub used: MicroCredits,
}
