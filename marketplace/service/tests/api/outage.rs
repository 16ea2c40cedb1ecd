//! The bus goes away while a round settles and instances are due: nothing is lost, and all goes on when it is back.

use crate::hosted::{Hosted, Kept, PRICE, UNITS, millis};
use serde_json::Value;
use std::collections::BTreeSet;

/// The round that traded, and how far it is.
fn traded(rounds: &Value) -> Option<String> {
    let trades = |round: &&Value| round["state"]["settlement"]["trades"].as_u64() > Some(0);
    let round = rounds.as_array()?.iter().find(trades)?;
    round["state"]["state"].as_str().map(str::to_owned)
}

async fn a_bus_that_is_away(kept: Kept) {
    let mut hosted = Hosted::start(kept).await;
    hosted.nats.kill();
    let lease = hosted.trade().await;
    // The market knows what it owes, and that nobody answers.
    let asked = |view: &Value| view["lease"]["attempts"].as_u64().filter(|attempts| *attempts > 1);
    hosted.buyer.until(&lease.path(), asked).await;
    assert_eq!(hosted.look(&lease).await["state"]["state"], "handing_over");
    let rounds = hosted.buyer.get("/rounds?kind=near_term&limit=100").await.json();
    assert_eq!(traded(&rounds).as_deref(), Some("settled"), "its events have not left: {rounds}");
    assert!(hosted.host.leases.lock().unwrap().is_empty());

    hosted.nats.restart();
    let active = hosted.until(&lease, "active").await;
    assert_eq!(hosted.host.leases.lock().unwrap().len(), 1);
    hosted
        .buyer
        .until("/rounds?kind=near_term&limit=1000", |rounds| traded(rounds).filter(|state| state == "published"))
        .await;
    // Its instances came late: those seconds are paid back.
    let late_s = (millis(&active["active_at"]) - lease.from_ms).max(0) / 1_000;
    assert_eq!(hosted.booked("refund").await, late_s * UNITS * PRICE, "{late_s} s late");

    // Given back while nobody can be told: its host hears of it later.
    hosted.nats.kill();
    let released = hosted.buyer.post(&format!("{}/release", lease.path()), &serde_json::json!({})).await.json();
    assert_eq!(released["lease"]["state"]["state"], "revoking", "{released}");
    hosted.buyer.until(&lease.path(), asked).await;
    hosted.nats.restart();
    hosted.until(&lease, "returned").await;
    assert!(hosted.host.leases.lock().unwrap().values().all(|held| held.released));
    each_event_once(&hosted).await;
}

async fn each_event_once(hosted: &Hosted) {
    let (mut events, mut after) = (Vec::new(), 0);
    loop {
        let page = hosted.buyer.get(&format!("/events?after={after}&limit=1000")).await.json();
        let next = page["next"].as_i64().unwrap();
        if next == after {
            break;
        }
        after = next;
        events.extend(page["events"].as_array().unwrap().clone());
    }
    let ids: BTreeSet<_> = events.iter().map(|event| event["id"].to_string()).collect();
    assert_eq!(ids.len(), events.len(), "an event comes twice");
    for topic in ["order_filled", "lease_active", "lease_revoked"] {
        let count = events.iter().filter(|event| event["topic"] == topic).count();
        assert_eq!(count, 1, "{topic} for the buyer: {events:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bus_that_is_away_loses_nothing_on_sqlite() {
    a_bus_that_is_away(Kept::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bus_that_is_away_loses_nothing_on_postgres() {
    a_bus_that_is_away(Kept::Postgres).await;
}
