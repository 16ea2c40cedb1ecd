//! Which leases are called back, and what that costs: the cheapest compensation per instance first, then the newest.

use super::state::State;
use crate::{
    error::MarketError,
    model::{Lease, LeaseState, ReclaimPreview, Reclaimed, seconds_left},
};
use forewarm_auction::{LeaseClass, MicroCredits, MoneyOverflow, Quantity};
use forewarm_domain::{
    id::{PersonaName, TenantName},
    time::{SECOND_MS, TimestampMs},
};
use std::cmp::Reverse;

impl State {
    /// The leases that would be called back for so many instances, and their cost if notice is given now. Whole leases:
    /// the last one may free more than is needed.
    pub(crate) fn choose_reclaims(
        &self,
        persona: &PersonaName,
        seller: Option<&TenantName>,
        units: Quantity,
        now: TimestampMs,
    ) -> Result<ReclaimPreview, MarketError> {
        let leases = self.leases.values().filter(|lease| lease.persona == *persona && may_be_reclaimed(lease, now));
        let leases = leases.filter(|lease| seller.is_none_or(|seller| lease.seller == *seller));
        let mut able = leases.map(|lease| Ok((lease, cost(lease, now)?))).collect::<Result<Vec<_>, MoneyOverflow>>()?;
        able.sort_by(|(a, of_a), (b, of_b)| {
            let per_unit =
                |cost: &Reclaimed, other: &Lease| i128::from(cost.compensation.0) * i128::from(other.units.get());
            let newest = |lease: &Lease| Reverse((lease.granted_at, lease.id));
            per_unit(of_a, b).cmp(&per_unit(of_b, a)).then_with(|| newest(a).cmp(&newest(b)))
        });
        let (refund, compensation) = (MicroCredits::ZERO, MicroCredits::ZERO);
        let mut chosen = ReclaimPreview { leases: Vec::new(), units: 0, refund, compensation, deadline: None };
        for (_, cost) in able {
            if chosen.units >= units.get() {
                break;
            }
            chosen.units += cost.units;
            chosen.refund = chosen.refund.checked_add(cost.refund)?;
            chosen.compensation = chosen.compensation.checked_add(cost.compensation)?;
            chosen.deadline = chosen.deadline.max(Some(cost.deadline));
            chosen.leases.push(cost);
        }
        Ok(chosen)
    }
}

/// Active, reclaimable, and older than its least run; and there is more left of it than the notice takes.
fn may_be_reclaimed(lease: &Lease, now: TimestampMs) -> bool {
    let old = lease.active_at.is_some_and(|at| now.since(at) >= i64::from(lease.min_run_s) * SECOND_MS);
    let class = lease.class == LeaseClass::Reclaimable;
    old && class && lease.state == LeaseState::Active && deadline(lease, now) < lease.window.until()
}

fn deadline(lease: &Lease, now: TimestampMs) -> TimestampMs {
    now + i64::from(lease.notice_s) * SECOND_MS
}

fn cost(lease: &Lease, now: TimestampMs) -> Result<Reclaimed, MoneyOverflow> {
    let deadline = deadline(lease, now);
    let owed = lease.terms.reclaim(lease.price, lease.units, seconds_left(lease.window, deadline))?;
    let (refund, compensation) = (owed.refund, owed.compensation);
    Ok(Reclaimed { lease: lease.id, units: lease.units.get(), refund, compensation, deadline })
}
