//! Measures how long a round of 10,000 fills takes from the begin of its seal to the commit of its settlement, on SQLite
//! and on PostgreSQL. One JSON object per figure goes to standard output, words for people to standard error.
#![expect(clippy::expect_used, reason = "a measurement that can't be taken ends with a message")]

use forewarm_auction::{LeaseClass, MicroCredits, Seed};
use forewarm_bus::LocalBus;
use forewarm_domain::{
    id::TenantName,
    lending::DeliveryWindow,
    time::{ManualClock, TimestampMs},
};
use forewarm_market::{
    Market, MarketConfig, MarketParts, Point, Probe,
    model::{
        Caller, Currency, ExchangeRate, NewBid, NewDeposit, NewOffer, NewOrganisation, OrganisationKind, RoundState,
        TimeInForce,
    },
};
use forewarm_tests::Postgres;
use futures::{StreamExt, stream};
use std::{
    collections::BTreeMap,
    env,
    sync::{Arc, Mutex},
    time::Instant,
};
use tempfile::TempDir;

const FILLS: u32 = 10_000;
const TENANTS: u32 = 100;
const REPETITIONS: usize = 3;
const START: i64 = 1_800_000_000_000;
const TARGET_MS: f64 = 1_000.0;
const FLOOR: &str = "none: the least work would be the same rows by the same statements";

/// Notes when each point was passed last.
#[derive(Default)]
struct Times(Mutex<BTreeMap<Point, Instant>>);

impl Probe for Times {
    fn reached(&self, point: Point) {
        self.0.lock().expect("lock").insert(point, Instant::now());
    }
}

#[tokio::main]
async fn main() {
    let mut sqlite = Vec::new();
    for _ in 0..REPETITIONS {
        let folder = TempDir::new().expect("a folder");
        sqlite.push(measure(&format!("sqlite://{}", folder.path().join("market.db").display())).await);
    }
    tell("settle_10k_sqlite_ms", &sqlite, "full");
    if env::var_os("FOREWARM_TEST_PG_BIN").is_none() {
        println!(r#"{{"figure":"settle_10k_postgres_ms","value":null,"skipped":"FOREWARM_TEST_PG_BIN is not set"}}"#);
        return;
    }
    let server = Postgres::start();
    let mut postgres = Vec::new();
    for place in 0..REPETITIONS {
        postgres.push(measure(&server.create_database(&format!("bench{place}"))).await);
    }
    tell("settle_10k_postgres_ms", &postgres, "off");
}

/// Milliseconds from the begin of the seal to the settlement's commit, in all and by step.
struct Measured {
    total: f64,
    steps: BTreeMap<String, f64>,
}

fn tell(figure: &str, measured: &[Measured], synced: &str) {
    let mut totals: Vec<f64> = measured.iter().map(|one| one.total).collect();
    totals.sort_by(f64::total_cmp);
    let value = totals.get(totals.len() / 2).copied().expect("measured");
    let spread = [totals.first().copied(), totals.last().copied()];
    let steps = measured.last().map(|one| &one.steps);
    let line = serde_json::json!({"figure": figure, "value": value, "unit": "ms", "target": TARGET_MS, "better": "lower",
        "floor": null, "floor_is": FLOOR, "spread": spread, "repetitions": totals.len(), "steps_ms": steps,
        "sync": synced, "fills": FILLS});
    println!("{line}");
}

async fn measure(url: &str) -> Measured {
    let clock = Arc::new(ManualClock::at(TimestampMs(START)));
    let times = Arc::new(Times::default());
    let config = MarketConfig { url: url.to_owned(), ..MarketConfig::default() };
    let parts = MarketParts {
        clock: Arc::clone(&clock) as _,
        seeds: Arc::new(|| Seed([7; 32])),
        bus: Arc::new(LocalBus::new()),
        probe: Arc::clone(&times) as _,
    };
    let market = Market::open(config, parts).await.expect("a market");
    fill(&market).await;
    clock.advance_to(TimestampMs(START + 60_000));
    let start = Instant::now();
    market.advance().await.expect("a pass");
    let rounds = market.rounds(None, None, 10).await.expect("rounds");
    let trades: u64 = rounds.iter().filter_map(|round| round.state.settlement()).map(|one| one.trades).sum();
    assert_eq!(trades, u64::from(FILLS), "every bid is one fill");
    assert!(rounds.iter().any(|round| matches!(round.state, RoundState::Published { .. })));
    let passed = times.0.lock().expect("lock").clone();
    let ms = |point: &Point| passed.get(point).map_or(0.0, |at| (*at - start).as_secs_f64() * 1e3);
    let steps = [Point::Sealed, Point::Computed, Point::Cleared, Point::BeforeSettle, Point::Settled, Point::Published];
    let steps = steps.iter().map(|point| (format!("{point:?}"), ms(point))).collect();
    market.close().await;
    eprintln!("{url}: {:.1} ms", ms(&Point::Settled));
    Measured { total: ms(&Point::Settled), steps }
}

fn name(kind: &str, place: u32) -> TenantName {
    format!("{kind}-{place}").parse().expect("a name")
}

/// Owners with as much as all buyers want, each bid for one instance.
async fn fill(market: &Market) {
    let by = Caller::operator("bench");
    let window = DeliveryWindow::new(TimestampMs(START + 3_600_000), TimestampMs(START + 7_200_000)).expect("a window");
    let persona = || "web".parse().expect("a name");
    for place in 0..TENANTS {
        for kind in ["owner", "buyer"] {
            let (name, currency) = (name(kind, place), Currency::credit());
            let (kind, rate) = (OrganisationKind::Internal, ExchangeRate::PARITY);
            let new = NewOrganisation { name: name.clone(), kind, currency: currency.clone(), rate };
            market.create_organisation(&by, new).await.expect("made");
            let (amount, reference) = (MicroCredits(1_000_000_000_000), "first".parse().expect("a reference"));
            market.deposit(&by, NewDeposit { tenant: name, currency, amount, reference }).await.expect("paid in");
        }
        let new = NewOffer {
            tenant: name("owner", place),
            persona: persona(),
            window,
            class: LeaseClass::Reclaimable,
            quantity: (FILLS / TENANTS).into(),
            reserve: 5,
            firm_premium: None,
            time_in_force: TimeInForce::UntilWindow,
            idempotency_key: None,
        };
        market.place_offer(&by, new).await.expect("listed");
    }
    let bids = stream::iter(0..FILLS).map(|place| {
        let new = NewBid {
            tenant: name("buyer", place % TENANTS),
            persona: persona(),
            window,
            class: LeaseClass::Reclaimable,
            quantity: 1,
            limit: i64::from(6 + place % 50),
            min_fill: None,
            time_in_force: TimeInForce::UntilWindow,
            exclusive_group: None,
            idempotency_key: None,
        };
        let by = &by;
        async move { market.place_bid(by, new).await.expect("placed") }
    });
    let placed = bids.buffer_unordered(1_000).count().await;
    assert_eq!(placed, FILLS as usize);
}
