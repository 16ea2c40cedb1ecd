//! The leases of one window, minute by minute: the owner's own demand, what is lent, and what is called back when the
//! forecast rises.

use crate::owner::Owner;
use crate::setting::Setting;
use forewarm_auction::{LeaseClass, MicroCredits, MoneyOverflow, SettlePlan, Trade};

/// One lease.
struct Lease<'a> {
    trade: &'a Trade,
    /// The step of the window at which its instances are the owner's again.
    back_at: Option<usize>,
}

/// What a tenant gets because its lease was called back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Payback<'a> {
    pub(crate) trade: &'a Trade,
    pub(crate) refund: MicroCredits,
    pub(crate) compensation: MicroCredits,
    /// Steps between being told and the end.
    pub(crate) notice_steps: usize,
}

/// What a window came to, in instance-steps.
#[derive(Debug, Default)]
pub(crate) struct Lived<'a> {
    /// Of the fleet, what the owner did not need itself.
    pub(crate) idle: u64,
    /// Of that, what tenants had.
    pub(crate) used: u64,
    /// What the owner missed because tenants had it.
    pub(crate) missed: u64,
    pub(crate) paybacks: Vec<Payback<'a>>,
}

/// Lives through a window.
///
/// # Errors
/// [`MoneyOverflow`] when a refund does not fit.
pub(crate) fn live<'a>(
    owner: &Owner,
    setting: &Setting,
    window: usize,
    plan: &'a SettlePlan,
) -> Result<Lived<'a>, MoneyOverflow> {
    let mut leases: Vec<_> = plan.trades.iter().map(|trade| Lease { trade, back_at: None }).collect();
    let mut lived = Lived::default();
    for step in 0..setting.window_steps {
        let at = window * setting.window_steps + step;
        let own = owner.demand.get(at).copied().unwrap_or(0).min(owner.fleet);
        let lent = lent(&leases, |lease| lease.back_at.is_none_or(|back_at| back_at > step));
        let (idle, here) = (owner.fleet - own, owner.fleet.saturating_sub(lent));
        lived.idle += u64::from(idle);
        lived.used += u64::from(lent.min(idle));
        lived.missed += u64::from(own.saturating_sub(here));
        let likely = owner.likely.get(at).copied().unwrap_or(0).min(owner.fleet);
        call_back(&mut leases, owner.fleet, likely, step, setting, &mut lived.paybacks)?;
    }
    Ok(lived)
}

fn lent(leases: &[Lease<'_>], counts: impl Fn(&Lease<'_>) -> bool) -> u32 {
    leases.iter().filter(|lease| counts(lease)).map(|lease| lease.trade.units.get()).sum()
}

/// Calls back what is likely needed before a notice given now is over. All leases of a class have one price, so that the
/// cheapest for each unit are all of them, and of those the newest goes first.
fn call_back<'a>(
    leases: &mut [Lease<'a>],
    fleet: u32,
    likely: u32,
    step: usize,
    setting: &Setting,
    paybacks: &mut Vec<Payback<'a>>,
) -> Result<(), MoneyOverflow> {
    let back_at = step + setting.notice_steps;
    if step < setting.min_run_steps || back_at >= setting.window_steps {
        return Ok(());
    }
    let mut here = fleet.saturating_sub(lent(leases, |lease| lease.back_at.is_none()));
    let terms = setting.terms();
    for lease in leases.iter_mut().rev() {
        if here >= likely {
            break;
        }
        if lease.trade.class == LeaseClass::Firm || lease.back_at.is_some() {
            continue;
        }
        lease.back_at = Some(back_at);
        here += lease.trade.units.get();
        let unused_s = 60 * (setting.window_steps - back_at) as u32;
        let owed = terms.reclaim(lease.trade.price, lease.trade.units, unused_s)?;
        let notice_steps = back_at - step;
        let (refund, compensation) = (owed.refund, owed.compensation);
        paybacks.push(Payback { trade: lease.trade, refund, compensation, notice_steps });
    }
    Ok(())
}
