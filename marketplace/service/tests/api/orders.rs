//! Orders from placing to their reason.

use crate::market::{Market, bid, offer, with};
use serde_json::{Value, json};

#[tokio::test]
async fn a_key_gives_the_same_bid_once_and_never_another() {
    let mut market = Market::start();
    let buyer = market.member("shop", 9_000_000_000, &["buyer", "auditor"]).await;
    let first = buyer.post_with_key("/bids", "order-7", &bid(2, 10)).await.json();
    let again = buyer.post_with_key("/bids", "order-7", &bid(2, 10)).await.json();
    assert_eq!(first["id"], again["id"]);
    buyer.post_with_key("/bids", "order-7", &bid(3, 10)).await.refused(409, "key-reused", "key-reused");
    let held = buyer.get("/accounts/shop").await.json()["account"]["held"].clone();
    assert_eq!(held, 2 * 10 * 3_600, "it is set aside once");
    market.restart();
    let buyer = market.caller(buyer.token());
    let after = buyer.post_with_key("/bids", "order-7", &bid(2, 10)).await.json();
    assert_eq!(first["id"], after["id"], "also after a crash");
    let id = first["id"].as_str().unwrap();
    assert_eq!(buyer.cancel(id).await["state"]["cause"], "cancelled");
    buyer.delete(&format!("/bids/{id}")).await.refused(409, "conflict", "order-ended");
    assert_eq!(buyer.get("/accounts/shop").await.json()["account"]["held"], 0);
}

#[tokio::test]
async fn a_ticket_says_what_a_bid_would_mean_and_changes_nothing() {
    let market = Market::start();
    let buyer = market.member("shop", 100_000_000, &["buyer", "auditor"]).await;
    let ticket = buyer.post("/bids/preview", &bid(2, 10)).await.json();
    assert_eq!((&ticket["hold"], &ticket["available_after"]), (&json!(72_000), &json!(99_928_000)), "{ticket}");
    assert!(ticket["notice_s"].as_u64() > Some(0) && ticket["seals_at"].is_string(), "{ticket}");
    assert_eq!(buyer.get("/orders").await.json()["bids"], json!([]));
}

#[tokio::test]
async fn nobody_buys_from_itself() {
    let market = Market::start();
    let both = market.member("shop", 9_000_000_000, &["buyer", "owner", "auditor"]).await;
    both.post("/offers", &offer(5, 10)).await.json();
    let id = both.post("/bids", &bid(5, 100)).await.json()["id"].as_str().unwrap().to_owned();
    let reason = |bid: &Value| bid["last_reason"].as_str().map(str::to_owned);
    assert_eq!(both.until(&format!("/bids/{id}"), reason).await, "self_trade");
    assert_eq!(both.get("/leases").await.json(), json!([]));
    // Nor does a department buy what another one of its organisation offers.
    let centre = json!({ "name": "shop-lab", "parent": "shop" });
    market.operator().post("/cost-centres", &centre).await.json();
    market.operator().put("/accounts/shop-lab/credit-limit", &json!({ "amount": 9_000_000_000_i64 })).await.json();
    let lab = market.token("shop-lab", &["buyer", "auditor"]).await;
    let id = lab.post("/bids", &bid(5, 100)).await.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(lab.until(&format!("/bids/{id}"), reason).await, "self_trade");
    assert_eq!(lab.get("/leases").await.json(), json!([]));
}

#[tokio::test]
async fn a_trade_makes_a_lease_that_both_sides_see() {
    let market = Market::start();
    let owner = market.member("core", 9_000_000_000, &["owner", "auditor"]).await;
    let buyer = market.member("shop", 9_000_000_000, &["buyer", "auditor"]).await;
    let other = market.member("blue", 0, &["buyer", "auditor"]).await;
    owner.post("/offers", &offer(5, 10)).await.json();
    let low = buyer.post("/bids", &with(bid(1, 9), "exclusive_group", "low")).await.json();
    buyer.post("/bids", &bid(3, 100)).await.json();
    let lease = buyer.until("/leases", |leases| leases.get(0).cloned()).await;
    assert_eq!((&lease["lease"]["units"], &lease["lease"]["seller"]), (&json!(3), &json!("core")), "{lease}");
    let id = lease["lease"]["id"].as_str().unwrap();
    assert_eq!(owner.get("/leases?side=seller").await.json()[0]["lease"]["id"], id);
    other.get(&format!("/leases/{id}")).await.problem(404, "not-found");
    other.post(&format!("/leases/{id}/release"), &json!({})).await.problem(404, "not-found");
    let low = low["id"].as_str().unwrap();
    let reason = |bid: &Value| bid["last_reason"].as_str().map(str::to_owned);
    assert_eq!(buyer.until(&format!("/bids/{low}"), reason).await, "below_price");
    let price = buyer.until("/prices?persona=web", |prices| prices.get(0).filter(|p| p["volume"] == 3).cloned()).await;
    assert!(price["price"].as_i64() >= Some(10), "{price}");
    let preview = owner.post("/reclaims/preview", &json!({ "persona": "web", "units": 2 })).await.json();
    assert_eq!(preview["units"], 0, "it is not active yet: {preview}");
}
