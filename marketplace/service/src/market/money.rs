//! Accounts and the ledger.

use super::{AccountView, LedgerQuery, Market};
use crate::{
    core::{access::operators_only, ledger::payment_id, state::Booked},
    error::MarketError,
    model::{
        Account, AccountId, Caller, Lease, LeaseFacts, LedgerEntry, NewDeposit, Role, Transfer, TransferKind,
        lease_duration,
    },
};
use forewarm_auction::{MicroCredits, MoneyOverflow};
use forewarm_domain::{id::TenantName, time::DAY_MS};

impl Market {
    /// Pays money in. For operators. The same reference again has no second effect.
    ///
    /// # Errors
    /// [`MarketError::CurrencyMismatch`], [`MarketError::AmountNotPositive`], [`MarketError::TransferConflict`] when the
    /// reference stands for another payment, [`MarketError::Overflow`], [`MarketError::Forbidden`].
    pub async fn deposit(&self, by: &Caller, new: NewDeposit) -> Result<Transfer, MarketError> {
        self.pay(by, TransferKind::Deposit, new).await
    }

    /// Pays money out, of what is available. For operators.
    ///
    /// # Errors
    /// As [`deposit`](Self::deposit), and [`MarketError::FundsShort`].
    pub async fn withdraw(&self, by: &Caller, new: NewDeposit) -> Result<Transfer, MarketError> {
        self.pay(by, TransferKind::Withdrawal, new).await
    }

    async fn pay(&self, by: &Caller, kind: TransferKind, new: NewDeposit) -> Result<Transfer, MarketError> {
        let (by, now, id) = (by.clone(), self.now(), payment_id(kind, &new));
        self.0.actor.change_knowing(id, move |state, booked| state.pay(&by, kind, new, booked, now)).await
    }

    /// Sets how far a balance may fall below zero. For operators.
    ///
    /// # Errors
    /// [`MarketError::FundsShort`] when more than that is spent already, [`MarketError::AmountNotPositive`],
    /// [`MarketError::NotFound`], [`MarketError::Forbidden`].
    pub async fn set_credit_limit(
        &self,
        by: &Caller,
        tenant: &TenantName,
        limit: MicroCredits,
    ) -> Result<Account, MarketError> {
        let (by, tenant) = (by.clone(), tenant.clone());
        self.0.actor.change(move |state| state.set_credit_limit(&by, &tenant, limit)).await
    }

    /// Sets below which available amount an event tells; `None` for never. For buyers and owners.
    ///
    /// # Errors
    /// [`MarketError::NotFound`], [`MarketError::Forbidden`].
    pub async fn set_alert(
        &self,
        by: &Caller,
        tenant: &TenantName,
        below: Option<MicroCredits>,
    ) -> Result<Account, MarketError> {
        let (by, tenant) = (by.clone(), tenant.clone());
        self.0.actor.change(move |state| state.set_alert(&by, &tenant, below)).await
    }

    /// A cost centre's account.
    ///
    /// # Errors
    /// [`MarketError::NotFound`].
    pub async fn account(&self, by: &Caller, tenant: &TenantName) -> Result<AccountView, MarketError> {
        let (by, tenant) = (by.clone(), tenant.clone());
        let look = move |state: &mut crate::core::state::State| {
            state.allow(&by, &tenant, &Role::ALL)?;
            state.account(&AccountId::Tenant(tenant)).cloned()
        };
        let account = self.0.actor.change(look).await?;
        let spent = self.0.store.spent_since(&account.id, self.now() - DAY_MS).await?;
        let spent_last_day = MicroCredits(i64::try_from(spent).map_err(|_| MoneyOverflow)?);
        Ok(AccountView { available: account.available()?, account, spent_last_day })
    }

    /// Every account, the market's own included, by id. For operators, and auditors of no organisation.
    ///
    /// # Errors
    /// [`MarketError::Forbidden`].
    pub async fn accounts(&self, by: &Caller) -> Result<Vec<Account>, MarketError> {
        let by = by.clone();
        self.0
            .actor
            .change(move |state| {
                if !state.sees_all(&by) {
                    operators_only(&by)?;
                }
                let mut accounts: Vec<_> = state.accounts.values().cloned().collect();
                accounts.sort_by(|a, b| a.id.cmp(&b.id));
                Ok(accounts)
            })
            .await
    }

    /// The entries of a cost centre's account, oldest first.
    ///
    /// # Errors
    /// [`MarketError::NotFound`]; [`MarketError::Forbidden`] for callers without any role there.
    pub async fn ledger(
        &self,
        by: &Caller,
        tenant: &TenantName,
        query: LedgerQuery,
    ) -> Result<Vec<LedgerEntry>, MarketError> {
        let (by, of) = (by.clone(), tenant.clone());
        self.0.actor.change(move |state| state.allow(&by, &of, &Role::ALL).map(drop)).await?;
        let account = AccountId::Tenant(tenant.clone());
        let rows = self.0.store.ledger(&account, &query).await?;
        rows.into_iter().map(|(booked, lease)| entry(&account, booked, lease.as_ref())).collect()
    }
}

fn entry(account: &AccountId, booked: Booked, lease: Option<&Lease>) -> Result<LedgerEntry, MarketError> {
    let Booked { sequence, transfer } = booked;
    let gives = transfer.debit == *account;
    let counter = if gives { transfer.credit } else { transfer.debit };
    let amount = if gives { MicroCredits::ZERO.checked_sub(transfer.amount)? } else { transfer.amount };
    Ok(LedgerEntry {
        sequence,
        transfer: transfer.id,
        at: transfer.at,
        account: account.clone(),
        counter,
        amount,
        currency: transfer.currency,
        kind: transfer.kind,
        refs: transfer.refs,
        lease: lease.map(facts).transpose()?,
    })
}

fn facts(lease: &Lease) -> Result<LeaseFacts, MarketError> {
    Ok(LeaseFacts {
        persona: lease.persona.clone(),
        class: lease.class,
        units: lease.units.get(),
        price: lease.price,
        seconds: lease_duration(lease.window)?.seconds(),
        start: lease.window.from(),
        end: lease.window.until(),
        buyer: lease.buyer.clone(),
        seller: lease.seller.clone(),
    })
}
