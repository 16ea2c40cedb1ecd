//! When the owner needs more than it has: leased instances are called back, or others are booted, whatever costs least.

use super::super::Core;
use super::super::pool::Changes;
use super::MARKET_TIMEOUT;
use crate::probe::Point;
use crate::store::{CalledBack, StoreError, Write};
use forewarm_bus::message::market::{
    MarketCallError, PreviewCall, ReclaimCall, ReclaimCandidate, Reclaimed, ask_market,
};
use forewarm_domain::id::{PersonaName, ReclaimId};
use forewarm_domain::lending::{Need, Notice, Recall, Recallable, needed_in_ms, recall, shortage_cost};
use forewarm_domain::persona::{Mode, Persona};
use forewarm_domain::plan::{Outlook, Reason, ReasonCode, Snapshot, Stock, decide};
use forewarm_domain::time::{MINUTE_MS, SECOND_MS};
use tracing::{debug, warn};
use uuid::Uuid;

/// How long wiping an instance is taken to last after its notice, in milliseconds.
const WIPE_MS: i64 = 30 * SECOND_MS;

/// Where a reclaim is kept until the market has answered it.
pub(super) fn key(persona: &PersonaName) -> String {
    format!("reclaim/{persona}")
}

impl Core {
    /// Calls leased instances back where the plan lacks some and that is the cheaper way; what comes back then counts as
    /// the owner's in `snapshot`. Gives the reason for the plan, where there was a choice.
    pub(in crate::core) async fn recall(&self, persona: &Persona, snapshot: &mut Snapshot) -> Option<Reason> {
        let policy = persona.spec.lending.as_ref()?;
        let name = &persona.spec.name;
        if let Err(error) = self.repeat_unanswered(name).await {
            warn!(persona = %name, %error, "an earlier reclaim is still without an answer");
        }
        let leased = self.pool().leased(name);
        snapshot.limits.leased = leased.kept;
        if leased.reclaimable == 0 {
            return None;
        }
        let missing = missing(snapshot);
        if missing == 0 {
            return None;
        }
        let preview = PreviewCall { persona: name.clone(), units: missing };
        let candidates = match ask_market(self.bus.as_ref(), &preview, MARKET_TIMEOUT).await {
            Ok(preview) => preview.candidates,
            Err(error) => {
                debug!(persona = %name, %error, "the market does not tell what a reclaim would cost");
                return None;
            }
        };
        let cost = self.carrying_cost(persona, policy).await?;
        let choice = self.weigh(snapshot, missing, cost, &candidates);
        let taken = candidates.get(..choice.leases).unwrap_or_default();
        let text = described(&choice, missing, taken, candidates.as_slice(), self.boot_ms(name));
        let reason = Reason { code: ReasonCode::Reclaim, detail: text };
        if choice.leases > 0 && snapshot.scaling.mode == Mode::Apply {
            if let Err(error) = self.call_back_leases(name, taken, &reason.detail).await {
                warn!(persona = %name, %error, "leases could not be called back; what is missing is booted");
            }
            snapshot.limits.leased = self.pool().leased(name).kept;
            if snapshot.limits.leased == leased.kept {
                let detail = format!("{}; but the market has called none back yet", reason.detail);
                return Some(Reason { detail, ..reason });
            }
        }
        Some(reason)
    }

    fn weigh(&self, snapshot: &Snapshot, missing: u32, cost: u32, candidates: &[ReclaimCandidate]) -> Recall {
        let recallable: Vec<Recallable> = candidates
            .iter()
            .map(|one| Recallable {
                units: one.units,
                cost: one.cost,
                back_in_ms: one.notice_ms.saturating_add(WIPE_MS),
            })
            .collect();
        let boot_ms = self.boot_ms(&snapshot.persona);
        let horizon_ms = self.settings.step_ms * i64::try_from(self.settings.horizon_steps).unwrap_or(i64::MAX / 2);
        let own = own_total(snapshot);
        let in_ms = match &snapshot.outlook {
            Outlook::Forecast(fan) => {
                let level = snapshot.scaling.critical_ratio;
                needed_in_ms(fan, snapshot.capacity_per_instance, level, own, snapshot.at)
            }
            Outlook::Unknown(_) => None,
        };
        recall(&Need {
            units: missing,
            in_ms: in_ms.unwrap_or(0),
            recallable: &recallable,
            boot_ms,
            boot_cost: i64::from(cost).saturating_mul(boot_ms.saturating_add(horizon_ms) / SECOND_MS),
            boot_most: decide(snapshot).to_create(),
            shortage_cost: shortage_cost(cost, snapshot.scaling.critical_ratio),
            horizon_ms,
        })
    }

    /// Asks the market to call these leases back. The request is durable before it is sent.
    async fn call_back_leases(
        &self,
        name: &PersonaName,
        taken: &[ReclaimCandidate],
        reason: &str,
    ) -> Result<(), RecallError> {
        let call = ReclaimCall {
            reclaim: ReclaimId(Uuid::now_v7()),
            persona: name.clone(),
            units: units(taken),
            needed_by: None,
            cost_most: paid(taken),
            reason: reason.to_owned(),
        };
        let value = serde_json::to_string(&call).ok();
        self.store.commit(vec![Write::Setting { key: key(name), value }]).await?;
        self.reached(Point::ReclaimAsked);
        self.lending.known().unanswered.insert(name.clone(), call);
        self.repeat_unanswered(name).await
    }

