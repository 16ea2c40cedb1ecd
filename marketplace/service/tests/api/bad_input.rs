//! Nonsense and attacks: each is refused with what was wrong and where, and changes nothing.

use crate::market::{Market, bid, offer, text, window, with};
use serde_json::{Value, json};

fn pointers(problem: &Value) -> Vec<&str> {
    problem["errors"].as_array().unwrap().iter().filter_map(|error| error["pointer"].as_str()).collect()
}

#[tokio::test]
async fn numbers_that_cannot_be_meant_are_refused_by_field() {
    let market = Market::start();
    let both = market.member("shop", 9_000_000_000, &["buyer", "owner"]).await;
    for (body, pointer) in [
        (bid(0, 10), "/quantity"),
        (bid(-1, 10), "/quantity"),
        (bid(i64::MIN, 10), "/quantity"),
        (bid(1_000_001, 10), "/quantity"),
        (bid(i64::MAX, i64::MAX), "/quantity"),
        (bid(1, 0), "/limit"),
        (bid(1, -5), "/limit"),
        (bid(1, 1_000_000_001), "/limit"),
        (with(bid(1, 10), "quantity", json!(1.5)), "/quantity"),
        (with(bid(1, 10), "quantity", json!(1e300)), "/quantity"),
        (with(bid(1, 10), "quantity", "1"), "/quantity"),
        (with(bid(3, 10), "min_fill", 0), "/min_fill"),
        (with(bid(1, 10), "persona", "Web_1"), "/persona"),
        (with(bid(1, 10), "exclusive_group", "a b"), "/exclusive_group"),
    ] {
        let problem = both.post("/bids", &body).await.problem(422, "invalid-body");
        assert!(pointers(&problem).contains(&pointer), "{body}: {problem}");
    }
    for (body, pointer) in [(offer(0, 1), "/quantity"), (offer(1, 0), "/reserve"), (offer(1, -1), "/reserve")] {
        let problem = both.post("/offers", &body).await.problem(422, "invalid-body");
        assert!(pointers(&problem).contains(&pointer), "{body}: {problem}");
    }
    let problem = both.post("/bids", &with(bid(3, 10), "min_fill", 4)).await;
    assert_eq!(pointers(&problem.refused(422, "invalid-body", "min-fill-over-quantity")), ["/min_fill"]);
    both.post("/bids", &with(bid(1, 10), "colour", "red")).await.problem(422, "invalid-body");
    // Each is possible, their product is far beyond what the account has.
    both.post("/bids", &bid(1_000_000, 1_000_000_000)).await.problem(409, "budget-short");
    let account = both.get("/accounts/shop").await.json();
    assert_eq!(account["account"]["held"], 0, "{account}");
}

#[tokio::test]
async fn windows_are_in_the_future_on_the_grid_and_within_reach() {
    let market = Market::start();
    let buyer = market.member("shop", 9_000_000_000, &["buyer"]).await;
    let windowed =
        |from: i64, until: i64| with(bid(1, 10), "window", json!({ "from": text(from), "until": text(until) }));
    let hour = time::OffsetDateTime::now_utc().unix_timestamp() / 3_600 * 3_600;
    for (body, code) in [
        (windowed(hour - 7_200, hour - 3_600), "window-past"),
        (windowed(hour + 7_201, hour + 10_800), "window-off-grid"),
        (windowed(hour + 400 * 86_400, hour + 400 * 86_400 + 3_600), "window-too-far"),
    ] {
        let problem = buyer.post("/bids", &body).await.refused(422, "invalid-body", code);
        assert_eq!(pointers(&problem), ["/window"], "{problem}");
    }
    buyer.post("/bids", &windowed(hour + 7_200, hour + 3_600)).await.problem(422, "invalid-body");
    buyer
        .post("/bids", &with(bid(1, 10), "window", json!({ "from": "tomorrow", "until": "later" })))
        .await
        .problem(422, "invalid-body");
}

#[tokio::test]
async fn a_sealed_round_takes_no_bids() {
    let market = Market::start();
    let buyer = market.member("shop", 9_000_000_000, &["buyer"]).await;
    let past = buyer.until("/rounds?kind=near_term&limit=5", |rounds| {
        let done = rounds.as_array()?.iter().find(|round| round["state"]["state"] == "published")?;
        done["number"].as_u64()
    });
    let body = with(bid(1, 10), "time_in_force", json!({ "kind": "round", "number": past.await }));
    buyer.post("/bids", &body).await.refused(409, "too-late", "round-sealed");
}

