//! Exports agree with the ledger, and the audit log holds.

use crate::market::{Market, bid, offer};
use serde_json::Value;

fn millionths(text: &str) -> i64 {
    let (sign, text) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    sign * (whole.parse::<i64>().unwrap() * 1_000_000 + format!("{part:0<6}").parse::<i64>().unwrap())
}

#[tokio::test]
async fn exports_sum_up_to_the_ledger_and_the_audit_log_holds() {
    let market = Market::start();
    let owner = market.member("core", 9_000_000_000, &["owner", "auditor"]).await;
    let buyer = market.member("shop", 9_000_000_000, &["buyer", "auditor"]).await;
    owner.post("/offers", &offer(5, 1_000)).await.json();
    buyer.post("/bids", &bid(3, 2_000)).await.json();
    buyer.until("/leases", |leases| leases.get(0).cloned()).await;
    for (caller, tenant) in [(&buyer, "shop"), (&owner, "core")] {
        let ledger = caller.get("/ledger").await.json();
        let moved = |entry: &&Value| entry["kind"] != "deposit";
        let booked: i64 =
            ledger.as_array().unwrap().iter().filter(moved).filter_map(|entry| entry["amount"].as_i64()).sum();
        assert_ne!(booked, 0, "{ledger}");
        let focus = caller.get("/focus").await.text;
        let mut rows = csv::Reader::from_reader(focus.as_bytes());
        let column = rows.headers().unwrap().iter().position(|name| name == "BilledCost").unwrap();
        let costs: i64 = rows.records().map(|row| millionths(&row.unwrap()[column])).sum();
        assert_eq!(costs, -booked, "{tenant}: {focus}");
        let statement = caller.get("/statement").await.text;
        let last: Vec<&str> = statement.trim().lines().last().unwrap().split(',').collect();
        let balance = caller.get(&format!("/accounts/{tenant}")).await.json()["account"]["balance"].as_i64().unwrap();
        assert_eq!((last[2], millionths(last[4])), ("closing_balance", balance), "{statement}");
    }
    let verified = buyer.get("/audit/verify").await.json();
    assert!(verified["broken"].is_null() && verified["rounds"].as_u64() > Some(0), "{verified}");
    assert_eq!(verified["head"].as_str().map(str::len), Some(64), "{verified}");
}
