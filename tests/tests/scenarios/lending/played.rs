//! The market's side of the bus, and a driver whose wipes fail when they are told to, played by the test over NATS.

use async_trait::async_trait;
use forewarm_bus::message::market::{
    AnnounceCall, Announced, MarketCall, MarketCallError, MarketRefusal, PreviewCall, ReclaimCall, ReclaimCandidate,
    ReclaimPreview, Reclaimed, ServeMarket, Sold, SoldCall, WindowsCall, ask_market, serve_market,
};
use forewarm_bus::message::{Calls, DriverAnswer, DriverCall, DriverRequest, ServeDriver, serve_calls};
use forewarm_bus::{NatsBus, NatsConfig, Service};
use forewarm_domain::id::{IdempotencyToken, InstanceId, PersonaName};
use forewarm_domain::instance::Tier;
use forewarm_domain::lending::DeliveryWindow;
use forewarm_domain::plugin::{DriverInstance, DriverState, PersonaView, PluginError, PluginErrorKind, Price};
use forewarm_domain::time::TimestampMs;
use forewarm_tests::{NatsServer, clock};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};
use tokio::runtime::Runtime;

/// The name of the driver that the test plays.
pub(super) const DRIVER: &str = "driver-played";
/// Windows are of ten seconds each.
const WINDOW_MS: i64 = 10_000;
const WINDOWS: i64 = 3;

/// What the played market was told, and what it answers.
#[derive(Default)]
pub(super) struct Book {
    pub(super) announced: BTreeMap<PersonaName, AnnounceCall>,
    pub(super) candidates: Vec<ReclaimCandidate>,
    pub(super) reclaims: Vec<ReclaimCall>,
}

/// Both parts, on a bus of their own.
pub(super) struct Played {
    runtime: Runtime,
    bus: Arc<NatsBus>,
    market: Arc<Market>,
    pub(super) driver: Arc<Driver>,
    _services: [Service; 2],
}

impl Played {
    pub(super) fn start(nats: &NatsServer) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let (market, driver) = (Arc::new(Market::default()), Arc::new(Driver::default()));
        let (bus, services) = runtime.block_on(async {
            let bus = Arc::new(NatsBus::connect(NatsConfig::new(vec![nats.url()])).await.expect("connected"));
            let name = DRIVER.parse().expect("a name");
            let calls = Calls::Driver(Arc::clone(&driver) as Arc<dyn ServeDriver>);
            let played = serve_calls(bus.as_ref(), &name, calls, 2).await.expect("served");
            let served: Arc<dyn ServeMarket> = Arc::clone(&market) as _;
            (Arc::clone(&bus), [serve_market(bus.as_ref(), served, 2).await.expect("served"), played])
        });
        Self { runtime, bus, market, driver, _services: services }
    }

    pub(super) fn book(&self) -> MutexGuard<'_, Book> {
        self.market.0.lock().expect("no panic while it was held")
    }

    /// Asks the host once.
    pub(super) fn ask<C: MarketCall>(&self, call: &C) -> Result<C::Answer, MarketCallError<C::Refusal>> {
        self.runtime.block_on(ask_market(self.bus.as_ref(), call, Duration::from_secs(2)))
    }

    /// Asks the host until it answers, as a market does that does not know what became of its call.
    pub(super) fn insist<C: MarketCall>(&self, call: &C) -> Result<C::Answer, C::Refusal> {
        forewarm_tests::eventually("the host's answer to the market", || match self.ask(call) {
            Ok(answer) => Some(Ok(answer)),
            Err(MarketCallError::Refused(refusal)) => Some(Err(refusal)),
            Err(MarketCallError::Bus(_) | MarketCallError::Unreadable(_)) => None,
        })
    }
}

#[derive(Default)]
struct Market(Mutex<Book>);

