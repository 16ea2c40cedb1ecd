//! What can be spared, told to the market: when it changes, and before what was told runs out.

use super::super::Core;
use super::MARKET_TIMEOUT;
use forewarm_bus::BusError;
use forewarm_bus::message::market::{AnnounceCall, MarketCallError, SoldCall, Surplus, WindowsCall, ask_market};
use forewarm_domain::forecast::Fan;
use forewarm_domain::id::PersonaName;
use forewarm_domain::instance::Tier;
use forewarm_domain::lending::{
    DeliveryWindow, LeaseClass, Odds, SurplusInput, SurplusSplit, per_second, shortage_cost, surplus,
};
use forewarm_domain::persona::{LendingPolicy, Persona};
use forewarm_domain::plan::{Outlook, Snapshot};
use forewarm_domain::time::TimestampMs;
use std::sync::Arc;
use tracing::{debug, warn};

/// How many planning steps an announcement can be counted upon.
const VALID_STEPS: i64 = 5;
/// It is told again when no more than so many are left.
const RENEWED_STEPS: i64 = 2;
/// Windows that are announced, the soonest first: two days of five minutes each, and some.
const WINDOWS_MOST: usize = 600;

impl Core {
    /// Tells the market what the lenders can spare, where that is news.
    pub(super) async fn announce_surplus(&self, lenders: &[Arc<Persona>], now: TimestampMs) {
        let due: Vec<&Arc<Persona>> = lenders.iter().filter(|persona| self.is_due(persona, now)).collect();
        if due.is_empty() {
            return;
        }
        let windows = match ask_market(self.bus.as_ref(), &WindowsCall {}, MARKET_TIMEOUT).await {
            Ok(windows) => windows,
            // A host without a market is no fault: there is nobody to lend to.
            Err(MarketCallError::Bus(BusError::NoResponders { .. })) => return,
            Err(error) => return warn!(%error, "the market does not tell which windows it trades"),
        };
        for persona in due {
            self.ask_what_is_sold(&persona.spec.name).await;
            if let Some(call) = self.announcement(persona, &windows, now).await {
                self.announce_one(call, now).await;
            }
        }
    }

    /// What was sold is kept until the market says otherwise.
    async fn ask_what_is_sold(&self, name: &PersonaName) {
        match ask_market(self.bus.as_ref(), &SoldCall { persona: name.clone() }, MARKET_TIMEOUT).await {
            Ok(sold) => drop(self.lending.known().sold.insert(name.clone(), sold)),
            Err(error) => debug!(persona = %name, %error, "the market does not tell what it has sold"),
        }
    }

    /// Whether there is a plan that was not announced yet, or what was announced runs out.
    fn is_due(&self, persona: &Persona, now: TimestampMs) -> bool {
        let name = &persona.spec.name;
        let planned_at = self.views().get(name).map(|view| view.plan.at);
        let known = self.lending.known();
        let Some(last) = known.announced.get(name) else {
            return planned_at.is_some() && persona.spec.lending.is_some();
        };
        planned_at.is_some_and(|at| at > last.made_at)
            || last.valid_until.since(now) <= RENEWED_STEPS * self.settings.step_ms && persona.spec.lending.is_some()
    }

    async fn announce_one(&self, call: AnnounceCall, now: TimestampMs) {
        let name = call.persona.clone();
        let news = self.lending.known().announced.get(&name).is_none_or(|last| {
            last.surplus != call.surplus || last.valid_until.since(now) <= RENEWED_STEPS * self.settings.step_ms
        });
        if !news {
            return;
        }
        match ask_market(self.bus.as_ref(), &call, MARKET_TIMEOUT).await {
            Ok(_) => drop(self.lending.known().announced.insert(name, call)),
            Err(error) => {
                warn!(persona = %name, %error, "what can be spared could not be announced; it is tried again");
            }
        }
    }

