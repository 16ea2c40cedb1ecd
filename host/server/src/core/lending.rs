//! Lending: what can be spared is announced to the market, what it sells is handed over, and what the owner needs again
//! is called back.
//!
//! Guarantees: whatever is answered to the market is durable; a call that is repeated, after a crash of either side, gets
//! the answer that the first one got; a change of a lease is one event, whatever happens until it is published; an
//! instance that was leased is wiped, or quarantined, before anyone else gets it; and no tenant loses one before its
//! notice is over by a clock that can't be set.

mod announce;
mod desk;
mod news;
mod recall;
mod view;

use super::Core;
use super::catalog::Catalog;
use crate::metrics::LentInstances;
use crate::store::{Store, StoreError};
use forewarm_bus::Service;
use forewarm_bus::message::market::{AnnounceCall, ReclaimCall, Sold, serve_capacity};
use forewarm_domain::id::PersonaName;
use forewarm_domain::persona::Persona;
use forewarm_domain::time::{HOUR_MS, TimestampMs};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tracing::warn;

pub use view::{InstanceError, LeaseView, Lender, LendingView, SurplusView};

/// How long the market may take to answer: plans wait for it.
const MARKET_TIMEOUT: Duration = Duration::from_secs(2);
/// Calls about one persona that are worked on at a time; they change the pool one after the other anyway.
const CALLS_PER_PERSONA: usize = 4;
/// Planning steps before the last moment at which a launch is ready in time: a first failure may still be repeated.
const SPARE_STEPS: i64 = 2;
/// How long a lease that has ended is remembered without the store.
const REMEMBERED_MS: i64 = HOUR_MS;

/// What lending knows beside the pool.
pub(super) struct Lending {
    /// Held while a call of the market's is worked on, so that a repetition never overtakes the first.
    one_at_a_time: tokio::sync::Mutex<()>,
    /// Held while news are told, so that each lease's leave in order.
    telling: tokio::sync::Mutex<()>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// Where calls about a persona's capacity arrive.
    desks: HashMap<PersonaName, Service>,
    /// What the market was told last.
    announced: HashMap<PersonaName, AnnounceCall>,
    /// What a warm instance costs, by version of the persona, in micro-credits per instance-second.
    costs: HashMap<PersonaName, (u32, u32)>,
    /// What the market has sold and not handed over yet, as it said last.
    sold: HashMap<PersonaName, Vec<Sold>>,
    /// Leases that were called back without an answer so far.
    unanswered: HashMap<PersonaName, ReclaimCall>,
}

impl Lending {
    pub(super) async fn open(store: &Store, catalog: &Catalog) -> Result<Self, StoreError> {
        let mut known = Known::default();
        for persona in catalog.list().iter().filter(|persona| persona.spec.lending.is_some()) {
            let name = persona.spec.name.clone();
            let kept = store.setting(&recall::key(&name)).await?;
            if let Some(call) = kept.and_then(|text| serde_json::from_str(&text).ok()) {
                known.unanswered.insert(name, call);
            }
        }
        let (one_at_a_time, telling) = Default::default();
        Ok(Self { one_at_a_time, telling, known: Mutex::new(known) })
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Core {
    /// One round: serves the calls about whatever is lent or may be, and tells the market what can be spared.
    pub async fn lend(self: &Arc<Self>) {
        let personas: Vec<Arc<Persona>> = self.catalog.list();
        let now = self.clock.now();
        let mut lenders = Vec::new();
        for persona in personas {
            let name = &persona.spec.name;
            let leased = !self.pool().open_leases(name).is_empty();
            // A policy that was withdrawn is announced once more, as nothing.
            let offers = self.lending.known().announced.get(name).is_some_and(|last| !last.surplus.is_empty());
            self.metrics.lent(name, self.lent(name), persona.spec.lending.is_some());
            if persona.spec.lending.is_some() || leased || offers {
                self.open_desk(name).await;
                lenders.push(persona);
            }
        }
        if let Err(error) = self.tell_what_waits().await {
            warn!(%error, "the news of leases wait for the store");
        }
        self.pool().forget_leases(now - REMEMBERED_MS);
        let names: HashSet<&PersonaName> = lenders.iter().map(|persona| &persona.spec.name).collect();
        self.lending.known().desks.retain(|name, _| names.contains(name));
        self.announce_surplus(&lenders, now).await;
    }

    fn lent(&self, name: &PersonaName) -> LentInstances {
        let pool = self.pool();
        let (leased, quarantined) = (pool.leased(name), pool.quarantined(name).len());
        let quarantined = u32::try_from(quarantined).unwrap_or(u32::MAX);
        LentInstances { leased: leased.kept, called_back: leased.returning, quarantined }
    }

    /// Instances that have to be ready soon because they were sold: for windows that begin within a launch's length and
    /// some, and have not ended.
    pub(super) fn booked(&self, name: &PersonaName, now: TimestampMs) -> u32 {
        let soon = now + self.lead_ms(name) + SPARE_STEPS * self.settings.step_ms;
        let (known, pool) = (self.lending.known(), self.pool());
        let sold = known.sold.get(name).into_iter().flatten();
        let due = sold.filter(|sold| sold.window.from() <= soon && sold.window.until() > now);
        due.filter(|sold| pool.lease(sold.lease).is_none()).map(|sold| sold.units).sum()
    }

    async fn open_desk(self: &Arc<Self>, name: &PersonaName) {
        if self.lending.known().desks.contains_key(name) {
            return;
        }
        let desk = Arc::new(desk::Desk::new(self));
        match serve_capacity(self.bus.as_ref(), name, desk, CALLS_PER_PERSONA).await {
            Ok(service) => drop(self.lending.known().desks.insert(name.clone(), service)),
            Err(error) => warn!(persona = %name, %error, "the market can't reach this persona's capacity yet"),
        }
    }
}
