//! The market's side of the bus, and a driver whose wipes fail when they are told to, played by the test over NATS.

use async_trait::async_trait;
use forewarm_bus::message::market::{
    AnnounceCall, Announced, MarketCall, MarketCallError, MarketRefusal, PreviewCall, ReclaimCall, ReclaimCandidate,
    ReclaimPreview, Reclaimed, ServeMarket, Sold, SoldCall, WindowsCall, ask_market, serve_market,
};
use forewarm_bus::message::{
    Calls, DriverAnswer, DriverCall, DriverRequest, Event, EventTopic, ServeDriver, decode_event, serve_calls,
};
use forewarm_bus::{Bus, Delivery, NatsBus, NatsConfig, Pattern, Service, Subscription};
use forewarm_domain::id::{IdempotencyToken, InstanceId, PersonaName, ReclaimId};
use forewarm_domain::instance::Tier;
use forewarm_domain::lending::DeliveryWindow;
use forewarm_domain::plugin::{DriverInstance, DriverState, PersonaView, PluginError, PluginErrorKind, Price};
use forewarm_domain::time::TimestampMs;
use forewarm_tests::{NatsServer, clock};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};
use tokio::{runtime::Runtime, task::JoinHandle};

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
    /// What each reclaim was answered with.
    answers: BTreeMap<ReclaimId, Vec<ReclaimCandidate>>,
    /// Events of leases, in the order in which they came, repetitions included.
    pub(super) events: Vec<Event>,
}

/// Both parts, on a bus of their own.
pub(super) struct Played {
    runtime: Runtime,
    bus: Arc<NatsBus>,
    market: Arc<Market>,
    pub(super) driver: Arc<Driver>,
    _services: [Service; 2],
    _listening: JoinHandle<()>,
}

impl Played {
    pub(super) fn start(nats: &NatsServer) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let (market, driver) = (Arc::new(Market::default()), Arc::new(Driver::default()));
        let (bus, services, listening) = runtime.block_on(async {
            let bus = Arc::new(NatsBus::connect(NatsConfig::new(vec![nats.url()])).await.expect("connected"));
            let name = DRIVER.parse().expect("a name");
            let calls = Calls::Driver(Arc::clone(&driver) as Arc<dyn ServeDriver>);
            let played = serve_calls(bus.as_ref(), &name, calls, 2).await.expect("served");
            let served: Arc<dyn ServeMarket> = Arc::clone(&market) as _;
            let heard = bus.subscribe(&Pattern::from(&EventTopic::LeaseChanged.subject())).await.expect("subscribed");
            let listening = tokio::spawn(listen(heard, Arc::clone(&market)));
            let services = [serve_market(bus.as_ref(), served, 2).await.expect("served"), played];
            (bus, services, listening)
        });
        Self { runtime, bus, market, driver, _services: services, _listening: listening }
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

/// Notes every event of a lease.
async fn listen(mut heard: Subscription, market: Arc<Market>) {
    while let Some(delivery) = heard.next().await {
        let Delivery::Message { payload, .. } = delivery else { panic!("events were lost on the way") };
        market.0.lock().expect("whole").events.push(decode_event(&payload).expect("an event"));
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
        if let Some(leases) = book.answers.get(&call.reclaim).cloned() {
            assert!(book.reclaims.contains(&call), "one identifier for two reclaims");
            return Ok(Reclaimed { reclaim: call.reclaim, leases });
        }
        book.reclaims.push(call.clone());
        let leases = std::mem::take(&mut book.candidates);
        book.answers.insert(call.reclaim, leases.clone());
        Ok(Reclaimed { reclaim: call.reclaim, leases })
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
    lists: usize,
}

impl Driver {
    pub(super) fn let_wipes_fail(&self, ids: &[InstanceId]) {
        self.0.lock().expect("whole").unwipeable = ids.to_vec();
    }

    /// How often an instance was wiped: with how many tokens.
    pub(super) fn wipes(&self, id: InstanceId) -> usize {
        self.0.lock().expect("whole").resets.values().filter(|wiped| **wiped == id).count()
    }

    /// How often it was asked what there is.
    pub(super) fn lists(&self) -> usize {
        self.0.lock().expect("whole").lists
    }

    /// What there is.
    pub(super) fn instances(&self) -> BTreeSet<InstanceId> {
        self.0.lock().expect("whole").there.keys().copied().collect()
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
                self.lists += 1;
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