    /// All that a persona can spare; an empty announcement where its policy was withdrawn.
    async fn announcement(
        &self,
        persona: &Persona,
        windows: &[DeliveryWindow],
        now: TimestampMs,
    ) -> Option<AnnounceCall> {
        let name = persona.spec.name.clone();
        let valid_until = now + VALID_STEPS * self.settings.step_ms;
        let Some(policy) = &persona.spec.lending else {
            let owner = self.lending.known().announced.get(&name)?.owner.clone();
            return Some(AnnounceCall { persona: name, owner, made_at: now, valid_until, surplus: Vec::new() });
        };
        let cost = self.carrying_cost(persona, policy).await?;
        let snapshot = self.snapshot(&name)?;
        let mut found = Vec::new();
        for window in windows.iter().take(WINDOWS_MOST) {
            let split = self.spare(&snapshot, policy, *window);
            found.extend(listed(&split, *window, policy, cost, persona.spec.scaling.critical_ratio));
        }
        Some(AnnounceCall { persona: name, owner: policy.owner.clone(), made_at: now, valid_until, surplus: found })
    }

    /// What can be spared in a window, by the plan's own forecast and, beyond it, that of the coming days.
    pub(super) fn spare(&self, snapshot: &Snapshot, policy: &LendingPolicy, window: DeliveryWindow) -> SurplusSplit {
        let name = &snapshot.persona;
        if policy.blackout(window).is_some() {
            return SurplusSplit::default();
        }
        let days = self.day_forecast(name).ok().map(|days| days.fan);
        let near = match &snapshot.outlook {
            Outlook::Forecast(fan) => Some(fan),
            Outlook::Unknown(_) => None,
        };
        let fans: Vec<&Fan> = near.into_iter().chain(&days).collect();
        let (own, leased) = {
            let pool = self.pool();
            (pool.own_stock(name), pool.leased(name))
        };
        surplus(&SurplusInput {
            window,
            fans: &fans,
            capacity_per_instance: snapshot.capacity_per_instance,
            ready: own.active.saturating_add(own.warm),
            // Claims that wait have a right to the next that is warm.
            warm: own.warm.saturating_sub(own.waiting),
            leased: leased.all(),
            keep_min: policy.keep_min,
            limit: policy.limit,
            classes: (policy.lends(LeaseClass::Firm), policy.lends(LeaseClass::Reclaimable)),
        })
    }

    /// What having an instance idle costs, in micro-credits per instance-second; `None` while its driver does not tell.
    pub(super) async fn carrying_cost(&self, persona: &Persona, policy: &LendingPolicy) -> Option<u32> {
        if policy.carrying_cost.is_some() {
            return policy.carrying_cost;
        }
        let name: &PersonaName = &persona.spec.name;
        let kept = self.lending.known().costs.get(name).copied();
        if let Some((_, cost)) = kept.filter(|(version, _)| *version == persona.version) {
            return Some(cost);
        }
        let prices = match self.prices(persona).await {
            Ok(prices) => prices,
            Err(error) => {
                debug!(persona = %name, %error, "nothing is lent while its driver does not tell prices");
                return None;
            }
        };
        let warm = prices.iter().find(|price| price.tier == Tier::Warm)?;
        let cost = per_second(warm.per_hour);
        self.lending.known().costs.insert(name.clone(), (persona.version, cost));
        Some(cost)
    }
}

/// What is listed of one window.
fn listed(
    split: &SurplusSplit,
    window: DeliveryWindow,
    policy: &LendingPolicy,
    carrying_cost: u32,
    critical_ratio: f64,
) -> Vec<Surplus> {
    let of = |class, units: u32, odds: Odds| Surplus {
        window,
        class,
        units,
        carrying_cost,
        reclaim_ppm: odds.reclaim_ppm,
        unused_ppm: odds.unused_ppm,
        reserve_floor: policy.reserve_floor,
        shortage_cost: shortage_cost(carrying_cost, critical_ratio),
    };
    let both = [
        of(LeaseClass::Firm, split.firm, split.firm_odds),
        of(LeaseClass::Reclaimable, split.reclaimable, split.reclaimable_odds),
    ];
    both.into_iter().filter(|one| one.units > 0).collect()
}
