//! The market as part of a host: the host's own tokens trade, by API and by command, over both databases and a crash.

use crate::{text, warmed};
use forewarm_tests::{Api, Finished, Host, Postgres, Setup, clock, eventually};
use serde_json::{Value, json};

const HOUR_MS: i64 = 3_600_000;

fn quick() -> Setup {
    Setup::quick()
        .set("market.enabled", true)
        .set("market.rules.near_term_interval_s", 1)
        .set("market.rules.day_ahead_interval_s", 1)
}

/// An organisation with money.
fn organisation(api: &Api, name: &str) {
    let body = json!({ "name": name, "kind": "internal", "currency": "CREDIT", "rate": 1_000_000 });
    api.post("/v1/market/organisations", &body).ok();
    let money = json!({ "currency": "CREDIT", "amount": 9_000_000_000_i64 }).to_string();
    let headers = [("idempotency-key", "first"), ("content-type", "application/json")];
    api.send("POST", &format!("/v1/market/accounts/{name}/deposits"), &headers, Some(money.as_bytes())).ok();
}

fn output(finished: &Finished) -> Value {
    assert_eq!(finished.code, Some(0), "{finished:?}");
    serde_json::from_str(&finished.output).expect("JSON")
}

/// A command with a token of its own.
fn command(host: &Host, token: &str, args: &[&str]) -> Finished {
    host.command(&[args, &["--token", token, "--output", "json"]].concat())
}

fn trades(mut host: Host) {
    let api = host.api();
    organisation(&api, "core");
    organisation(&api, "shop");
    // A tenant's token of the host buys; an owner's is one of the market.
    let buyer = api.as_new_caller("shop", "tenant", Some("shop"));
    let owner = json!({ "name": "core-owner", "tenant": "core", "roles": ["owner", "auditor"] });
    let owner = api.post("/v1/market/tokens", &owner).ok();
    let owner = text(&owner["secret"]);
    let (buyer, hour) = (buyer.token().expect("a token").to_owned(), clock::now_ms() / HOUR_MS * HOUR_MS);
    let (from, until) = (clock::text(hour + 2 * HOUR_MS), clock::text(hour + 3 * HOUR_MS));
    let window = ["--from", from.as_str(), "--until", until.as_str()];
    let placed = [&["market", "offer", "web", "5", "--reserve", "10"][..], &window[..]].concat();
    output(&command(&host, owner, &placed));
    let bid =
        [&["market", "bid", "web", "3", "--limit", "100", "--idempotency-key", "order-1"][..], &window[..]].concat();
    let preview = output(&command(&host, &buyer, &[&bid[..], &["--preview"]].concat()));
    assert_eq!(preview["hold"], 3 * 100 * 3_600, "{preview}");
    let first = output(&command(&host, &buyer, &bid));
    assert_eq!(first["id"], output(&command(&host, &buyer, &bid))["id"], "the key gives the same bid");
    let leases = || {
        let leases = output(&command(&host, &buyer, &["market", "leases"]));
        leases.get(0).map(|lease| lease["lease"]["id"].clone())
    };
    let lease = eventually("a lease", leases);
    let orders = output(&command(&host, &buyer, &["market", "orders"]));
    assert_eq!(orders["bids"][0]["last_reason"], "filled", "{orders}");
    let refused = command(&host, &buyer, &["market", "reclaim", "web", "1", "--preview"]);
    assert_eq!(refused.code, Some(4), "a buyer can't call back: {refused:?}");
    let preview = output(&command(&host, owner, &["market", "reclaim", "web", "1", "--preview"]));
    assert_eq!(preview["units"], 0, "its window has not begun: {preview}");
    let focus = command(&host, &buyer, &["market", "export-focus"]);
    assert!(focus.code == Some(0) && focus.output.contains("Leased capacity: 3 of web"), "{focus:?}");
    let statement = command(&host, &buyer, &["market", "statement"]);
    assert!(statement.code == Some(0) && statement.output.contains("closing_balance"), "{statement:?}");

    host.kill();
    host.restart();
    let again = output(&command(&host, &buyer, &["market", "leases"]));
    assert_eq!((again.as_array().map(Vec::len), &again[0]["lease"]["id"]), (Some(1), &lease), "also after a crash");
    let audit = output(&command(&host, &buyer, &["market", "audit"]));
    assert!(audit["broken"].is_null() && audit["rounds"].as_u64() > Some(0), "{audit}");
    for listed in ["offers", "rounds", "prices", "ledger"] {
        assert!(output(&command(&host, &buyer, &["market", listed])).is_array(), "{listed}");
    }
    host.api().with_token(Some(&buyer)).get("/v1/market/accounts/core").problem(404, "not-found");
    host.stop();
}

