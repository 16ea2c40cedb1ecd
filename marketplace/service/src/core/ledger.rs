//! Double entry: money moves by transfers alone, each a debit and a credit of the same amount in one currency, and is set
//! aside by holds. What a tenant has available never falls below zero.

use super::{
    access::operators_only,
    state::{Booked, NewEvent, State},
};
use crate::{
    error::MarketError,
    model::{
        Account, AccountId, Budget, Caller, CostCentre, Currency, MarketTopic, NewDeposit, Role, Transfer,
        TransferKind, TransferRefs,
    },
};
use forewarm_auction::{MicroCredits, MoneyOverflow};
use forewarm_domain::{id::TenantName, time::TimestampMs};
use serde_json::json;
use uuid::Uuid;

/// The name space of payments.
const PAYMENTS: Uuid = Uuid::from_u128(0x666f_7265_7761_726d_7061_796d_656e_7401);

/// The id of a payment: the same reference of the same tenant is the same payment.
pub(crate) fn payment_id(kind: TransferKind, new: &NewDeposit) -> Uuid {
    Uuid::new_v5(&PAYMENTS, format!("{kind}/{}/{}", new.tenant, new.reference).as_bytes())
}

impl State {
    /// Money in or out. `booked` is the transfer of this id, if there is one already: an equal one is the answer.
    pub(crate) fn pay(
        &mut self,
        by: &Caller,
        kind: TransferKind,
        new: NewDeposit,
        booked: Option<Transfer>,
        now: TimestampMs,
    ) -> Result<Transfer, MarketError> {
        operators_only(by)?;
        let expected = self.organisation_of(&new.tenant)?.currency.clone();
        if expected != new.currency {
            return Err(MarketError::CurrencyMismatch { expected, given: new.currency });
        }
        if new.amount <= MicroCredits::ZERO {
            return Err(MarketError::AmountNotPositive { given: new.amount });
        }
        let id = payment_id(kind, &new);
        let (world, tenant) = (AccountId::World(new.currency.clone()), AccountId::Tenant(new.tenant));
        let (debit, credit) = if kind == TransferKind::Deposit { (world, tenant) } else { (tenant, world) };
        let NewDeposit { amount, currency, .. } = new;
        let transfer = Transfer { id, at: now, debit, credit, amount, currency, kind, refs: TransferRefs::default() };
        let same_batch =
            || self.transfers.all().iter().find(|one| one.transfer.id == id).map(|one| one.transfer.clone());
        match booked.or_else(same_batch) {
            Some(before) if (Transfer { at: before.at, ..transfer.clone() }) == before => Ok(before),
            Some(_) => Err(MarketError::TransferConflict { transfer: id }),
            None => self.post(transfer.clone()).map(|()| transfer),
        }
    }

    /// Books a transfer. Holds that it is paid from have been released before, in the same change.
    pub(crate) fn post(&mut self, transfer: Transfer) -> Result<(), MarketError> {
        debug_assert!(transfer.amount > MicroCredits::ZERO, "{transfer:?}");
        let (amount, currency, at) = (transfer.amount, transfer.currency.clone(), transfer.at);
        self.change(&transfer.debit, &currency, at, |account| {
            account.balance = account.balance.checked_sub(amount)?;
            Ok(())
        })?;
        self.change(&transfer.credit, &currency, at, |account| {
            account.balance = account.balance.checked_add(amount)?;
            Ok(())
        })?;
        self.last_transfer += 1;
        self.transfers.push(Booked { sequence: self.last_transfer, transfer });
        Ok(())
    }

    /// Sets money aside.
    pub(crate) fn hold(&mut self, id: &AccountId, amount: MicroCredits, at: TimestampMs) -> Result<(), MarketError> {
        let currency = self.account(id)?.currency.clone();
        self.change(id, &currency, at, |account| {
            account.held = account.held.checked_add(amount)?;
            Ok(())
        })
    }

    /// Gives back what was set aside.
    pub(crate) fn release(&mut self, id: &AccountId, amount: MicroCredits) -> Result<(), MarketError> {
        let account = self.accounts.get_mut(id).ok_or_else(|| missing(id))?;
        let left = account.held.checked_sub(amount)?;
        if left < MicroCredits::ZERO || amount < MicroCredits::ZERO {
            return Err(MarketError::Damaged(format!("{id} holds {} and should release {amount}", account.held)));
        }
        account.held = left;
        Ok(())
    }

