//! Payments, budgets, and what no order may overdraw.

use crate::market::{Market, bid};
use serde_json::{Value, json};

#[tokio::test]
async fn payments_are_made_once_in_the_accounts_currency() {
    let market = Market::start();
    let auditor = market.member("shop", 0, &["auditor"]).await;
    let operator = market.operator();
    let pay = |amount: i64, currency: &str| json!({ "amount": amount, "currency": currency });
    let path = "/accounts/shop/deposits";
    operator.post(path, &pay(5, "CREDIT")).await.problem(400, "invalid-parameter");
    operator.post_with_key(path, "a", &pay(5, "EUR")).await.refused(422, "invalid-body", "currency-mismatch");
    operator.post_with_key(path, "a", &pay(0, "CREDIT")).await.problem(422, "invalid-body");
    operator.post_with_key(path, "a", &pay(-5, "CREDIT")).await.problem(422, "invalid-body");
    operator.post_with_key(path, "a", &pay(i64::MAX, "CREDIT")).await.problem(422, "invalid-body");
    let first = operator.post_with_key(path, "a", &pay(5_000_000, "CREDIT")).await.json();
    let again = operator.post_with_key(path, "a", &pay(5_000_000, "CREDIT")).await.json();
    assert_eq!(first["id"], again["id"]);
    operator.post_with_key(path, "a", &pay(6_000_000, "CREDIT")).await.problem(409, "key-reused");
    operator
        .post_with_key("/accounts/shop/withdrawals", "b", &pay(9_000_000, "CREDIT"))
        .await
        .problem(409, "budget-short");
    let account = auditor.get("/accounts/shop").await.json();
    assert_eq!((&account["account"]["balance"], &account["available"]), (&json!(5_000_000), &json!(5_000_000)));
    operator.post_with_key("/accounts/nobody/deposits", "c", &pay(5, "CREDIT")).await.problem(404, "not-found");
}

#[tokio::test]
async fn a_budget_is_in_the_organisations_currency_and_binds() {
    let market = Market::start();
    let buyer = market.member("shop", 9_000_000_000, &["buyer", "auditor"]).await;
    let operator = market.operator();
    let budget = |currency: &str, limit: i64| json!({ "tenant": "shop", "currency": currency, "from": "2020-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z", "limit": limit });
    operator.post("/budgets", &budget("EUR", 5)).await.refused(422, "invalid-body", "currency-mismatch");
    operator.post("/budgets", &budget("CREDIT", 100_000)).await.json();
    buyer.post("/bids", &bid(2, 10)).await.json();
    buyer.post("/bids", &bid(1, 10)).await.refused(409, "budget-short", "budget-short");
    assert_eq!(buyer.get("/budgets").await.json()[0]["used"], 72_000);
}

#[tokio::test]
async fn bids_at_the_same_time_never_overdraw() {
    let market = Market::start();
    // Enough for ten of the forty.
    let buyer = market.member("shop", 10 * 36_000, &["buyer", "auditor"]).await;
    let answers = futures::future::join_all((0..40).map(|_| {
        let buyer = buyer.clone();
        async move { buyer.post("/bids", &bid(1, 10)).await.status }
    }));
    let statuses = answers.await;
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 10, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 30, "{statuses:?}");
    let account: Value = buyer.get("/accounts/shop").await.json();
    assert_eq!((&account["available"], &account["account"]["held"]), (&json!(0), &json!(360_000)), "{account}");
}