#[test]
fn a_host_holds_a_market_in_a_file() {
    trades(quick().start());
}

#[test]
fn a_host_holds_a_market_in_its_postgres() {
    let postgres = Postgres::start();
    trades(quick().set("store.url", postgres.url()).start());
}

#[test]
fn a_host_without_a_market_says_so() {
    let host = Setup::quick().start();
    host.api().get("/v1/market/offers").problem(404, "unknown-route");
    let listed = host.command(&["market", "offers"]);
    assert_eq!(listed.code, Some(4), "{listed:?}");
}

/// A persona that keeps 6 instances, needs 2 of them and lends 3.
fn lender(api: &Api) {
    let mut persona = crate::persona("web", 6, 6);
    persona["lending"] = json!({ "owner": "core", "limit": 3, "keep_min": 1, "carrying_cost": 100 });
    api.apply(&persona);
    let start = clock::now_ms() / 1_000 * 1_000 - 1_200_000;
    let series = json!({
        "resource": "web", "metric": "requests", "start": clock::text(start), "step_ms": 1000,
        "values": vec![15.0; 1_200],
    });
    api.post("/v1/ingest/json", &json!({ "series": [series] })).ok();
    warmed(api, "web", 6);
}

#[test]
fn a_bid_becomes_real_instances_which_are_wiped_and_come_back() {
    let rules = [("window_grid_s", 1), ("listed_window_s", 5), ("listed_windows", 2), ("handover_lead_s", 1)];
    let setup = rules.iter().fold(quick(), |setup, (key, value)| setup.set(&format!("market.rules.{key}"), *value));
    let mut host = setup.start();
    let api = host.api();
    organisation(&api, "core");
    organisation(&api, "shop");
    let shop = api.as_new_caller("shop", "tenant", Some("shop"));
    lender(&api);
    // What the forecast does not need is on offer by itself; a bid for one of its windows.
    let (kept, window) = eventually("a bid for what the forecast offers", || {
        api.measure("web", 15.0);
        let offers = api.get("/v1/market/offers?persona=web&open_only=true").json();
        let offer = offers.as_array()?.iter().max_by_key(|offer| text(&offer["window"]["from"]).to_owned())?.clone();
        let window = offer["window"].clone();
        let bid = json!({
            "tenant": "shop", "persona": "web", "window": window, "class": offer["class"], "quantity": 2,
            "limit": 1_000_000, "time_in_force": { "kind": "until_window" },
        });
        let bid = shop.post("/v1/market/bids", &bid);
        assert!([200, 201, 409, 422].contains(&bid.status), "{bid:?}");
        (bid.status < 300).then(|| (bid.json(), window))
    });
    let lease = eventually("the lease's instances", || {
        api.measure("web", 15.0);
        let lease = shop.get("/v1/market/leases").json().get(0)?["lease"].clone();
        (lease["state"]["state"] == "active" || lease["state"] == "active").then_some(lease)
    });
    assert_eq!((&lease["window"], &lease["bid"]), (&window, &kept["id"]), "{lease}");
    let units = lease["instances"].as_array().expect("a list").clone();
    assert_eq!(units.len(), 2, "{lease}");
    let claim = |unit: &Value| shop.get(&format!("/v1/claims/{}", text(&unit["claim"]))).json();
    for unit in &units {
        let claim = claim(unit);
        assert_eq!((&claim["state"], &claim["instance"]), (&json!("served"), &unit["instance"]), "{claim}");
    }
    assert_eq!(api.get("/v1/personas/web/lending").json()["leased"], 2);
    let shown = output(&host.command(&["lending", "web", "--output", "json"]));
    let (held, sold) = (&shown["leases"][0], &shown["sold"][0]["lease"]);
    assert_eq!((&held["lease"], &sold["id"], &sold["price"]), (&lease["id"], &lease["id"], &lease["price"]), "{shown}");
    // After its window the tenant has nothing, and its owner all of them again.
    eventually("the lease to be over", || {
        api.measure("web", 15.0);
        let lease = shop.get("/v1/market/leases").json()[0]["lease"].clone();
        (lease["state"]["state"] == "returned" || lease["state"] == "returned").then_some(())
    });
    for unit in &units {
        assert_eq!(claim(unit)["state"], "ended");
    }
    warmed(&api, "web", 6);
    assert_eq!(api.get("/v1/personas/web/lending").json()["leased"], 0);
    host.stop();
}
