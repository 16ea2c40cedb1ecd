//! The money budget: so many are kept as the rest of it lasts for.
//!
//! The rest has to last until the period's end, either with what is wanted held all that time, or with what is wanted
//! held for an hour and the mean of the period so far held afterwards: so a peak is paid for by the hours below the
//! mean, and a period is never overspent but for what is claimed.

use super::{Acted, at_most};
use crate::persona::Budget;
use crate::plan::{ReasonCode, Snapshot, Spend};
use crate::time::HOUR_MS;

pub(super) fn clamp(snapshot: &Snapshot, wanted: u32) -> Acted {
    let (budget, spend) = snapshot.scaling.budget.zip(snapshot.limits.spend)?;
    let Some(per_hour) = spend.per_hour else {
        let bounded = at_most(snapshot, wanted, snapshot.stock.total())?;
        let detail =
            format!("what an instance costs is not known yet, so the budget allows no launch: {wanted} were wanted");
        return Some((bounded, ReasonCode::Budget, detail));
    };
    let affordable = affordable(snapshot, budget, spend, per_hour);
    let bounded = at_most(snapshot, wanted, affordable)?;
    let Spend { spent, .. } = spend;
    let Budget { amount, period } = budget;
    let detail = format!(
        "{spent:.2} of the {}'s budget of {amount:.2} are spent, and the rest lasts for {affordable} at {per_hour:.4} an \
         hour: {wanted} were wanted",
        period.as_str(),
    );
    Some((bounded, ReasonCode::Budget, detail))
}

fn affordable(snapshot: &Snapshot, budget: Budget, spend: Spend, per_hour: f64) -> u32 {
    let hours = |ms: i64| ms as f64 / HOUR_MS as f64;
    let (begin, end) = budget.period.around(snapshot.at);
    // A plan is carried out for a step at least.
    let left = hours(end.since(snapshot.at).max(snapshot.step_ms.max(1)));
    let rest = (budget.amount - spend.spent).max(0.0);
    let pace = spend.spent / hours(snapshot.at.since(begin)).max(1.0);
    let hour = left.min(1.0);
    let throughout = rest / (per_hour * left);
    let for_an_hour = (rest - pace * (left - hour)) / (per_hour * hour);
    // A float converts to an integer saturating: where instances cost nothing, there is no limit.
    if per_hour > 0.0 { throughout.max(for_an_hour).max(0.0).floor() as u32 } else { u32::MAX }
}
