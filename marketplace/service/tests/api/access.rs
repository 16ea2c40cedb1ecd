//! Who gets in, how far, and what of others is seen: nothing.

use crate::market::{Market, bid, offer};
use reqwest::{Client, Method};
use serde_json::{Value, json};

#[tokio::test]
async fn nothing_answers_without_a_valid_token() {
    let market = Market::start();
    let client = Client::builder().no_proxy().build().unwrap();
    let document: Value =
        client.get(format!("{}/v1/market/openapi.json", market.url)).send().await.unwrap().json().await.unwrap();
    let forged = format!("fwt_{}", "0".repeat(64));
    let mut tried = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys().filter(|_| !path.ends_with("openapi.json")) {
            let path = path.replace("{id}", &uuid::Uuid::nil().to_string()).replace("{tenant}", "shop");
            let path = path.replace("{number}", "1").replace("{name}", "x");
            let method: Method = method.to_uppercase().parse().unwrap();
            for token in [None, Some(&forged)] {
                let request = client.request(method.clone(), format!("{}{path}", market.url));
                let request = token.into_iter().fold(request, reqwest::RequestBuilder::bearer_auth);
                let response = request.send().await.unwrap();
                assert_eq!(response.status(), 401, "{method} {path}");
                assert!(response.headers().contains_key("www-authenticate"), "{method} {path}");
                let problem: Value = response.json().await.unwrap();
                assert_eq!(problem["type"], "urn:forewarm:problem:unauthenticated", "{problem}");
            }
            tried += 1;
        }
    }
    assert!(tried > 40, "{tried} routes");
}

#[tokio::test]
async fn a_missing_role_is_said_by_name() {
    let market = Market::start();
    let buyer = market.member("shop", 9_000_000_000, &["buyer"]).await;
    let owner = market.token("shop", &["owner"]).await;
    let auditor = market.token("shop", &["auditor"]).await;
    let organisation = json!({ "name": "x", "kind": "internal", "currency": "CREDIT", "rate": 1_000_000 });
    let payment = json!({ "currency": "CREDIT", "amount": 1 });
    let reclaim = json!({ "persona": "web", "units": 1 });
    for answer in [
        buyer.post("/offers", &offer(1, 10)).await,
        owner.post("/bids", &bid(1, 10)).await,
        auditor.post("/bids", &bid(1, 10)).await,
        auditor.post("/offers", &offer(1, 10)).await,
        buyer.post("/reclaims", &reclaim).await,
        buyer.post("/organisations", &organisation).await,
        buyer.post_with_key("/accounts/shop/deposits", "k", &payment).await,
        owner.put("/accounts/shop/credit-limit", &json!({ "amount": 5 })).await,
        buyer.get("/tokens").await,
        owner.post("/tokens", &json!({ "name": "mine", "tenant": "shop", "roles": ["operator"] })).await,
        auditor.post("/webhooks", &json!({ "url": "https://1.1.1.1/" })).await,
    ] {
        answer.problem(403, "forbidden");
    }
}

#[tokio::test]
async fn what_is_another_tenants_is_not_there() {
    let market = Market::start();
    let red = market.member("red", 9_000_000_000, &["buyer", "owner", "auditor"]).await;
    let blue = market.member("blue", 9_000_000_000, &["buyer", "owner", "auditor"]).await;
    let placed = red.post("/bids", &bid(1, 10)).await.json();
    let id = placed["id"].as_str().unwrap();
    blue.get(&format!("/bids/{id}")).await.refused(404, "not-found", "not-found");
    blue.delete(&format!("/bids/{id}")).await.problem(404, "not-found");
    blue.get("/accounts/red").await.problem(404, "not-found");
    blue.get("/ledger?tenant=red").await.problem(404, "not-found");
    blue.get("/statement?tenant=red").await.problem(404, "not-found");
    blue.get("/focus?tenant=red").await.problem(404, "not-found");
    blue.get("/budgets?tenant=red").await.problem(404, "not-found");
    blue.get("/webhooks?tenant=red").await.problem(404, "not-found");
    let in_reds_name = crate::market::with(bid(1, 10), "tenant", "red");
    blue.post("/bids", &in_reds_name).await.problem(404, "not-found");
    assert_eq!(blue.get("/orders").await.json()["bids"], json!([]));

    let listed = red.post("/offers", &offer(5, 123_456_789)).await.json();
    let id = listed["id"].as_str().unwrap();
    blue.delete(&format!("/offers/{id}")).await.problem(404, "not-found");
    let seen = blue.get("/offers").await.json();
    assert_eq!((&seen[0]["id"], &seen[0]["own"]), (&json!(id), &Value::Null), "what it is worth is sealed: {seen}");
    assert!(!seen.to_string().contains("123456789"), "{seen}");
    assert_eq!(red.get("/offers").await.json()[0]["own"]["reserve"], 123_456_789);
}

#[tokio::test]
async fn a_revoked_token_fails_at_once_and_secrets_are_shown_once() {
    let market = Market::start();
    let buyer = market.member("shop", 0, &["buyer"]).await;
    buyer.get("/orders").await.json();
    let operator = market.operator();
    let listed = operator.get("/tokens").await;
    assert!(!listed.text.contains("fwt_") && !listed.text.contains("sha256"), "{listed:?}");
    operator.delete("/tokens/shop-buyer").await.json();
    buyer.get("/orders").await.problem(401, "unauthenticated");
    operator.delete("/tokens/operator").await.problem(409, "conflict");
    operator.delete("/tokens/nobody").await.problem(404, "not-found");
}