    /// Changes an account, unless that would leave a tenant with less than nothing available.
    fn change(
        &mut self,
        id: &AccountId,
        currency: &Currency,
        at: TimestampMs,
        change: impl FnOnce(&mut Account) -> Result<(), MoneyOverflow>,
    ) -> Result<(), MarketError> {
        if id.is_market() && self.accounts.get(id).is_none() {
            self.accounts.put(id.clone(), Account::empty(id.clone(), currency.clone()));
        }
        let account = self.accounts.get_mut(id).ok_or_else(|| missing(id))?;
        if account.currency != *currency {
            let (expected, given) = (account.currency.clone(), currency.clone());
            return Err(MarketError::CurrencyMismatch { expected, given });
        }
        let before = account.available()?;
        change(account)?;
        let after = account.available()?;
        if after < MicroCredits::ZERO && after < before && !id.is_market() {
            let needed = before.checked_sub(after)?;
            return Err(MarketError::FundsShort { needed, available: before, currency: currency.clone() });
        }
        let alert = account.alert_below.filter(|alert| before >= *alert && after < *alert);
        if let (Some(alert), AccountId::Tenant(tenant)) = (alert, id) {
            let data = json!({"available": after, "alert_below": alert, "currency": currency});
            let of = format!("{}/{}", at.0, self.last_event);
            let (subject, tenant) = (id.to_string(), Some(tenant.clone()));
            self.tell(NewEvent { at, topic: MarketTopic::LowBalance, tenant, subject, of, round: None, data });
        }
        Ok(())
    }

    /// An account.
    pub(crate) fn account(&self, id: &AccountId) -> Result<&Account, MarketError> {
        self.accounts.get(id).ok_or_else(|| missing(id))
    }

    /// Sets how far a balance may fall below zero. What is spent already stays spent: a lower limit than that is refused.
    pub(crate) fn set_credit_limit(
        &mut self,
        by: &Caller,
        tenant: &TenantName,
        limit: MicroCredits,
    ) -> Result<Account, MarketError> {
        operators_only(by)?;
        if limit < MicroCredits::ZERO {
            return Err(MarketError::AmountNotPositive { given: limit });
        }
        let id = AccountId::Tenant(tenant.clone());
        let account = self.accounts.get_mut(&id).ok_or_else(|| MarketError::not_found("tenant", tenant))?;
        let before = account.available()?;
        let lower = account.credit_limit.checked_sub(limit)?;
        account.credit_limit = limit;
        if account.available()? < MicroCredits::ZERO {
            let currency = account.currency.clone();
            return Err(MarketError::FundsShort { needed: lower, available: before, currency });
        }
        Ok(account.clone())
    }

    /// Sets when an event tells that little is available.
    pub(crate) fn set_alert(
        &mut self,
        by: &Caller,
        tenant: &TenantName,
        below: Option<MicroCredits>,
    ) -> Result<Account, MarketError> {
        self.allow(by, tenant, &[Role::Buyer, Role::Owner])?;
        let id = AccountId::Tenant(tenant.clone());
        let account = self.accounts.get_mut(&id).ok_or_else(|| missing(&id))?;
        account.alert_below = below;
        Ok(account.clone())
    }

    /// The budgets that a bid of the cost centre counts against now, its own and those above it.
    pub(crate) fn budgets_of(&self, tenant: &TenantName, now: TimestampMs) -> Vec<Uuid> {
        let of = |centre: &CostCentre| self.budgets.with(&centre.name);
        let counts = |budget: &&Budget| (budget.from..budget.to).contains(&now);
        let mut ids: Vec<_> = self.upwards(tenant).flat_map(of).filter(counts).map(|budget| budget.id).collect();
        ids.sort_unstable();
        ids
    }

    /// Counts an amount against budgets; refused when one of them has less left.
    pub(crate) fn charge(&mut self, budgets: &[Uuid], amount: MicroCredits) -> Result<(), MarketError> {
        for id in budgets {
            let Some(budget) = self.budgets.get_mut(id) else { continue };
            let left = budget.limit.checked_sub(budget.used)?;
            if amount > left {
                let (budget, tenant) = (*id, budget.tenant.clone());
                return Err(MarketError::BudgetShort { budget, tenant, needed: amount, left });
            }
            budget.used = budget.used.checked_add(amount)?;
        }
        Ok(())
    }

    /// Gives an amount back to budgets.
    pub(crate) fn uncharge(&mut self, budgets: &[Uuid], amount: MicroCredits) -> Result<(), MarketError> {
        for id in budgets.iter().filter(|_| amount != MicroCredits::ZERO) {
            let Some(budget) = self.budgets.get_mut(id) else { continue };
            budget.used = budget.used.checked_sub(amount)?;
        }
        Ok(())
    }
}

fn missing(id: &AccountId) -> MarketError {
    MarketError::Damaged(format!("there is no account {id}"))
}
