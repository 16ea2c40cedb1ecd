//! Who asks: the tenant that a token stands for, and what it may do there.

use forewarm_domain::id::TenantName;
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// What somebody may do for a tenant and everything below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Lists capacity, sees who leases it, and calls it back.
    Owner,
    /// Bids, and uses what was leased.
    Buyer,
    /// Reads orders, leases and money.
    Auditor,
    /// Runs the market: makes organisations, moves money in and out, sets limits. Acts for everyone.
    Operator,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 4] = [Self::Owner, Self::Buyer, Self::Auditor, Self::Operator];

    /// The role's name, as in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Buyer => "buyer",
            Self::Auditor => "auditor",
            Self::Operator => "operator",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A set of roles.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Roles(u8);

impl Roles {
    /// No role.
    pub const NONE: Self = Self(0);

    /// This role too.
    #[must_use]
    pub fn with(self, role: Role) -> Self {
        Self(self.0 | 1 << role as u8)
    }

    /// Whether the role is among them.
    #[must_use]
    pub fn has(self, role: Role) -> bool {
        self.0 & (1 << role as u8) != 0
    }

    /// The roles in the order of [`Role::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL.into_iter().filter(move |role| self.has(*role))
    }
}

impl FromIterator<Role> for Roles {
    fn from_iter<I: IntoIterator<Item = Role>>(roles: I) -> Self {
        roles.into_iter().fold(Self::NONE, Self::with)
    }
}

/// Whoever asks the market for something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The name that the records carry, such as a token's.
    pub name: String,
    /// The cost centre that it speaks for, and all below it. None is an operator's of no organisation.
    pub tenant: Option<TenantName>,
    /// What it may do there.
    pub roles: Roles,
}

impl Caller {
    /// Somebody who runs the market.
    #[must_use]
    pub fn operator(name: impl Into<String>) -> Self {
        Self { name: name.into(), tenant: None, roles: Roles::NONE.with(Role::Operator) }
    }

    /// Somebody with these roles at a cost centre.
    #[must_use]
    pub fn of(tenant: TenantName, name: impl Into<String>, roles: impl IntoIterator<Item = Role>) -> Self {
        Self { name: name.into(), tenant: Some(tenant), roles: roles.into_iter().collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_put_in() {
        let roles = Roles::from_iter([Role::Buyer, Role::Auditor]);
        assert_eq!(roles.iter().collect::<Vec<_>>(), [Role::Buyer, Role::Auditor]);
        assert!(!roles.has(Role::Operator));
        assert!(Role::ALL.iter().all(|role| Roles::from_iter(Role::ALL).has(*role)));
    }
}
