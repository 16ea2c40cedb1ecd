//! Killed at every point of the way, on both databases: after a restart there is the same result, and no transfer, lease,
//! event or instance is lost or doubled. The market runs in a process of its own, which ends itself at the point.

use crate::{
    accounts,
    host::Host,
    world::{START, TestClock, bid, found, offer, open, operator, persona, tenant, window},
};
use forewarm_auction::LeaseClass;
use forewarm_bus::LocalBus;
use forewarm_domain::time::Clock;
use forewarm_market::{
    EventQuery, LeaseQuery, Market, MarketConfig, NoProbe, Point, Probe, Side,
    model::{LeaseState, NewBid, NewOffer, ReclaimRequest, RoundState},
};
use forewarm_tests::Postgres;
use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Command, ExitStatus},
    sync::Arc,
};
use tempfile::TempDir;

const FOLDER: &str = "FOREWARM_MARKET_CHILD";
const URL: &str = "FOREWARM_MARKET_CHILD_URL";
const POINT: &str = "FOREWARM_MARKET_CHILD_POINT";
/// Seconds between two passes.
const STEP_S: i64 = 30;
/// All is over by then.
const END_S: i64 = 900;
/// When the owner calls one lease back.
const RECLAIM_S: i64 = 390;

/// Ends the process as a power cut would.
struct Kill(Point);

impl Probe for Kill {
    fn reached(&self, point: Point) {
        if point == self.0 {
            let own = rustix::process::getpid();
            rustix::process::kill_process(own, rustix::process::Signal::KILL).expect("killed");
            // The signal may take a moment.
            std::thread::park();
        }
    }
}

/// Not a test of its own: what the killed process runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs in the processes that the other tests of this file start"]
async fn child() {
    let Some(folder) = env::var_os(FOLDER) else { return };
    let folder = Path::new(&folder);
    let point = env::var(POINT).ok();
    let point = point.map(|name| Point::ALL.into_iter().find(|one| format!("{one:?}") == name).expect("a point"));
    let probe: Arc<dyn Probe> = point.map_or_else(|| Arc::new(NoProbe) as _, |point| Arc::new(Kill(point)) as _);
    run(folder, &env::var(URL).expect("a URL"), probe).await;
}

fn config(url: &str) -> MarketConfig {
    MarketConfig { url: url.to_owned(), notice_s: 30, min_run_s: 60, retry_s: 1, ..MarketConfig::default() }
}

/// Orders in the first round, a firm and a reclaimable lease, a reclaim, to the end. What was done is asked for again
/// after a restart, under the same keys; the time of a step that was not finished is its time again.
async fn run(folder: &Path, url: &str, probe: Arc<dyn Probe>) {
    let file = folder.join("clock");
    let done: i64 = fs::read_to_string(&file).map_or(0, |text| text.parse().expect("its own file"));
    let clock = TestClock::at(START + done * 1_000);
    let (bus, host) = (Arc::new(LocalBus::new()), Host::new(Some(folder.join("host"))));
    let _service = host.serve(bus.as_ref(), &persona()).await;
    let market = open(&config(url), &clock, &bus, probe).await;
    if done == 0 {
        found(&market).await;
        order(&market).await;
    }
    let mut at = done;
    while at < END_S {
        at += STEP_S;
        clock.pass(STEP_S * 1_000);
        market.advance().await.expect("a pass");
        if at == RECLAIM_S {
            call_back(&market).await;
        }
        fs::write(&file, at.to_string()).expect("written");
    }
    assert_eq!(clock.now().0, START + END_S * 1_000);
    market.close().await;
}

async fn order(market: &Market) {
    let key = |name: &str| Some(name.parse().expect("a key"));
    for (class, name) in [(LeaseClass::Firm, "f"), (LeaseClass::Reclaimable, "r")] {
        let listed = NewOffer { class, idempotency_key: key(name), ..offer("farm", 4, 5) };
        market.place_offer(&operator(), listed).await.expect("listed");
        let wanted = NewBid { class, idempotency_key: key(name), ..bid("shop", 4, 9) };
        market.place_bid(&operator(), wanted).await.expect("placed");
    }
    let wanted = NewBid { idempotency_key: key("c"), window: window(10, 5), ..bid("acme", 2, 9) };
    market.place_bid(&operator(), wanted).await.expect("placed");
}

/// Calls back what is active; a second time finds it under notice already.
async fn call_back(market: &Market) {
    let request = ReclaimRequest { seller: tenant("farm"), persona: persona(), units: 4, reason: "needed".into() };
    market.reclaim(&operator(), request).await.expect("called back");
}

/// What has to be the same whenever the process is killed.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    /// Kind, signed amount and how often, per tenant.
    money: BTreeMap<(String, String, i64), usize>,
    leases: BTreeMap<String, usize>,
    events: BTreeMap<String, usize>,
    published: usize,
    granted: usize,
    released: usize,
}

