//! The loop that forewarm is for: analyse, plan, reconcile, serve claims, learn.
//!
//! Everything that runs by the clock is a method here that does one round and returns; who calls it decides the time:
//! the machine's clock in production, a virtual one in replays and tests.

mod analyze;
mod calendar;
mod catalog;
mod claims;
mod contests;
mod cycle;
mod days;
mod descriptions;
mod drivers_down;
mod feedback;
mod lending;
mod limits;
mod placing;
mod pool;
mod prices;
mod reconcile;
mod shells;
mod shortages;
mod spending;
mod tiers;
mod view;
mod watch;

use crate::ingest::SeriesBook;
use crate::metrics::Metrics;
use crate::probe::{Point, Probe};
use crate::store::{Store, StoreError, Write};
use analyze::Analyst;
use calendar::Calendar;
use catalog::Catalog;
use contests::Contests;
use days::DayClock;
use descriptions::Descriptions;
use drivers_down::DriversDown;
use feedback::Feedback;
use forewarm_bus::Bus;
use forewarm_bus::message::{Call, Event, EventTopic, call, publish_event};
use forewarm_domain::id::{PersonaName, PluginName};
use forewarm_domain::instance::ClaimState;
use forewarm_domain::plugin::PluginError;
use forewarm_domain::time::Clock;
use lending::Lending;
use pool::{Changes, Notice, Pool};
use prices::PriceBook;
use shells::ShellPlans;
use shortages::Shortages;
use spending::Spending;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tracing::warn;

pub use calendar::CalendarError;
pub use catalog::{Applied, ApplyError};
pub use claims::{ClaimError, ClaimRequest};
pub use cycle::CycleReport;
pub use days::{DayForecast, LoadSeason, ModelRecord};
pub use lending::{InstanceError, LeaseView, Lender, LendingView, SurplusView};
pub use shells::ShellStatus;
pub use spending::Spent;
pub use view::{PersonaStatus, PlanCosts, ProfileError, Status};
pub use watch::Anomaly;

use view::View;
use watch::Watchman;

type Views = HashMap<PersonaName, View>;

/// The figures by which the loop runs; all lengths of time are above zero.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The planning step, which is the series' step too, in milliseconds.
    pub step_ms: i64,
    /// How many steps a plan looks ahead.
    pub horizon_steps: usize,
    /// How long after a step's end its load is known, in milliseconds.
    pub metric_lag_ms: i64,
    /// A load older than this many steps is stale: nothing is decided upon it.
    pub stale_after_steps: i64,
    /// What a boot is taken to last while none was measured, in milliseconds.
    pub default_boot_ms: i64,
    /// A model is fitted anew after this many steps.
    pub refit_after_steps: i64,
    /// Forecast the coming days together; none forecasts none.
    pub day_forecasters: Vec<PluginName>,
    /// A driver operation that failed this often is given up; destroying is tried for ever.
    pub max_attempts: u32,
    /// How long a call to a plugin may take, waiting included.
    pub call_timeout: Duration,
    /// How many calls to plugins may be under way at a time.
    pub parallel_calls: usize,
    /// How many instances a driver may have at a time, where that is limited.
    pub quotas: BTreeMap<PluginName, u32>,
}

/// One host's catalog, instances, claims and plans, and the rounds of its loop.
pub struct Core {
    clock: Arc<dyn Clock>,
    probe: Arc<dyn Probe>,
    settings: Settings,
    store: Store,
    series: Arc<SeriesBook>,
    bus: Arc<dyn Bus>,
    metrics: Arc<Metrics>,
    catalog: Catalog,
    pool: Mutex<Pool>,
    analyst: Analyst,
    days: DayClock,
    watchman: Watchman,
    drivers_down: DriversDown,
    lending: Lending,
    feedback: Feedback,
    contests: Contests,
    shells: ShellPlans,
    calendar: Calendar,
    descriptions: Descriptions,
    shortages: Shortages,
    price_book: PriceBook,
    spending: Spending,
    views: Mutex<Views>,
    wake: Notify,
    applied: Notify,
}

/// What a [`Core`] is built from.
pub struct Parts {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Is told how far leases are.
    pub probe: Arc<dyn Probe>,
    /// The figures by which the loop runs.
    pub settings: Settings,
    /// Where everything is kept.
    pub store: Store,
    /// The series of usage.
    pub series: Arc<SeriesBook>,
    /// Carries calls and events.
    pub bus: Arc<dyn Bus>,
    /// Counts what happens.
    pub metrics: Arc<Metrics>,
}

