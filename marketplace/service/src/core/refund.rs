//! What tenants get back of what they paid: it comes from the security that the owner's account holds, with the market's
//! fee where its owner never earned it.

use super::state::State;
use crate::{
    error::MarketError,
    model::{
        AccountId, Currency, DeliveryWindow, Lease, LeaseEnd, LeaseId, Transfer, TransferKind, TransferRefs,
        seconds_left,
    },
};
use forewarm_auction::{LeaseClass, MicroCredits, MoneyOverflow, Reclaim};
use forewarm_domain::time::{SECOND_MS, TimestampMs};
use uuid::Uuid;

/// What a tenant gets back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Owed {
    /// Of the price, by the owner.
    refund: MicroCredits,
    /// On top of it, by the owner.
    compensation: MicroCredits,
    /// Of the price, by the market.
    fee: MicroCredits,
}

impl Owed {
    /// What is told as refund: of the price, whoever pays it.
    pub(super) fn refunded(&self) -> Result<MicroCredits, MoneyOverflow> {
        self.refund.checked_add(self.fee)
    }

    /// What is told as compensation.
    pub(super) fn compensation(&self) -> MicroCredits {
        self.compensation
    }

    fn by_owner(&self) -> Result<MicroCredits, MoneyOverflow> {
        self.refund.checked_add(self.compensation)
    }
}

impl From<Reclaim> for Owed {
    fn from(Reclaim { refund, compensation }: Reclaim) -> Self {
        Self { refund, compensation, fee: MicroCredits::ZERO }
    }
}

impl State {
    /// Pays back what is owed at the end of a lease. Its security is free by then.
    pub(super) fn refund_end(&mut self, lease: &Lease, end: LeaseEnd, at: TimestampMs) -> Result<Owed, MarketError> {
        let owed = match end {
            LeaseEnd::Expired | LeaseEnd::Released => Owed::default(),
            LeaseEnd::Reclaimed | LeaseEnd::LeftEarly => {
                lease.terms.reclaim(lease.price, lease.units, seconds_left(lease.window, at))?.into()
            }
            LeaseEnd::NotDelivered => unused(lease, lease.terms.duration.seconds())?,
        };
        self.pay_back(lease, owed, "", at)?;
        Ok(owed)
    }

    /// Pays back the seconds that instances came after the begin of their window; none that was only begun counts.
    pub(super) fn refund_late(&mut self, lease: &Lease, at: TimestampMs) -> Result<Owed, MarketError> {
        let owed = unused(lease, seconds_late(lease.window, at))?;
        self.free_security(lease.id, owed.by_owner()?)?;
        self.pay_back(lease, owed, "late-", at)?;
        Ok(owed)
    }

    /// Gives so much of a lease's security back to its owner's account.
    pub(super) fn free_security(&mut self, id: LeaseId, amount: MicroCredits) -> Result<(), MarketError> {
        let Some(lease) = self.leases.get_mut(&id) else { return Ok(()) };
        lease.security = lease.security.checked_sub(amount)?;
        let seller = AccountId::Tenant(lease.seller.clone());
        self.release(&seller, amount)
    }

    /// `why` tells the transfers of one lease apart.
    fn pay_back(&mut self, lease: &Lease, owed: Owed, why: &str, at: TimestampMs) -> Result<(), MarketError> {
        let seller = AccountId::Tenant(lease.seller.clone());
        let credit = Currency::credit();
        let receiver =
            if lease.currency.is_credit() { lease.buyer_account.clone() } else { AccountId::Exchange(credit.clone()) };
        let refs = TransferRefs { round: Some(lease.round), bid: Some(lease.bid), lease: Some(lease.id) };
        let id = |name: &str| Uuid::new_v5(&lease.id.0, format!("{why}{name}").as_bytes());
        let parts = [
            ("refund", seller.clone(), owed.refund, TransferKind::Refund),
            ("compensation", seller, owed.compensation, TransferKind::Compensation),
            ("fee-refund", AccountId::Fees(credit.clone()), owed.fee, TransferKind::Refund),
        ];
        let mut total = MicroCredits::ZERO;
        for (name, debit, amount, kind) in parts.into_iter().filter(|part| part.2 > MicroCredits::ZERO) {
            total = total.checked_add(amount)?;
            let (currency, refs, to) = (credit.clone(), refs.clone(), receiver.clone());
            self.post(Transfer { id: id(name), at, debit, credit: to, amount, currency, kind, refs })?;
        }
        let returned = lease.rate.down(total)?;
        if !lease.currency.is_credit() && returned > MicroCredits::ZERO {
            let (debit, to) = (AccountId::Exchange(lease.currency.clone()), lease.buyer_account.clone());
            let (currency, kind, amount) = (lease.currency.clone(), TransferKind::Payout, returned);
            self.post(Transfer { id: id("payout"), at, debit, credit: to, amount, currency, kind, refs })?;
        }
        // A budget gets back what was spent of it, not what came on top.
        let refunded = lease.rate.down(total.checked_sub(owed.compensation)?)?;
        self.uncharge(&lease.budgets, refunded)
    }
}

/// What is owed for so many of the first seconds of a lease, in which its tenant did not have the instances. A reclaimable
/// one's security is left with all that the rest may cost; of a firm one's price the owner gives back what it earned, and
/// the market its fee.
fn unused(lease: &Lease, seconds: u32) -> Result<Owed, MoneyOverflow> {
    let all = lease.terms.duration.seconds();
    let seconds = seconds.min(all);
    let owed = |seconds| lease.terms.reclaim(lease.price, lease.units, seconds);
    match lease.class {
        LeaseClass::Reclaimable => {
            let (all, rest) = (owed(all)?, owed(all - seconds)?);
            let refund = all.refund.checked_sub(rest.refund)?;
            Ok(Owed { refund, compensation: all.compensation.checked_sub(rest.compensation)?, ..Owed::default() })
        }
        LeaseClass::Firm => {
            let cost = owed(seconds)?.refund;
            let fee = lease.terms.fee.of_rounded_down(cost);
            Ok(Owed { refund: cost.checked_sub(fee)?, fee, ..Owed::default() })
        }
    }
}

/// Whole seconds between the begin of the window and `at`.
fn seconds_late(window: DeliveryWindow, at: TimestampMs) -> u32 {
    u32::try_from(at.since(window.from()).max(0) / SECOND_MS).unwrap_or(u32::MAX)
}
