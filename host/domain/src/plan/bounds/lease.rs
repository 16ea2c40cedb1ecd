//! Instances that are leased out serve somebody else: what a policy wants for the owner's own load comes on top.

use super::Acted;
use crate::plan::{ReasonCode, Snapshot, Stock};
use std::borrow::Cow;

impl Snapshot {
    /// Claimed instances that serve a lease.
    pub(in crate::plan) fn lent(&self) -> u32 {
        self.limits.leased.min(self.stock.active)
    }

    /// The snapshot with the owner's own instances alone.
    pub(in crate::plan) fn own(&self) -> Cow<'_, Self> {
        match self.lent() {
            0 => Cow::Borrowed(self),
            lent => {
                let stock = Stock { active: self.stock.active - lent, ..self.stock };
                Cow::Owned(Self { stock, ..self.clone() })
            }
        }
    }
}

pub(super) fn clamp(snapshot: &Snapshot, wanted: u32) -> Acted {
    let (lent, booked) = (snapshot.lent(), snapshot.limits.booked);
    let kept = lent.saturating_add(booked);
    let detail = || match booked {
        0 => format!("{lent} are leased out and kept beside the {wanted} that are wanted"),
        _ => format!("{lent} are leased out and {booked} sold for soon, beside the {wanted} that are wanted"),
    };
    (kept > 0).then(|| (wanted.saturating_add(kept), ReasonCode::Lease, detail()))
}