impl Core {
    /// Takes up where the store says that the last run ended.
    ///
    /// # Errors
    /// [`StoreError`] when the store can't be read.
    pub async fn open(parts: Parts) -> Result<Arc<Self>, StoreError> {
        let Parts { clock, probe, settings, store, series, bus, metrics } = parts;
        let catalog = Catalog::open(store.clone()).await?;
        let leases = store.open_leases().await?;
        let (instances, claims, intents) =
            (store.instances().await?, store.open_claims().await?, store.open_intents().await?);
        let pool = Pool::restore(instances, claims, intents, leases);
        let lending = Lending::open(&store, &catalog).await?;
        let days = DayClock::open(&store, &catalog).await?;
        let feedback = Feedback::open(&store, &catalog, clock.now()).await?;
        let contests = Contests::open(&store, &catalog).await?;
        let calendar = Calendar::open(&store).await?;
        let spending = Spending::open(&store, &catalog).await?;
        let shortages = Shortages::open(&store).await?;
        let descriptions = Descriptions::new(settings.quotas.clone());
        Ok(Arc::new(Self {
            clock,
            probe,
            settings,
            store,
            series,
            bus,
            metrics,
            catalog,
            pool: Mutex::new(pool),
            analyst: Analyst::default(),
            days,
            watchman: Watchman::default(),
            drivers_down: DriversDown::default(),
            lending,
            feedback,
            contests,
            shells: ShellPlans::default(),
            calendar,
            descriptions,
            shortages,
            price_book: PriceBook::default(),
            spending,
            views: Mutex::default(),
            wake: Notify::new(),
            applied: Notify::new(),
        }))
    }

    /// The clock that this host goes by.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// The figures by which the loop runs.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Where everything is kept.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The series of usage.
    #[must_use]
    pub fn series(&self) -> &Arc<SeriesBook> {
        &self.series
    }

    /// Carries calls and events.
    #[must_use]
    pub fn bus(&self) -> &Arc<dyn Bus> {
        &self.bus
    }

    /// The personas, with their versions.
    #[must_use]
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// Resolves when a driver operation has been intended since it was last asked: there is something to dispatch.
    pub async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Resolves when a persona was applied since it was last asked: there is something to plan.
    pub async fn applied(&self) {
        self.applied.notified().await;
    }

    /// Calls a plugin over the bus.
    async fn ask<C: Call>(&self, request: &C) -> Result<C::Answer, PluginError> {
        let answer = call(self.bus.as_ref(), request, self.settings.call_timeout).await;
        let failure = answer.as_ref().err().map(|error| error.kind.to_string());
        self.metrics.plugin_call(request.plugin(), C::OPERATION, failure.as_deref());
        answer
    }

    fn reached(&self, point: Point) {
        self.probe.reached(point);
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        // Every change of the pool leaves it whole before anything that could panic.
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the pool and makes the change durable. Changes reach the store in the order in which they were made; one
    /// that can't be saved now is saved with a later one.
    async fn change<R>(&self, act: impl FnOnce(&mut Pool) -> (R, Changes)) -> Result<R, StoreError> {
        let (result, changes, writes, commit) = {
            let mut pool = self.pool();
            let (result, changes) = act(&mut pool);
            let writes = pool.take_unsaved();
            let commit = self.store.submit(writes.clone());
            (result, changes, writes, commit)
        };
        let started = Instant::now();
        let committed = commit.await;
        self.metrics.store_commit(started.elapsed());
        if let Err(error) = committed {
            self.pool().not_saved(writes);
            return Err(error);
        }
        self.pool().saved(&writes);
        if writes.iter().any(|write| matches!(write, Write::Intent(_))) {
            self.wake.notify_one();
        }
        self.announce(changes).await;
        Ok(result)
    }

    /// Waits until all that was changed so far is saved: what is told afterwards, no power cut takes back.
    async fn durable(&self) -> Result<(), StoreError> {
        self.change(|_| ((), Changes::default())).await?;
        self.store.barrier().await
    }

    async fn announce(&self, changes: Changes) {
        for served in &changes.served {
            self.feedback.served(served, self.clock.now());
            self.metrics.claim_served(
                &served.persona,
                served.warm,
                Duration::from_millis(served.wait_ms.unsigned_abs()),
            );
        }
        for (persona, boot_ms) in changes.boots {
            self.feedback.booted(&persona, boot_ms);
        }
        for (persona, from, took_ms) in changes.activations {
            self.feedback.activated(&persona, from, took_ms);
        }
        for notice in changes.notices {
            if let Notice::Claim(claim) = &notice
                && matches!(claim.state, ClaimState::Waiting { .. })
            {
                self.feedback.queued(&claim.persona);
            }
            let (topic, subject, reason, data) = match notice {
                Notice::Lease { lease, news } => {
                    self.tell_lease(lease, news).await;
                    continue;
                }
                Notice::Claim(claim) => {
                    (EventTopic::ClaimChanged, claim.persona.to_string(), String::new(), serde_json::to_value(&claim))
                }
                Notice::Instance { instance, reason } => {
                    (EventTopic::InstanceChanged, instance.persona.to_string(), reason, serde_json::to_value(&instance))
                }
            };
            self.tell(topic, subject, reason, data.unwrap_or_default()).await;
        }
    }

    /// Publishes an event. An event is news, not a record: one that can't be published is logged and let go.
    async fn tell(&self, topic: EventTopic, subject: String, reason: String, data: serde_json::Value) {
        let event = Event::new(self.clock.now(), topic, subject, reason, data);
        if let Err(error) = publish_event(self.bus.as_ref(), &event).await {
            warn!(%error, topic = ?event.topic, subject = event.subject, "event not published");
        }
    }
}
