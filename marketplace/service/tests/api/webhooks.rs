//! Webhooks: signed, in order, again until they are taken, and none delays another.

use crate::market::{Caller, Market, QUICK};
use crate::receiver::{Got, Manner, Receiver};
use forewarm_market::webhooks::SigningSecret;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

const LOOPBACK: &str = "[market.webhooks]\nallow_addresses = [\"127.0.0.0/8\"]\nfirst_retry_s = 1\ntimeout_s = 2\n";

async fn register(caller: &Caller, url: &str) -> (String, SigningSecret) {
    let made = caller.post("/webhooks", &json!({ "url": url, "topics": ["round_sealed"] })).await.json();
    let secret = SigningSecret::parse(made["secret"].as_str().unwrap()).unwrap();
    (made["webhook"]["id"].as_str().unwrap().to_owned(), secret)
}

/// The first deliveries, once there are so many.
async fn deliveries(receiver: &Receiver, count: usize) -> Vec<Got> {
    for _ in 0..600 {
        let got = receiver.got();
        if got.len() >= count {
            return got;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{} deliveries came, {count} were awaited", receiver.got().len());
}

#[tokio::test]
async fn internal_addresses_are_refused_when_a_webhook_is_registered() {
    let market = Market::start();
    let buyer = market.member("shop", 0, &["buyer"]).await;
    for url in [
        "http://127.0.0.1:9/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.1/",
        "https://192.168.1.1/",
        "https://localhost/",
        "https://0x7f000001/",
        "https://2130706433/",
        "https://user@1.1.1.1/",
        "http://1.1.1.1/",
        "ftp://1.1.1.1/",
        "https://1.1.1.1/#x",
        "1.1.1.1",
    ] {
        let problem = buyer.post("/webhooks", &json!({ "url": url })).await;
        let problem = problem.refused(422, "invalid-body", "invalid-webhook-url");
        assert_eq!(problem["errors"][0]["pointer"], "/url", "{url}: {problem}");
    }
    assert_eq!(buyer.get("/webhooks").await.json(), json!([]));
}

#[tokio::test]
async fn deliveries_are_signed_in_order_and_come_again_until_they_are_taken() {
    let market = Market::start_with(&format!("{QUICK}{LOOPBACK}"));
    let buyer = market.member("shop", 0, &["buyer"]).await;
    let receiver = Receiver::start(Manner::FailsFirst(2)).await;
    let (id, secret) = register(&buyer, &receiver.url()).await;
    let got = deliveries(&receiver, 6).await;
    assert!(got[0].id == got[1].id && got[1].id == got[2].id, "the same event until it is taken");
    let taken = &got[2..];
    let ids: BTreeSet<_> = taken.iter().map(|got| &got.id).collect();
    assert_eq!(ids.len(), taken.len(), "and each once then");
    let sequences: Vec<i64> = taken.iter().map(sequence).collect();
    assert!(sequences.is_sorted(), "{sequences:?}");
    for delivery in &got {
        assert_eq!(secret.sign(&delivery.id, delivery.timestamp, &delivery.body), delivery.signature);
        let body: Value = serde_json::from_slice(&delivery.body).unwrap();
        assert_eq!((&body["type"], &body["data"]["id"]), (&json!("round_sealed"), &json!(delivery.id)), "{body}");
    }
    let progress = buyer.get(&format!("/webhooks/{id}")).await.json()["progress"].clone();
    assert!(progress["delivered"].as_u64() >= Some(3) && progress["failing"].is_null(), "{progress}");
    buyer.delete(&format!("/webhooks/{id}")).await.json();
    buyer.get(&format!("/webhooks/{id}")).await.problem(404, "not-found");
}

fn sequence(got: &Got) -> i64 {
    let body: Value = serde_json::from_slice(&got.body).unwrap();
    body["data"]["sequence"].as_i64().unwrap()
}

#[tokio::test]
async fn hostile_receivers_delay_nobody_and_lead_nowhere() {
    let market = Market::start_with(&format!("{QUICK}{LOOPBACK}"));
    let red = market.member("red", 0, &["buyer"]).await;
    let blue = market.member("blue", 0, &["buyer"]).await;
    let inside = Receiver::start(Manner::Good).await;
    let hostile = [
        Receiver::start(Manner::Silent).await,
        Receiver::start(Manner::Endless).await,
        Receiver::start(Manner::Redirects(inside.port)).await,
    ];
    for receiver in &hostile {
        register(&red, &receiver.url()).await;
    }
    // Nobody listens there.
    register(&red, "http://127.0.0.1:1/").await;
    let good = Receiver::start(Manner::Good).await;
    register(&blue, &good.url()).await;
    let got = deliveries(&good, 5).await;
    let sequences: Vec<i64> = got.iter().map(sequence).collect();
    assert!(sequences.is_sorted(), "{sequences:?}");
    deliveries(&hostile[1], 2).await;
    assert!(!hostile[2].got().is_empty() && inside.got().is_empty(), "a redirect is not followed");
    let list = red.get("/webhooks").await.json();
    let failing: Vec<&str> =
        list.as_array().unwrap().iter().filter_map(|hook| hook["progress"]["failing"]["error"].as_str()).collect();
    assert!(failing.iter().any(|error| error.contains("307")), "{list}");
    red.get("/rounds/open").await.json();
}

#[tokio::test]
async fn a_tenant_has_so_many_webhooks() {
    let market = Market::start_with(&format!("{QUICK}{LOOPBACK}max_per_tenant = 2\n"));
    let buyer = market.member("shop", 0, &["buyer"]).await;
    for _ in 0..2 {
        register(&buyer, "http://127.0.0.1:1/").await;
    }
    let body = json!({ "url": "http://127.0.0.1:1/" });
    buyer.post("/webhooks", &body).await.refused(409, "conflict", "too-many-webhooks");
}

#[tokio::test]
async fn what_was_not_delivered_before_a_crash_comes_after_it() {
    let mut market = Market::start_with(&format!("{QUICK}{LOOPBACK}"));
    let buyer = market.member("shop", 0, &["buyer"]).await;
    let receiver = Receiver::start(Manner::Good).await;
    register(&buyer, &receiver.url()).await;
    deliveries(&receiver, 2).await;
    market.restart();
    let before = receiver.got().len();
    let got = deliveries(&receiver, before + 3).await;
    let ids: BTreeSet<_> = got.iter().map(|got| &got.id).collect();
    let mut sequences: Vec<i64> = got.iter().map(sequence).collect();
    sequences.sort_unstable();
    sequences.dedup();
    assert_eq!(sequences.len(), ids.len(), "an event keeps its id");
}
