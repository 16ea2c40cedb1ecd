//! Measures durable orders over HTTP: one bid per request, its money set aside, on SQLite with full sync. One JSON line per
//! figure on standard output.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a measuring program stops where something is wrong")]

use forewarm_bus::LocalBus;
use forewarm_clock::SystemClock;
use forewarm_egress::SystemResolver;
use forewarm_market::auth::LimitsConfig;
use forewarm_market::http::{HttpConfig, serve};
use forewarm_market::{MarketParts, NoProbe, Service, ServiceConfig, ServiceParts, random_seeds};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Callers that each wait for their answer before they send the next order.
const CALLERS: usize = 96;
/// How long each measurement takes.
const MEASURED: Duration = Duration::from_secs(8);
/// What is measured before counts for nothing.
const WARM_UP: Duration = Duration::from_secs(2);

#[tokio::main]
async fn main() {
    rustls::crypto::ring::default_provider().install_default().expect("the first provider");
    let dir = tempfile::tempdir().expect("a folder");
    let (url, stop, served) = market(dir.path()).await;
    let operator = std::fs::read_to_string(dir.path().join("operator.token")).unwrap().trim().to_owned();
    let client = Client::builder().no_proxy().build().unwrap();
    let tokens = tenants(&client, &url, &operator).await;
    let window = window();
    let order = |caller: usize, count: usize| {
        let body = json!({ "persona": "web", "window": window, "class": "reclaimable", "quantity": 1, "limit": 1 + count % 500 });
        client.post(format!("{url}/v1/market/bids")).bearer_auth(&tokens[caller]).json(&body)
    };
    let health = |_: usize, _: usize| client.get(format!("{url}/healthz"));
    eprintln!("{CALLERS} callers, {MEASURED:?} each: first /healthz, then orders");
    let floor = measure(health).await;
    let orders = measure(order).await;
    let text = "the same callers ask /healthz, which touches no store";
    let rate = json!({ "figure": "orders_per_s", "value": orders.per_s, "unit": "1/s", "target": 5_000, "better": "higher",
        "floor": floor.per_s, "floor_is": text, "callers": CALLERS });
    let p99 = json!({ "figure": "order_p99_ms", "value": orders.p99_ms, "unit": "ms", "target": 50, "better": "lower",
        "floor": floor.p99_ms, "floor_is": text, "p50_ms": orders.p50_ms, "callers": CALLERS });
    println!("{rate}\n{p99}");
    stop.cancel();
    served.await.expect("the market ends");
}

/// A market in `dir`, served on a free port of this machine.
async fn market(dir: &std::path::Path) -> (String, CancellationToken, tokio::task::JoinHandle<()>) {
    let limits = LimitsConfig { requests_per_second: 1_000_000, burst: 1_000_000, in_flight: 100_000 };
    let mut config = ServiceConfig { limits, ..ServiceConfig::default() };
    config.rules.open_orders_max = 1_000_000;
    // No round is sealed while orders are measured.
    (config.rules.near_term_interval_s, config.rules.day_ahead_interval_s) = (3_600, 24 * 3_600);
    let http = HttpConfig { max_concurrent_requests: 10_000, ..HttpConfig::default() };
    let parts = ServiceParts {
        market: MarketParts {
            clock: Arc::new(SystemClock),
            seeds: random_seeds(),
            bus: Arc::new(LocalBus::default()),
            probe: Arc::new(NoProbe),
        },
        logins: None,
        resolver: Arc::new(SystemResolver),
        http,
    };
    let database = format!("sqlite://{}?mode=rwc", dir.join("market.db").display());
    let service = Service::open(config, database, parts).await.expect("opens");
    service.ensure_operator(&dir.join("operator.token")).await.expect("a token");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().unwrap());
    let stop = CancellationToken::new();
    let stopping = stop.clone();
    let served = tokio::spawn(async move {
        let serving = serve(listener, service.state().clone(), stopping.clone());
        let (served, ()) = tokio::join!(serving, service.run(stopping.clone()));
        served.expect("serves");
        service.close().await;
    });
    (url, stop, served)
}

/// A department with money for every caller; gives their tokens.
async fn tenants(client: &Client, url: &str, operator: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    for caller in 0..CALLERS {
        let name = format!("shop-{caller}");
        let post = |path: &str, body: Value| {
            let request = client.post(format!("{url}/v1/market{path}")).bearer_auth(operator);
            request.header("idempotency-key", "first").json(&body)
        };
        let organisation = json!({ "name": name, "kind": "internal", "currency": "CREDIT", "rate": 1_000_000 });
        answer(post("/organisations", organisation)).await;
        let money = json!({ "currency": "CREDIT", "amount": 1_000_000_000_000_i64 });
        answer(post(&format!("/accounts/{name}/deposits"), money)).await;
        let token = json!({ "name": name, "tenant": name, "roles": ["buyer"] });
        let made = answer(post("/tokens", token)).await;
        tokens.push(made["secret"].as_str().unwrap().to_owned());
    }
    tokens
}

async fn answer(request: RequestBuilder) -> Value {
    let response = request.send().await.expect("an answer");
    assert!(response.status().is_success(), "{}: {}", response.status(), response.text().await.unwrap());
    response.json().await.unwrap()
}

fn window() -> Value {
    let format = time::format_description::well_known::Rfc3339;
    let from = (time::OffsetDateTime::now_utc().unix_timestamp() / 3_600 + 3) * 3_600;
    let text = |at: i64| time::OffsetDateTime::from_unix_timestamp(at).unwrap().format(&format).unwrap();
    json!({ "from": text(from), "until": text(from + 3_600) })
}

struct Measured {
    per_s: f64,
    p50_ms: f64,
    p99_ms: f64,
}

/// All callers send what `request` makes, one after the other.
async fn measure(request: impl Fn(usize, usize) -> RequestBuilder) -> Measured {
    let begin = Instant::now() + WARM_UP;
    let end = begin + MEASURED;
    let callers = (0..CALLERS).map(|caller| {
        let request = &request;
        async move {
            let mut waits = Vec::new();
            for count in 0.. {
                let sent = Instant::now();
                if sent >= end {
                    break;
                }
                let response = request(caller, count).send().await.expect("an answer");
                assert!(response.status().is_success(), "{}: {}", response.status(), response.text().await.unwrap());
                drop(response.bytes().await.expect("a body"));
                if sent >= begin {
                    waits.push(sent.elapsed());
                }
            }
            waits
        }
    });
    let mut waits: Vec<Duration> = futures::future::join_all(callers).await.into_iter().flatten().collect();
    waits.sort_unstable();
    let at = |share: usize| waits.get(waits.len() * share / 100).map_or(0.0, |wait| wait.as_secs_f64() * 1_000.0);
    Measured { per_s: waits.len() as f64 / MEASURED.as_secs_f64(), p50_ms: at(50), p99_ms: at(99) }
}