#[async_trait]
impl ServeMarket for Market {
    async fn windows(&self, _: WindowsCall) -> Result<Vec<DeliveryWindow>, MarketRefusal> {
        let first = TimestampMs(clock::now_ms()).floor(WINDOW_MS) + WINDOW_MS;
        let window = |number: i64| DeliveryWindow::new(first + number * WINDOW_MS, first + (number + 1) * WINDOW_MS);
        Ok((0..WINDOWS).map(|number| window(number).expect("ends later")).collect())
    }
    async fn announce(&self, call: AnnounceCall) -> Result<Announced, MarketRefusal> {
        self.0.lock().expect("whole").announced.insert(call.persona.clone(), call);
        Ok(Announced {})
    }
    async fn sold(&self, _: SoldCall) -> Result<Vec<Sold>, MarketRefusal> {
        Ok(Vec::new())
    }
    async fn preview(&self, _: PreviewCall) -> Result<ReclaimPreview, MarketRefusal> {
        Ok(ReclaimPreview { candidates: self.0.lock().expect("whole").candidates.clone() })
    }
    async fn reclaim(&self, call: ReclaimCall) -> Result<Reclaimed, MarketRefusal> {
        let mut book = self.0.lock().expect("whole");
        if !book.reclaims.contains(&call) {
            book.reclaims.push(call.clone());
        }
        Ok(Reclaimed { reclaim: call.reclaim, leases: std::mem::take(&mut book.candidates) })
    }
}

/// Instances that are warm at once; a wipe fails for those that are named.
#[derive(Default)]
pub(super) struct Driver(Mutex<Machines>);

#[derive(Default)]
struct Machines {
    there: BTreeMap<InstanceId, (PersonaName, i64)>,
    resets: BTreeMap<IdempotencyToken, InstanceId>,
    unwipeable: Vec<InstanceId>,
}

impl Driver {
    pub(super) fn let_wipes_fail(&self, ids: &[InstanceId]) {
        self.0.lock().expect("whole").unwipeable = ids.to_vec();
    }

    /// How often an instance was wiped: with how many tokens.
    pub(super) fn wipes(&self, id: InstanceId) -> usize {
        self.0.lock().expect("whole").resets.values().filter(|wiped| **wiped == id).count()
    }

    pub(super) fn has(&self, id: InstanceId) -> bool {
        self.0.lock().expect("whole").there.contains_key(&id)
    }
}

impl Machines {
    fn instance(&self, id: InstanceId) -> Option<DriverInstance> {
        let (persona, since) = self.there.get(&id)?;
        Some(DriverInstance {
            id,
            reference: format!("machine-{id}"),
            persona: Some(persona.clone()),
            state: DriverState::Stable(Tier::Warm),
            since: TimestampMs(*since),
        })
    }

    fn create(&mut self, id: InstanceId, persona: &PersonaView) {
        self.there.entry(id).or_insert_with(|| (persona.name.clone(), clock::now_ms()));
    }

    fn carry_out(&mut self, operation: DriverRequest) -> Result<DriverAnswer, PluginError> {
        let refuse = |kind, message: &str| {
            let plugin = DRIVER.parse().expect("a name");
            Err(PluginError { plugin, kind, message: message.into() })
        };
        match operation {
            DriverRequest::Prices(_) => Ok(DriverAnswer::Prices(vec![Price { tier: Tier::Warm, per_hour: 0.036 }])),
            DriverRequest::List => {
                Ok(DriverAnswer::Instances(self.there.keys().filter_map(|id| self.instance(*id)).collect()))
            }
            DriverRequest::Create { id, persona, .. } => {
                self.create(id, &persona);
                self.instance(id)
                    .map_or_else(|| refuse(PluginErrorKind::NotFound, "gone"), |one| Ok(DriverAnswer::Instance(one)))
            }
            DriverRequest::Reset { id, .. } if self.unwipeable.contains(&id) => {
                refuse(PluginErrorKind::Other, "the disk can't be wiped")
            }
            DriverRequest::Reset { id, token } => {
                self.resets.insert(token, id);
                self.instance(id)
                    .map_or_else(|| refuse(PluginErrorKind::NotFound, "gone"), |one| Ok(DriverAnswer::Instance(one)))
            }
            DriverRequest::Destroy { id, .. } => {
                self.there.remove(&id);
                Ok(DriverAnswer::Destroyed)
            }
            _ => refuse(PluginErrorKind::Unsupported, "this driver creates, wipes and destroys"),
        }
    }
}

#[async_trait]
impl ServeDriver for Driver {
    async fn drive(&self, call: DriverCall) -> Result<DriverAnswer, PluginError> {
        self.0.lock().expect("whole").carry_out(call.operation)
    }
}
