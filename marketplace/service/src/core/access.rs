//! Who may do what: a caller acts for its cost centre and everything below it.

use super::state::State;
use crate::{
    error::MarketError,
    model::{Caller, CostCentre, Role},
};
use forewarm_domain::id::TenantName;

impl State {
    /// The cost centre, if the caller may act there in one of the roles. An operator may everywhere.
    ///
    /// # Errors
    /// [`MarketError::NotFound`] for what is not the caller's, so that nobody learns of others' names;
    /// [`MarketError::Forbidden`] for what is and lacks the role.
    pub(crate) fn allow(&self, by: &Caller, tenant: &TenantName, roles: &[Role]) -> Result<&CostCentre, MarketError> {
        let missing = || MarketError::not_found("tenant", tenant);
        let centre = self.centres.get(tenant).ok_or_else(missing)?;
        if !self.sees(by, tenant) {
            return Err(missing());
        }
        if by.roles.has(Role::Operator) || roles.iter().any(|role| by.roles.has(*role)) {
            return Ok(centre);
        }
        Err(MarketError::Forbidden { role: roles.first().copied().unwrap_or(Role::Operator) })
    }

    /// Whether the tenant is the caller's own or below it.
    pub(crate) fn sees(&self, by: &Caller, tenant: &TenantName) -> bool {
        match &by.tenant {
            None => by.roles.has(Role::Operator) || by.roles.has(Role::Auditor),
            Some(own) => by.roles.has(Role::Operator) || self.upwards(tenant).any(|centre| centre.name == *own),
        }
    }

    /// The cost centre and all above it, up to the root.
    pub(crate) fn upwards(&self, tenant: &TenantName) -> impl Iterator<Item = &CostCentre> {
        std::iter::successors(self.centres.get(tenant), |centre| self.centres.get(centre.parent.as_ref()?))
    }

    /// The caller's cost centres, those below `within` if that is given; none when the caller may see all.
    ///
    /// # Errors
    /// [`MarketError::NotFound`] when `within` is not the caller's.
    pub(crate) fn visible(
        &self,
        by: &Caller,
        within: Option<&TenantName>,
    ) -> Result<Option<Vec<TenantName>>, MarketError> {
        if let Some(tenant) = within {
            self.allow(by, tenant, &Role::ALL)?;
        }
        let Some(top) = within.or(by.tenant.as_ref().filter(|_| !by.roles.has(Role::Operator))) else {
            return if self.sees_all(by) { Ok(None) } else { Ok(Some(Vec::new())) };
        };
        let below = self.centres.values().filter(|centre| self.upwards(&centre.name).any(|one| one.name == *top));
        Ok(Some(below.map(|centre| centre.name.clone()).collect()))
    }

    /// Whether the caller may see everything.
    pub(crate) fn sees_all(&self, by: &Caller) -> bool {
        by.roles.has(Role::Operator) || (by.tenant.is_none() && by.roles.has(Role::Auditor))
    }
}

/// Refuses everyone but operators.
pub(crate) fn operators_only(by: &Caller) -> Result<(), MarketError> {
    if by.roles.has(Role::Operator) { Ok(()) } else { Err(MarketError::Forbidden { role: Role::Operator }) }
}
