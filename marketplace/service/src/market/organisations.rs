//! Who takes part.

use super::Market;
use crate::{
    error::MarketError,
    model::{Budget, Caller, CostCentre, NewBudget, NewCostCentre, NewOrganisation, Organisation},
};
use forewarm_domain::id::TenantName;

impl Market {
    /// Makes an organisation with its root cost centre and account. For operators.
    ///
    /// # Errors
    /// [`MarketError::Exists`], [`MarketError::WrongCurrencyForKind`], [`MarketError::Forbidden`].
    pub async fn create_organisation(&self, by: &Caller, new: NewOrganisation) -> Result<Organisation, MarketError> {
        let (by, now) = (by.clone(), self.now());
        self.0.actor.change(move |state| state.create_organisation(&by, new, now)).await
    }

    /// Makes a cost centre with its account. For operators.
    ///
    /// # Errors
    /// [`MarketError::Exists`], [`MarketError::NotFound`] for the one above it, [`MarketError::Forbidden`].
    pub async fn create_cost_centre(&self, by: &Caller, new: NewCostCentre) -> Result<CostCentre, MarketError> {
        let (by, now) = (by.clone(), self.now());
        self.0.actor.change(move |state| state.create_cost_centre(&by, new, now)).await
    }

    /// The organisations that the caller may see, by name.
    ///
    /// # Errors
    /// [`MarketError::Closed`].
    pub async fn organisations(&self, by: &Caller) -> Result<Vec<Organisation>, MarketError> {
        let by = by.clone();
        self.0
            .actor
            .change(move |state| {
                let own = by.tenant.as_ref().and_then(|tenant| state.centres.get(tenant)).map(|one| &one.organisation);
                let shown = |one: &&Organisation| state.sees_all(&by) || own == Some(&one.name);
                let mut found: Vec<_> = state.organisations.values().filter(shown).cloned().collect();
                found.sort_by(|a, b| a.name.cmp(&b.name));
                Ok(found)
            })
            .await
    }

    /// The cost centres that the caller may see, by name.
    ///
    /// # Errors
    /// [`MarketError::Closed`].
    pub async fn cost_centres(&self, by: &Caller) -> Result<Vec<CostCentre>, MarketError> {
        let by = by.clone();
        self.0
            .actor
            .change(move |state| {
                let shown = |one: &&CostCentre| state.sees(&by, &one.name);
                let mut found: Vec<_> = state.centres.values().filter(shown).cloned().collect();
                found.sort_by(|a, b| a.name.cmp(&b.name));
                Ok(found)
            })
            .await
    }

    /// Makes a budget. For operators. What was spent before does not count.
    ///
    /// # Errors
    /// [`MarketError::CurrencyMismatch`], [`MarketError::InvalidBudget`], [`MarketError::NotFound`],
    /// [`MarketError::Forbidden`].
    pub async fn create_budget(&self, by: &Caller, new: NewBudget) -> Result<Budget, MarketError> {
        let by = by.clone();
        self.0.actor.change(move |state| state.create_budget(&by, new)).await
    }

    /// The budgets of a cost centre and of all above it, the latest first.
    ///
    /// # Errors
    /// [`MarketError::NotFound`].
    pub async fn budgets(&self, by: &Caller, tenant: &TenantName) -> Result<Vec<Budget>, MarketError> {
        let (by, tenant) = (by.clone(), tenant.clone());
        self.0
            .actor
            .change(move |state| {
                state.allow(&by, &tenant, &crate::model::Role::ALL)?;
                let above: Vec<_> = state.upwards(&tenant).map(|centre| centre.name.clone()).collect();
                let counts = |budget: &&Budget| above.contains(&budget.tenant);
                let mut found: Vec<_> = state.budgets.values().filter(counts).cloned().collect();
                found.sort_by_key(|budget| std::cmp::Reverse((budget.from, budget.id)));
                Ok(found)
            })
            .await
    }
}
