//! A market with three organisations, a clock that the test moves, and a host.

use crate::host::Host;
use forewarm_auction::{LeaseClass, MicroCredits, Seed};
use forewarm_bus::{LocalBus, Service};
use forewarm_domain::{
    id::{PersonaName, TenantName},
    lending::{DeliveryWindow, Moment},
    time::{Clock, TimestampMs},
};
use forewarm_market::{
    Market, MarketConfig, MarketError, MarketParts, NoProbe, Probe,
    model::{
        BidOrder, Caller, Currency, ExchangeRate, NewBid, NewDeposit, NewOffer, NewOrganisation, Offer,
        OrganisationKind, TimeInForce,
    },
};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};
use tempfile::TempDir;

/// A full hour on some day.
pub(crate) const START: i64 = 1_800_000_000_000;
/// A million credits.
pub(crate) const RICH: i64 = 1_000_000_000_000;

/// A clock that can be set apart from the time that passes.
#[derive(Debug)]
pub(crate) struct TestClock(Mutex<Moment>);

impl TestClock {
    pub(crate) fn at(ms: i64) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Moment { at: TimestampMs(ms), uptime_ms: ms, boot: "one".into() })))
    }

    /// Time passes.
    pub(crate) fn pass(&self, ms: i64) {
        let mut moment = self.0.lock().expect("lock");
        moment.at = moment.at + ms;
        moment.uptime_ms += ms;
    }

    /// Somebody sets the calendar.
    pub(crate) fn set(&self, by_ms: i64) {
        let mut moment = self.0.lock().expect("lock");
        moment.at = moment.at + by_ms;
    }
}

impl Clock for TestClock {
    fn now(&self) -> TimestampMs {
        self.0.lock().expect("lock").at
    }

    fn moment(&self) -> Moment {
        self.0.lock().expect("lock").clone()
    }
}

pub(crate) struct World {
    pub(crate) market: Market,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) host: Arc<Host>,
    pub(crate) bus: Arc<LocalBus>,
    pub(crate) config: MarketConfig,
    _service: Service,
    _folder: Option<TempDir>,
}

pub(crate) fn tenant(name: &str) -> TenantName {
    name.parse().expect("a name")
}

pub(crate) fn persona() -> PersonaName {
    "web".parse().expect("a name")
}

pub(crate) fn operator() -> Caller {
    Caller::operator("test")
}

/// From so many minutes after the start for so many.
pub(crate) fn window(from_min: i64, minutes: i64) -> DeliveryWindow {
    let at = |minute: i64| TimestampMs(START + minute * 60_000);
    DeliveryWindow::new(at(from_min), at(from_min + minutes)).expect("a window")
}

/// Counted seeds: the same market comes to the same results.
pub(crate) fn seeds() -> Arc<dyn Fn() -> Seed + Send + Sync> {
    let count = AtomicU64::new(1);
    Arc::new(move || {
        let mut seed = [7; 32];
        seed[..8].copy_from_slice(&count.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        Seed(seed)
    })
}

pub(crate) fn bid(name: &str, quantity: i64, limit: i64) -> NewBid {
    NewBid {
        tenant: tenant(name),
        persona: persona(),
        window: window(5, 5),
        class: LeaseClass::Reclaimable,
        quantity,
        limit,
        min_fill: None,
        time_in_force: TimeInForce::UntilWindow,
        exclusive_group: None,
        idempotency_key: None,
    }
}

pub(crate) fn offer(name: &str, quantity: i64, reserve: i64) -> NewOffer {
    NewOffer {
        tenant: tenant(name),
        persona: persona(),
        window: window(5, 5),
        class: LeaseClass::Reclaimable,
        quantity,
        reserve,
        firm_premium: None,
        time_in_force: TimeInForce::UntilWindow,
        idempotency_key: None,
    }
}

impl World {
    /// Over a SQLite file of its own.
    pub(crate) async fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        let url = format!("sqlite://{}", folder.path().join("market.db").display());
        let config = MarketConfig { url, ..MarketConfig::default() };
        Self::open(config, Some(folder)).await
    }

    pub(crate) async fn with(config: MarketConfig) -> Self {
        let folder = TempDir::new().expect("a folder");
        let url = format!("sqlite://{}", folder.path().join("market.db").display());
        Self::open(MarketConfig { url, ..config }, Some(folder)).await
    }

    pub(crate) async fn open(config: MarketConfig, folder: Option<TempDir>) -> Self {
        let clock = TestClock::at(START);
        let (bus, host) = (Arc::new(LocalBus::new()), Host::new(None));
        let service = host.serve(bus.as_ref(), &persona()).await;
        let market = open(&config, &clock, &bus, Arc::new(NoProbe)).await;
        found(&market).await;
        Self { market, clock, host, bus, config, _service: service, _folder: folder }
    }

    /// Ends the market and opens it again.
    pub(crate) async fn restart(&mut self) {
        self.market.close().await;
        self.market = open(&self.config, &self.clock, &self.bus, Arc::new(NoProbe)).await;
    }

    /// Lets seconds pass, with a pass of the market at the end.
    pub(crate) async fn pass(&self, seconds: i64) {
        self.clock.pass(seconds * 1_000);
        self.market.advance().await.expect("a pass");
    }

    pub(crate) async fn bid(&self, new: NewBid) -> Result<BidOrder, MarketError> {
        self.market.place_bid(&operator(), new).await
    }

    pub(crate) async fn offer(&self, new: NewOffer) -> Result<Offer, MarketError> {
        self.market.place_offer(&operator(), new).await
    }

    /// What a tenant has: balance, held, available.
    pub(crate) async fn money(&self, name: &str) -> (i64, i64, i64) {
        let view = self.market.account(&operator(), &tenant(name)).await.expect("an account");
        (view.account.balance.0, view.account.held.0, view.available.0)
    }
}

pub(crate) async fn open(
    config: &MarketConfig,
    clock: &Arc<TestClock>,
    bus: &Arc<LocalBus>,
    probe: Arc<dyn Probe>,
) -> Market {
    let (clock, bus) = (Arc::clone(clock) as _, Arc::clone(bus) as _);
    Market::open(config.clone(), MarketParts { clock, seeds: seeds(), bus, probe }).await.expect("a market")
}

/// `farm` owns capacity; `shop` and `lab` buy; `acme` is a customer who pays in euros. All are rich.
pub(crate) async fn found(market: &Market) {
    let internal = [
        ("farm", Currency::credit(), 1_000_000),
        ("shop", Currency::credit(), 1_000_000),
        ("lab", Currency::credit(), 1_000_000),
    ];
    let external = [("acme", "EUR".parse().expect("a currency"), 333_333)];
    for (name, currency, rate) in internal.into_iter().chain(external) {
        let kind = if currency.is_credit() { OrganisationKind::Internal } else { OrganisationKind::External };
        let rate = ExchangeRate::try_from(rate).expect("a rate");
        let new = NewOrganisation { name: tenant(name), kind, currency: currency.clone(), rate };
        match market.create_organisation(&operator(), new).await {
            Ok(_) | Err(MarketError::Exists { .. }) => {}
            Err(error) => panic!("{error}"),
        }
        pay_in(market, name, currency, RICH, "first").await;
    }
}

pub(crate) async fn pay_in(market: &Market, name: &str, currency: Currency, amount: i64, reference: &str) {
    let (amount, reference) = (MicroCredits(amount), reference.parse().expect("a reference"));
    let new = NewDeposit { tenant: tenant(name), currency, amount, reference };
    market.deposit(&operator(), new).await.expect("paid in");
}
