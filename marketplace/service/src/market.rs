//! The facade: what can be asked of the market, each verb a change that is durable when it returns, or a look.

mod driver;
mod hosts;
mod leases;
mod money;
mod orders;
mod organisations;
mod query;
mod rim;
mod views;

use crate::{
    config::MarketConfig,
    core::{actor::Actor, state::State},
    error::MarketError,
    model::MarketKind,
    probe::Probe,
    store::Store,
};
use forewarm_auction::Seed;
use forewarm_bus::Bus;
use forewarm_domain::time::{Clock, TimestampMs};
use std::{
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
    time::Duration,
};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

pub use query::{AccountView, EventQuery, LeaseQuery, LedgerQuery, OrderQuery, PriceQuery, Side};

/// How often the market looks for what is due.
const TICK: Duration = Duration::from_millis(200);

/// What the market is handed.
#[derive(Clone)]
pub struct MarketParts {
    /// Tells the date, and the time that nobody sets.
    pub clock: Arc<dyn Clock>,
    /// Draws the seed of a round's lottery: unpredictable in production.
    pub seeds: Arc<dyn Fn() -> Seed + Send + Sync>,
    /// Carries events, and calls to the hosts that have the instances.
    pub bus: Arc<dyn Bus>,
    /// Is told of the points that are passed.
    pub probe: Arc<dyn Probe>,
}

/// Seeds from the operating system's randomness.
#[must_use]
pub fn random_seeds() -> Arc<dyn Fn() -> Seed + Send + Sync> {
    Arc::new(|| {
        let halves = [uuid::Uuid::new_v4(), uuid::Uuid::new_v4()];
        // Version 4 fixes six bits of each: 244 are left to chance.
        Seed(*blake3::hash(&halves.map(uuid::Uuid::into_bytes).concat()).as_bytes())
    })
}

/// The market. Clones are the same one.
#[derive(Clone)]
pub struct Market(Arc<Inner>);

struct Inner {
    config: Arc<MarketConfig>,
    parts: MarketParts,
    store: Store,
    actor: Actor,
    closing: CancellationToken,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// One pass at a time moves rounds and leases on.
    pass: tokio::sync::Mutex<()>,
}

impl Market {
    /// Opens the market's database, brings it up to date, and takes up what was under way.
    ///
    /// # Errors
    /// [`MarketError::Damaged`] when a setting can't be used or records can't be read, [`MarketError::Unavailable`] when the
    /// database can't be opened now.
    pub async fn open(config: MarketConfig, parts: MarketParts) -> Result<Self, MarketError> {
        if let Some(fault) = config.faults().first() {
            return Err(MarketError::Damaged(fault.to_string()));
        }
        let config = Arc::new(config);
        let store = Store::open(&config).await?;
        let state = State::new(Arc::clone(&config), store.load(&config).await?);
        let closing = CancellationToken::new();
        let probe = Arc::clone(&parts.probe);
        let (actor, work) = Actor::start(Arc::clone(&config), store.clone(), probe, state, closing.clone());
        let thread = Mutex::new(Some(on_own_thread(work).await?));
        let pass = tokio::sync::Mutex::new(());
        let market = Self(Arc::new(Inner { config, parts, store, actor, closing, thread, pass }));
        market.open_rounds_that_are_missing().await?;
        Ok(market)
    }

    /// Moves rounds and leases on and lets events leave until `stop` is cancelled, and answers hosts meanwhile.
    pub async fn run(&self, stop: CancellationToken) {
        let mut hosts = None;
        while !stop.is_cancelled() {
            if hosts.is_none() {
                // Where the bus is away at this moment, the next pass tries again.
                let served = self.serve_hosts().await;
                hosts = served.inspect_err(|error| tracing::error!(%error, "hosts can't reach the market")).ok();
            }
            if let Err(error) = self.advance().await {
                tracing::error!(%error, "the market could not move on; trying again");
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(TICK) => {}
            }
        }
        drop(hosts);
    }

    /// Ends the thread that changes the market once what is queued is written, then closes the database.
    pub async fn close(&self) {
        self.0.closing.cancel();
        let thread = self.0.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && tokio::task::spawn_blocking(move || thread.join().is_err()).await.unwrap_or(true)
        {
            tracing::error!("the market's thread ended abnormally");
        }
        self.0.store.close().await;
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &MarketConfig {
        &self.0.config
    }

    fn now(&self) -> TimestampMs {
        self.0.parts.clock.now()
    }

    async fn open_rounds_that_are_missing(&self) -> Result<(), MarketError> {
        let (now, seeds) = (self.now(), MarketKind::ALL.map(|kind| (kind, (self.0.parts.seeds)())));
        let open = move |state: &mut State| {
            seeds.into_iter().for_each(|(kind, seed)| state.open_missing(kind, seed, now));
            Ok(())
        };
        self.0.actor.change(open).await
    }
}

impl std::fmt::Debug for Market {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Market").finish_non_exhaustive()
    }
}

/// Runs the one task that changes the market where no request makes it wait. It ends when it is closed, with what was
/// queued by then, or when nobody is left to ask.
async fn on_own_thread(work: impl Future<Output = ()> + Send + 'static) -> Result<JoinHandle<()>, MarketError> {
    let (started, outcome) = oneshot::channel();
    let body = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        match runtime {
            Ok(runtime) => {
                drop(started.send(Ok(())));
                runtime.block_on(work);
            }
            Err(error) => drop(started.send(Err(error.to_string()))),
        }
    };
    let thread = std::thread::Builder::new().name("forewarm-market".into()).spawn(body);
    let thread = thread.map_err(|error| MarketError::Unavailable(error.to_string()))?;
    outcome.await.map_err(|_| MarketError::Closed)?.map_err(MarketError::Unavailable)?;
    Ok(thread)
}
