//! A market over NATS, on either database, with a host that the test plays.

use crate::host::Host;
use crate::market::{Caller, Launch, Market, bid, offer, text, with};
use forewarm_bus::{NatsBus, NatsConfig, Service};
use forewarm_tests::{NatsServer, Postgres};
use serde_json::{Value, json};
use std::sync::Arc;

/// Instances that are leased.
pub(crate) const UNITS: i64 = 4;
/// What the owner asks for one and second. Nobody competes, so that it is the price.
pub(crate) const PRICE: i64 = 10;
/// Seconds of notice.
pub(crate) const NOTICE_S: i64 = 6;
/// Seconds of a window.
pub(crate) const WINDOW_S: i64 = 6 * 3_600;

const RULES: &str = "[market.rules]\nnear_term_interval_s = 1\nday_ahead_interval_s = 1\nwindow_grid_s = 1\n\
    handover_lead_s = 1\nretry_s = 1\nmin_run_s = 0\nnotice_s = 6\n";

/// Where the market keeps its records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    Sqlite,
    Postgres,
}

pub(crate) struct Hosted {
    pub(crate) market: Market,
    pub(crate) nats: NatsServer,
    pub(crate) host: Arc<Host>,
    pub(crate) owner: Caller,
    pub(crate) buyer: Caller,
    _postgres: Option<Postgres>,
    _bus: NatsBus,
    _service: Service,
}

impl Hosted {
    pub(crate) async fn start(kept: Kept) -> Self {
        Self::start_as(kept, Launch::new(RULES)).await
    }

    /// The same as a program that is started with something more.
    pub(crate) async fn start_with(kept: Kept, env: Vec<(&'static str, std::ffi::OsString)>) -> Self {
        Self::start_as(kept, Launch { env, ..Launch::new(RULES) }).await
    }

    async fn start_as(kept: Kept, mut launch: Launch) -> Self {
        let nats = NatsServer::start();
        let postgres = (kept == Kept::Postgres).then(Postgres::start);
        launch.args.extend(["--nats".to_owned(), nats.url()]);
        launch.args.extend(postgres.iter().flat_map(|server| ["--database".to_owned(), server.url()]));
        let bus = NatsBus::connect(NatsConfig::new(vec![nats.url()])).await.unwrap();
        let host = Host::new(None);
        let service = host.serve(&bus, &"web".parse().unwrap()).await;
        let market = Market::start_as(launch);
        let owner = market.member("core", 9_000_000_000, &["owner", "auditor"]).await;
        let buyer = market.member("shop", 9_000_000_000, &["buyer", "auditor"]).await;
        Self { market, nats, host, owner, buyer, _postgres: postgres, _bus: bus, _service: service }
    }

    /// Starts the market's program again after it was killed.
    pub(crate) fn restart(&mut self) {
        self.market.restart();
        self.owner = self.market.caller(self.owner.token());
        self.buyer = self.market.caller(self.buyer.token());
    }

    /// A trade for a window that begins in a few seconds; gives its lease.
    pub(crate) async fn trade(&self) -> Lease {
        let from = time::OffsetDateTime::now_utc().unix_timestamp() + 4;
        let window = json!({ "from": text(from), "until": text(from + WINDOW_S) });
        self.owner.post("/offers", &with(offer(UNITS, PRICE), "window", window.clone())).await.json();
        self.buyer.post("/bids", &with(bid(UNITS, 2 * PRICE), "window", window)).await.json();
        let id = |leases: &Value| leases.get(0).and_then(|lease| lease["lease"]["id"].as_str()).map(str::to_owned);
        Lease { id: self.buyer.until("/leases", id).await, from_ms: from * 1_000 }
    }

    /// The lease as its tenant sees it.
    pub(crate) async fn look(&self, lease: &Lease) -> Value {
        self.buyer.get(&lease.path()).await.json()["lease"].clone()
    }

    /// Waits until it is in this state.
    pub(crate) async fn until(&self, lease: &Lease, state: &str) -> Value {
        let found = |view: &Value| Some(view["lease"].clone()).filter(|lease| lease["state"]["state"] == state);
        self.buyer.until(&lease.path(), found).await
    }

    /// Calls all of it back; gives the deadline in milliseconds since 1970.
    pub(crate) async fn call_back(&self) -> i64 {
        let called = self.owner.post("/reclaims", &json!({ "persona": "web", "units": UNITS })).await.json();
        assert_eq!(called["units"], UNITS, "{called}");
        millis(&called["deadline"])
    }

    /// What the tenant got of one kind.
    pub(crate) async fn booked(&self, kind: &str) -> i64 {
        let ledger = self.buyer.get("/ledger?limit=1000").await.json();
        let entries = ledger.as_array().unwrap().iter().filter(|entry| entry["kind"] == kind);
        entries.filter_map(|entry| entry["amount"].as_i64()).sum()
    }
}

/// A lease and when its window begins.
pub(crate) struct Lease {
    id: String,
    pub(crate) from_ms: i64,
}

impl Lease {
    pub(crate) fn path(&self) -> String {
        format!("/leases/{}", self.id)
    }

    pub(crate) fn until_ms(&self) -> i64 {
        self.from_ms + WINDOW_S * 1_000
    }
}

/// An instant of the API in milliseconds since 1970.
pub(crate) fn millis(instant: &Value) -> i64 {
    let format = &time::format_description::well_known::Rfc3339;
    let parsed = time::OffsetDateTime::parse(instant.as_str().unwrap(), format).unwrap();
    i64::try_from(parsed.unix_timestamp_nanos() / 1_000_000).unwrap()
}

/// By this machine's calendar.
pub(crate) fn now_ms() -> i64 {
    i64::try_from(time::OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000).unwrap()
}
