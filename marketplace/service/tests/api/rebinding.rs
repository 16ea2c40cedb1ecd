//! A name that leads outside when a webhook is registered, and inside when something is delivered.

use crate::market::{Caller, provide_tls};
use forewarm_bus::LocalBus;
use forewarm_clock::SystemClock;
use forewarm_egress::Resolver;
use forewarm_market::http::{HttpConfig, serve};
use forewarm_market::{MarketParts, NoProbe, Service, ServiceConfig, ServiceParts, random_seeds};
use serde_json::{Value, json};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Answers with something public once, and with this machine from then on.
#[derive(Debug, Default)]
struct Rebinding(AtomicUsize);

#[async_trait::async_trait]
impl Resolver for Rebinding {
    async fn resolve(&self, _: &str) -> std::io::Result<Vec<IpAddr>> {
        let first = self.0.fetch_add(1, Ordering::SeqCst) == 0;
        Ok(vec![if first { "1.1.1.1" } else { "::ffff:127.0.0.1" }.parse().unwrap()])
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_leads_inside_later_is_not_followed() {
    provide_tls();
    let dir = tempfile::tempdir().unwrap();
    let resolver = Arc::new(Rebinding::default());
    let mut config = ServiceConfig::default();
    (config.rules.near_term_interval_s, config.rules.day_ahead_interval_s) = (1, 1);
    config.webhooks.first_retry_s = 1;
    let parts = ServiceParts {
        market: MarketParts {
            clock: Arc::new(SystemClock),
            seeds: random_seeds(),
            bus: Arc::new(LocalBus::default()),
            probe: Arc::new(NoProbe),
        },
        logins: None,
        resolver: Arc::clone(&resolver) as _,
        http: HttpConfig::default(),
    };
    let database = format!("sqlite://{}?mode=rwc", dir.path().join("market.db").display());
    let service = Service::open(config, database, parts).await.unwrap();
    let token = dir.path().join("operator.token");
    service.ensure_operator(&token).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let stop = CancellationToken::new();
    let serving = serve(listener, service.state().clone(), stop.clone());
    let running = async { tokio::join!(serving, service.run(stop.clone())).0.unwrap() };
    let operator = Caller::new(&url, std::fs::read_to_string(&token).unwrap().trim());
    let checked = async {
        registered_and_refused(&operator).await;
        stop.cancel();
    };
    tokio::join!(running, checked);
    service.close().await;
    assert!(resolver.0.load(Ordering::SeqCst) > 1, "it was looked at again");
}

async fn registered_and_refused(operator: &Caller) {
    let inside = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let organisation = json!({ "name": "shop", "kind": "internal", "currency": "CREDIT", "rate": 1_000_000 });
    operator.post("/organisations", &organisation).await.json();
    let target = format!("https://hooks.example:{}/", inside.local_addr().unwrap().port());
    let body = json!({ "tenant": "shop", "url": target });
    let made = operator.post("/webhooks", &body).await.json();
    let id = made["webhook"]["id"].as_str().unwrap().to_owned();
    let failing = |view: &Value| view["progress"]["failing"]["error"].as_str().map(str::to_owned);
    let error = operator.until(&format!("/webhooks/{id}"), failing).await;
    assert!(error.contains("public addresses"), "{error}");
    let nobody = tokio::time::timeout(std::time::Duration::from_millis(100), inside.accept()).await;
    assert!(nobody.is_err(), "somebody connected to the inside");
    // The name leads inside now: it can't be registered any more either.
    operator.post("/webhooks", &body).await.refused(422, "invalid-body", "invalid-webhook-url");
}