async fn outcome(folder: &Path, url: &str) -> Outcome {
    let clock = TestClock::at(START + END_S * 1_000);
    let market = open(&config(url), &clock, &Arc::new(LocalBus::new()), Arc::new(NoProbe)).await;
    accounts::check(&market).await;
    let mut money = BTreeMap::new();
    for name in accounts::TENANTS {
        for entry in accounts::entries(&market, name).await {
            *money.entry((name.to_owned(), entry.kind.to_string(), entry.amount.0)).or_default() += 1;
        }
    }
    let query = LeaseQuery { side: Side::Buyer, tenant: None, live_only: false, limit: 100 };
    let mut leases = BTreeMap::new();
    for lease in market.leases(&operator(), query).await.expect("leases") {
        let LeaseState::Returned { end, .. } = lease.state else { panic!("{lease:?}") };
        *leases.entry(format!("{:?} {} {end:?}", lease.class, lease.units)).or_default() += 1;
    }
    let found = market.events(EventQuery { after: 0, limit: 1_000 }).await.expect("events");
    let ids: BTreeSet<_> = found.iter().map(|event| event.id).collect();
    assert_eq!(ids.len(), found.len(), "an event comes twice");
    let mut events = BTreeMap::new();
    found.iter().for_each(|event| *events.entry(event.topic.to_string()).or_default() += 1);
    let rounds = market.rounds(None, None, 1_000).await.expect("rounds");
    let published = rounds.iter().filter(|round| matches!(round.state, RoundState::Published { .. })).count();
    let open = rounds.iter().filter(|round| round.state == RoundState::Open).count();
    assert_eq!(published + open, rounds.len(), "every round is open or over");
    market.close().await;
    let host = Host::new(Some(folder.join("host")));
    let held = host.leases.lock().expect("lock");
    let released = held.values().filter(|held| held.released).count();
    Outcome { money, leases, events, published, granted: held.len(), released }
}

fn child_process(folder: &Path, url: &str, point: Option<Point>) -> ExitStatus {
    let mut child = Command::new(env::current_exe().expect("itself"));
    child.args(["--exact", "crash::child", "--ignored", "--nocapture"]).env(FOLDER, folder).env(URL, url);
    child.env_remove(POINT);
    if let Some(point) = point {
        child.env(POINT, format!("{point:?}"));
    }
    child.stdout(std::process::Stdio::null()).status().expect("started")
}

/// The result that a killed round had noted, if it had.
async fn noted(url: &str) -> Option<String> {
    let clock = TestClock::at(START);
    let market = open(&config(url), &clock, &Arc::new(LocalBus::new()), Arc::new(NoProbe)).await;
    let rounds = market.rounds(None, None, 1_000).await.expect("rounds");
    let found = rounds.iter().find_map(|round| match &round.state {
        RoundState::Cleared { result, .. } => Some(result.to_string()),
        _ => None,
    });
    market.close().await;
    found
}

async fn results(url: &str) -> BTreeSet<String> {
    let clock = TestClock::at(START);
    let market = open(&config(url), &clock, &Arc::new(LocalBus::new()), Arc::new(NoProbe)).await;
    let rounds = market.rounds(None, None, 1_000).await.expect("rounds");
    let found = rounds.iter().filter_map(|round| round.state.settlement()).map(|one| one.result.to_string()).collect();
    market.close().await;
    found
}

async fn killed_everywhere(url: impl Fn(&str, &Path) -> String) {
    let calm = TempDir::new().expect("a folder");
    let calm_url = url("calm", calm.path());
    assert!(child_process(calm.path(), &calm_url, None).success());
    let expected = outcome(calm.path(), &calm_url).await;
    assert_eq!((expected.granted, expected.released), (2, 2), "{expected:?}");
    assert!(expected.leases.keys().any(|lease| lease.contains("Reclaimed")), "{expected:?}");
    for point in Point::ALL {
        let folder = TempDir::new().expect("a folder");
        let url = url(&format!("killed_{point:?}").to_lowercase(), folder.path());
        let status = child_process(folder.path(), &url, Some(point));
        assert_eq!(status.signal(), Some(9), "{point:?} was not reached: {status}");
        let noted = noted(&url).await;
        assert!(child_process(folder.path(), &url, None).success(), "after {point:?}");
        assert_eq!(outcome(folder.path(), &url).await, expected, "after {point:?}");
        let results = results(&url).await;
        assert!(noted.is_none_or(|noted| results.contains(&noted)), "another result after {point:?}");
    }
}

#[tokio::test]
async fn killed_at_every_point_nothing_is_lost_or_doubled_on_sqlite() {
    killed_everywhere(|_, folder| format!("sqlite://{}", folder.join("market.db").display())).await;
}

#[tokio::test]
async fn killed_at_every_point_nothing_is_lost_or_doubled_on_postgres() {
    let server = Postgres::start();
    killed_everywhere(|name, _| server.create_database(name)).await;
}
