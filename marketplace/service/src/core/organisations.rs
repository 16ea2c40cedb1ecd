//! Organisations, their cost centres, and budgets.

use super::{access::operators_only, indexed::Found, state::State};
use crate::{
    error::MarketError,
    model::{
        Account, AccountId, Budget, Caller, CostCentre, ExchangeRate, NewBudget, NewCostCentre, NewOrganisation,
        Organisation, OrganisationKind,
    },
};
use forewarm_auction::MicroCredits;
use forewarm_domain::{id::TenantName, time::TimestampMs};
use uuid::Uuid;

impl Found for Budget {
    type By = TenantName;

    fn by(&self) -> Option<TenantName> {
        Some(self.tenant.clone())
    }
}

impl State {
    /// Makes an organisation with its root cost centre and account.
    pub(crate) fn create_organisation(
        &mut self,
        by: &Caller,
        new: NewOrganisation,
        now: TimestampMs,
    ) -> Result<Organisation, MarketError> {
        operators_only(by)?;
        let internal = new.kind == OrganisationKind::Internal;
        if internal != new.currency.is_credit() || (internal && new.rate != ExchangeRate::PARITY) {
            return Err(MarketError::WrongCurrencyForKind { kind: new.kind, currency: new.currency });
        }
        self.name_is_free("organisation", &new.name)?;
        let NewOrganisation { name, kind, currency, rate } = new;
        let organisation = Organisation { name: name.clone(), kind, currency, rate, created_at: now };
        self.organisations.put(name.clone(), organisation.clone());
        self.add_centre(CostCentre { name: name.clone(), organisation: name, parent: None, created_at: now });
        Ok(organisation)
    }

    /// Makes a cost centre with its account.
    pub(crate) fn create_cost_centre(
        &mut self,
        by: &Caller,
        new: NewCostCentre,
        now: TimestampMs,
    ) -> Result<CostCentre, MarketError> {
        operators_only(by)?;
        self.name_is_free("cost centre", &new.name)?;
        let parent = self.centres.get(&new.parent).ok_or_else(|| MarketError::not_found("tenant", &new.parent))?;
        let organisation = parent.organisation.clone();
        let centre = CostCentre { name: new.name, organisation, parent: Some(new.parent), created_at: now };
        self.add_centre(centre.clone());
        Ok(centre)
    }

    /// Makes a budget. What was spent before it was made does not count.
    pub(crate) fn create_budget(&mut self, by: &Caller, new: NewBudget) -> Result<Budget, MarketError> {
        operators_only(by)?;
        let expected = self.organisation_of(&new.tenant)?.currency.clone();
        if expected != new.currency {
            return Err(MarketError::CurrencyMismatch { expected, given: new.currency });
        }
        if new.from >= new.to || new.limit < MicroCredits::ZERO {
            return Err(MarketError::InvalidBudget);
        }
        let NewBudget { tenant, currency, from, to, limit } = new;
        let budget = Budget { id: Uuid::now_v7(), tenant, currency, from, to, limit, used: MicroCredits::ZERO };
        self.budgets.put(budget.id, budget.clone());
        Ok(budget)
    }

    /// The organisation of a cost centre.
    pub(crate) fn organisation_of(&self, tenant: &TenantName) -> Result<&Organisation, MarketError> {
        let centre = self.centres.get(tenant).ok_or_else(|| MarketError::not_found("tenant", tenant))?;
        let missing = || MarketError::Damaged(format!("cost centre {tenant} has no organisation"));
        self.organisations.get(&centre.organisation).ok_or_else(missing)
    }

    fn name_is_free(&self, kind: &'static str, name: &TenantName) -> Result<(), MarketError> {
        match self.centres.get(name) {
            Some(_) => Err(MarketError::Exists { kind, name: name.to_string() }),
            None => Ok(()),
        }
    }

    fn add_centre(&mut self, centre: CostCentre) {
        let id = AccountId::Tenant(centre.name.clone());
        if let Some(organisation) = self.organisations.get(&centre.organisation) {
            let account = Account::empty(id.clone(), organisation.currency.clone());
            self.accounts.put(id, account);
        }
        self.centres.put(centre.name.clone(), centre);
    }
}