    /// Sends the reclaim that has no answer yet, and takes the answer in: the market hears of it once, however often it
    /// is sent.
    async fn repeat_unanswered(&self, name: &PersonaName) -> Result<(), RecallError> {
        let Some(call) = self.lending.known().unanswered.get(name).cloned() else { return Ok(()) };
        let answer = ask_market(self.bus.as_ref(), &call, MARKET_TIMEOUT).await;
        self.reached(Point::ReclaimAnswered);
        match answer {
            Ok(Reclaimed { leases, .. }) => {
                self.metrics.reclaimed(leases.len());
                for lease in leases {
                    let now = self.clock.moment();
                    let at = now.at;
                    let called = CalledBack { notice: Notice::new(now, lease.notice_ms), reason: call.reason.clone() };
                    self.change(|pool| ((), pool.call_back(lease.lease, called, at))).await?;
                }
            }
            Err(MarketCallError::Refused(refusal)) => {
                warn!(persona = %name, %refusal, "the market refuses to call leases back");
            }
            Err(error) => return Err(RecallError::Market(error.to_string())),
        }
        // Whatever an earlier try could not save goes first.
        self.change(|_| ((), Changes::default())).await?;
        self.reached(Point::ReclaimNoted);
        self.store.commit(vec![Write::Setting { key: key(name), value: None }]).await?;
        self.reached(Point::ReclaimOver);
        self.lending.known().unanswered.remove(name);
        Ok(())
    }
}

/// Why leases are not known to be called back.
#[derive(Debug, thiserror::Error)]
enum RecallError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0}")]
    Market(String),
}

/// The owner's instances: what it holds, and what comes back.
fn own_total(snapshot: &Snapshot) -> u32 {
    snapshot.stock.total().saturating_sub(snapshot.limits.leased)
}

/// Instances that the owner lacks by the plan for its own load, whatever the bounds allow to launch.
fn missing(snapshot: &Snapshot) -> u32 {
    let mut own = snapshot.clone();
    let leased = own.limits.leased;
    own.stock = Stock { active: own.stock.active.saturating_sub(leased), ..own.stock };
    // Leased instances count towards a minimum.
    own.scaling.min = own.scaling.min.saturating_sub(leased);
    let minima = own.limits.schedules.iter_mut().filter_map(|schedule| schedule.min.as_mut());
    minima.for_each(|min| *min = min.saturating_sub(leased));
    (own.limits.leased, own.limits.booked) = (0, 0);
    // What keeps it from launching does not keep it from needing.
    (own.scaling.max_launches_per_step, own.scaling.budget) = (None, None);
    (own.limits.quota, own.limits.out_of_capacity) = (None, None);
    decide(&own).to_create()
}

/// The choice in a sentence, with what the other way would have cost.
fn described(
    choice: &Recall,
    missing: u32,
    taken: &[ReclaimCandidate],
    candidates: &[ReclaimCandidate],
    boot_ms: i64,
) -> String {
    let boots = format!("boot {missing} in {} for {}", minutes(boot_ms), credits(choice.boot_total));
    let price = |leases: &[ReclaimCandidate]| credits(paid(leases));
    let last = |leases: &[ReclaimCandidate]| {
        minutes(leases.iter().map(|one| one.notice_ms).max().unwrap_or(0).saturating_add(WIPE_MS))
    };
    if choice.leases == 0 {
        let units = units(candidates);
        let other = match candidates {
            [] => "no lease can be called back now".to_owned(),
            some => format!("calling {units} leased ones back would cost {} and take {}", price(some), last(some)),
        };
        return format!("{missing} are missing: {boots}; {other}");
    }
    let rest = match missing - choice.units {
        0 => String::new(),
        rest => format!(" and boot {rest}"),
    };
    let units = choice.units;
    format!("reclaim {units} for {} in {}{rest}, or {boots}: the first costs less", price(taken), last(taken))
}

fn units(leases: &[ReclaimCandidate]) -> u32 {
    leases.iter().fold(0, |units, one| units.saturating_add(one.units))
}

fn paid(leases: &[ReclaimCandidate]) -> i64 {
    leases.iter().fold(0, |paid, one| paid.saturating_add(one.cost))
}

fn credits(micro: i64) -> String {
    let (whole, part) = (micro / 1_000_000, (micro % 1_000_000).abs());
    let text = format!("{whole}.{part:06}");
    let short = text.trim_end_matches('0');
    let decimals = short.len() - short.find('.').unwrap_or(0) - 1;
    format!("{short}{} credits", "0".repeat(2_usize.saturating_sub(decimals)))
}

fn minutes(ms: i64) -> String {
    if ms < 2 * MINUTE_MS {
        format!("{} s", ms / SECOND_MS)
    } else {
        format!("{} min", (ms + MINUTE_MS / 2) / MINUTE_MS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use forewarm_domain::id::LeaseId;

    #[test]
    fn the_choice_is_told_with_its_price() {
        let lease = ReclaimCandidate { lease: LeaseId(Uuid::nil()), units: 3, cost: 1_200_000, notice_ms: 90_000 };
        let choice = Recall { leases: 1, units: 3, cost: 1_200_000, total: 1_200_000, boot_total: 2_345_600 };
        let candidates = [lease];
        assert_eq!(
            described(&choice, 3, &candidates, &candidates, 300_000),
            "reclaim 3 for 1.20 credits in 2 min, or boot 3 in 5 min for 2.3456 credits: the first costs less"
        );
        let boot = Recall { leases: 0, units: 0, cost: 0, total: 50, boot_total: 50 };
        assert_eq!(
            described(&boot, 1, &[], &candidates, 60_000),
            "1 are missing: boot 1 in 60 s for 0.00005 credits; calling 3 leased ones back would cost 1.20 credits and take 2 min"
        );
        assert_eq!(credits(3_000_000), "3.00 credits");
    }
}
