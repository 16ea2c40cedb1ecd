//! Who takes part: organisations, each a tree of cost centres. Every cost centre is a tenant with an account of its own;
//! the root carries the organisation's name.

use super::account::{Currency, ExchangeRate};
use forewarm_domain::{id::TenantName, time::TimestampMs};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Whose an organisation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrganisationKind {
    /// One of the installation's own: pays and is paid in credits, may offer capacity.
    Internal,
    /// A customer from outside, with an account in its own currency: only buys.
    External,
}

/// A tree of cost centres. Nothing is traded inside one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Organisation {
    /// Its name, and that of its root cost centre.
    pub name: TenantName,
    /// Whose it is.
    pub kind: OrganisationKind,
    /// The currency of all its accounts.
    pub currency: Currency,
    /// What a credit costs in that currency. An order keeps the rate of its placing.
    pub rate: ExchangeRate,
    /// When it was made.
    pub created_at: TimestampMs,
}

/// What it takes to make an organisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOrganisation {
    /// Its name: free among all cost centres.
    pub name: TenantName,
    /// Whose it is.
    pub kind: OrganisationKind,
    /// The currency of its accounts: credits for an internal one.
    pub currency: Currency,
    /// What a credit costs in that currency: parity for an internal one.
    pub rate: ExchangeRate,
}

/// A part of an organisation with an account of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CostCentre {
    /// Its name, unique among all cost centres of the market.
    pub name: TenantName,
    /// The root of its tree.
    pub organisation: TenantName,
    /// The one above it; none above the root.
    pub parent: Option<TenantName>,
    /// When it was made.
    pub created_at: TimestampMs,
}

/// What it takes to make a cost centre.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCostCentre {
    /// Its name: free among all cost centres.
    pub name: TenantName,
    /// The one above it.
    pub parent: TenantName,
}