#[tokio::test]
async fn what_is_sealed_is_not_taken_back() {
    let market = Market::start();
    let owner = market.member("core", 9_000_000_000, &["owner", "auditor"]).await;
    let buyer = market.member("shop", 9_000_000_000, &["buyer", "auditor"]).await;
    // As long as no lease can be written, no round with a trade is settled.
    market.sql("create trigger no_lease before insert on market_lease begin select raise(abort, 'not now'); end").await;
    let offer = owner.post("/offers", &offer(5, 10)).await.json()["id"].as_str().unwrap().to_owned();
    let bid = buyer.post("/bids", &bid(3, 20)).await.json()["id"].as_str().unwrap().to_owned();
    let cleared =
        |rounds: &Value| rounds.as_array()?.iter().find(|round| round["state"]["state"] == "cleared").cloned();
    buyer.until("/rounds?kind=near_term&limit=20", cleared).await;
    buyer.delete(&format!("/bids/{bid}")).await.refused(409, "too-late", "order-sealed");
    owner.delete(&format!("/offers/{offer}")).await.refused(409, "too-late", "order-sealed");
    let held = buyer.get("/accounts/shop").await.json()["account"]["held"].clone();
    assert_eq!(held, 3 * 20 * 3_600, "it still holds its money");
    market.sql("drop trigger no_lease").await;
    buyer.until(&format!("/bids/{bid}"), |bid| (bid["filled"] == 3).then_some(())).await;
    buyer.delete(&format!("/bids/{bid}")).await.refused(409, "conflict", "order-ended");
}

#[tokio::test]
async fn money_beyond_what_can_be_counted_is_refused() {
    let market = Market::start();
    let buyer = market.member("shop", 9_000_000_000, &["buyer"]).await;
    let day = json!({ "from": window(2)["from"], "until": window(26)["from"] });
    let most = with(bid(1_000_000, 1_000_000_000), "window", day);
    buyer.post("/bids", &most).await.refused(422, "invalid-body", "overflow");
    buyer.post("/bids/preview", &most).await.refused(422, "invalid-body", "overflow");
    let operator = market.operator();
    for amount in [-1, i64::MIN, i64::MAX] {
        let limit = json!({ "amount": amount });
        operator.put("/accounts/shop/credit-limit", &limit).await.problem(422, "invalid-body");
    }
    for units in [0, -1, i64::MAX] {
        let body = json!({ "tenant": "shop", "persona": "web", "units": units });
        operator.post("/reclaims", &body).await.problem(422, "invalid-body");
    }
}

#[tokio::test]
async fn bodies_and_queries_that_cannot_be_read_are_told_apart() {
    let market = Market::start();
    let buyer = market.member("shop", 0, &["buyer", "auditor"]).await;
    buyer.post_text("/bids", "{\"persona\": ").await.problem(400, "malformed-body");
    buyer.post_text("/bids", vec![0xff, 0xfe]).await.problem(400, "malformed-body");
    buyer.post_text("/bids", "[".repeat(50_000)).await.problem(400, "malformed-body");
    buyer.post_text("/bids", " ".repeat(65 << 10)).await.problem(413, "body-too-large");
    buyer.get("/bids/not-an-id").await.problem(400, "invalid-parameter");
    buyer.get("/bids?limit=0").await.problem(400, "invalid-parameter");
    buyer.get("/bids?limit=100000").await.problem(400, "invalid-parameter");
    buyer.get("/bids?colour=red").await.problem(400, "invalid-parameter");
    buyer.get("/prices?from=2026-01-01T00:00:00Z").await.problem(400, "invalid-parameter");
    buyer.get("/statement?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z").await.problem(400, "invalid-parameter");
    buyer.get("/rounds/18446744073709551616").await.problem(400, "invalid-parameter");
    buyer.get("/bid").await.problem(404, "unknown-route");
    let long = "k".repeat(129);
    for key in ["", " ", long.as_str()] {
        buyer.post_with_key("/bids", key, &bid(1, 1)).await.problem(400, "invalid-parameter");
    }
    assert!(window(1)["from"].is_string());
}
