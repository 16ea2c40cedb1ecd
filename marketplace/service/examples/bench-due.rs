//! Measures what the market's size costs where it should cost nothing: a look at what is due among 100,000 live leases of
//! which nothing is, and bids beside 10,000 budgets of others. One JSON object per figure goes to standard output.
#![expect(clippy::expect_used, reason = "a measurement that can't be taken ends with a message")]

use forewarm_auction::{LeaseClass, MicroCredits, Seed};
use forewarm_bus::LocalBus;
use forewarm_domain::{
    id::TenantName,
    lending::DeliveryWindow,
    time::{ManualClock, TimestampMs},
};
use forewarm_market::{
    Market, MarketConfig, MarketParts, NoProbe,
    model::{
        Caller, Currency, ExchangeRate, NewBid, NewBudget, NewDeposit, NewOffer, NewOrganisation, OrganisationKind,
        TimeInForce,
    },
};
use futures::{StreamExt, stream};
use serde_json::json;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tempfile::TempDir;

const LEASES: u32 = 100_000;
const BUDGETS: u32 = 10_000;
const BIDS: u32 = 5_000;
const PASSES: usize = 200;
const TENANTS: u32 = 20;
const START: i64 = 1_800_000_000_000;

#[tokio::main]
async fn main() {
    let folder = TempDir::new().expect("a folder");
    let clock = Arc::new(ManualClock::at(TimestampMs(START)));
    let url = format!("sqlite://{}", folder.path().join("market.db").display());
    let config = MarketConfig { url, open_orders_max: 1_000_000, ..MarketConfig::default() };
    let parts = MarketParts {
        clock: Arc::clone(&clock) as _,
        seeds: Arc::new(|| Seed([7; 32])),
        bus: Arc::new(LocalBus::new()),
        probe: Arc::new(NoProbe),
    };
    let market = Market::open(config, parts).await.expect("a market");
    tenants(&market).await;

    let floor = bids(&market, BIDS, 2).await;
    budgets(&market).await;
    let beside = bids(&market, BIDS, 2).await;
    let (text, each) = ("the same bids without budgets", f64::from(BIDS) / 1e6);
    let figure = json!({"figure": "bid_10k_budgets_us", "value": beside.as_secs_f64() / each, "unit": "us", "target": null,
        "better": "lower", "floor": floor.as_secs_f64() / each, "floor_is": text, "budgets": BUDGETS});
    println!("{figure}");

    let floor = passes(&market).await;
    lease(&market, &clock).await;
    let among = passes(&market).await;
    let figure = json!({"figure": "pass_100k_leases_ms", "value": ms(among), "unit": "ms", "target": null,
        "better": "lower", "floor": ms(floor), "floor_is": "the same pass without leases", "leases": LEASES});
    println!("{figure}");
    market.close().await;
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The median of many passes in which nothing is due.
async fn passes(market: &Market) -> Duration {
    let mut times = Vec::with_capacity(PASSES);
    for _ in 0..PASSES {
        let start = Instant::now();
        market.advance().await.expect("a pass");
        times.push(start.elapsed());
    }
    times.sort_unstable();
    times.get(PASSES / 2).copied().expect("measured")
}

fn name(kind: &str, place: u32) -> TenantName {
    format!("{kind}-{place}").parse().expect("a name")
}

fn window(hours: i64) -> DeliveryWindow {
    let from = TimestampMs(START + hours * 3_600_000);
    DeliveryWindow::new(from, from + 3_600_000).expect("a window")
}

async fn tenants(market: &Market) {
    let by = Caller::operator("bench");
    for place in 0..TENANTS {
        for kind in ["owner", "buyer"] {
            let (name, currency) = (name(kind, place), Currency::credit());
            let (kind, rate) = (OrganisationKind::Internal, ExchangeRate::PARITY);
            let new = NewOrganisation { name: name.clone(), kind, currency: currency.clone(), rate };
            market.create_organisation(&by, new).await.expect("made");
            let (amount, reference) = (MicroCredits(1_000_000_000_000), "first".parse().expect("a reference"));
            market.deposit(&by, NewDeposit { tenant: name, currency, amount, reference }).await.expect("paid in");
        }
    }
}

/// Budgets of the owners, none of which bids.
async fn budgets(market: &Market) {
    let by = &Caller::operator("bench");
    let made = stream::iter(0..BUDGETS).map(|place| async move {
        let (tenant, limit) = (name("owner", place % TENANTS), MicroCredits(1));
        let (from, to) = (TimestampMs(0), TimestampMs::MAX);
        let new = NewBudget { tenant, currency: Currency::credit(), from, to, limit };
        market.create_budget(by, new).await.expect("made")
    });
    assert_eq!(made.buffer_unordered(500).count().await, BUDGETS as usize);
}

/// How long it takes to place so many bids for one instance each.
async fn bids(market: &Market, count: u32, hours: i64) -> Duration {
    let (by, start) = (&Caller::operator("bench"), Instant::now());
    let bids = stream::iter(0..count).map(|place| {
        let new = NewBid {
            tenant: name("buyer", place % TENANTS),
            persona: "web".parse().expect("a name"),
            window: window(hours),
            class: LeaseClass::Reclaimable,
            quantity: 1,
            limit: 10,
            min_fill: None,
            time_in_force: TimeInForce::NextRound,
            exclusive_group: None,
            idempotency_key: None,
        };
        async move { market.place_bid(by, new).await.expect("placed") }
    });
    assert_eq!(bids.buffer_unordered(1_000).count().await, count as usize);
    start.elapsed()
}

/// Sells an instance to each bid, for a window that is still some time away.
async fn lease(market: &Market, clock: &ManualClock) {
    let by = Caller::operator("bench");
    for place in 0..TENANTS {
        let new = NewOffer {
            tenant: name("owner", place),
            persona: "web".parse().expect("a name"),
            window: window(3),
            class: LeaseClass::Reclaimable,
            quantity: (LEASES / TENANTS).into(),
            reserve: 5,
            firm_premium: None,
            time_in_force: TimeInForce::UntilWindow,
            idempotency_key: None,
        };
        market.place_offer(&by, new).await.expect("listed");
    }
    bids(market, LEASES, 3).await;
    clock.advance_to(TimestampMs(START + 60_000));
    market.advance().await.expect("a pass");
    let rounds = market.rounds(None, None, 10).await.expect("rounds");
    let trades: u64 = rounds.iter().filter_map(|round| round.state.settlement()).map(|one| one.trades).sum();
    assert_eq!(trades, u64::from(LEASES), "every bid is one lease");
}
