//! NATS as the bus, and what is left when it is away.

use crate::{persona, text, warmed};
use forewarm_tests::{NatsServer, Setup, eventually};
use serde_json::json;

#[test]
fn a_bus_that_is_away_costs_neither_claims_nor_the_api() {
    let mut nats = NatsServer::start();
    let mut host = Setup::quick().args(["--nats", &nats.url()]).start();
    let api = host.api();
    api.apply(&persona("web", 4, 9));
    warmed(&api, "web", 4);
    eventually("the host ready", || (api.get("/readyz").status == 200).then_some(()));
    assert_eq!(api.get("/v1/status").json()["bus_connected"], true);
    let first = api.post("/v1/personas/web/claims", &json!({})).json();

    nats.kill();
    eventually("the loss of the bus to be told", || {
        let status = api.get("/v1/status").json();
        (status["bus_connected"] == false).then_some(())
    });
    let problem = api.get("/readyz").problem(503, "unavailable");
    assert!(text(&problem["detail"]).contains("the bus is not connected"), "{problem}");
    assert_eq!(api.get("/healthz").status, 200);
    // Warm instances are handed out without it, measurements come in, and what is asked for is kept.
    let second = api.post("/v1/personas/web/claims", &json!({})).json();
    assert_eq!((&second["state"], &second["warm"]), (&json!("served"), &json!(true)), "{second}");
    api.measure("web", 12.0);
    let released = api.delete(&format!("/v1/claims/{}", text(&first["id"]))).json();
    assert_eq!(released["cause"], "released");
    api.apply(&persona("later", 1, 2));

    nats.restart();
    eventually("the host ready again", || (api.get("/readyz").status == 200).then_some(()));
    warmed(&api, "later", 1);
    let wiped = eventually("the wish of the meantime carried out", || {
        let instances = api.instances("web");
        let one = instances.iter().find(|one| one["id"] == first["instance"])?.clone();
        (one["state"]["state"] == "warm").then_some(one)
    });
    assert_eq!(wiped["operations"], 2);
    assert_eq!(api.get(&format!("/v1/claims/{}", text(&second["id"]))).json()["state"], "served");
    let planned = text(&api.get("/v1/personas/web/plan").json()["at"]).to_owned();
    eventually("planning to go on", || {
        (api.get("/v1/personas/web/plan").json()["at"] != planned.as_str()).then_some(())
    });
    host.stop();
}

#[test]
fn a_host_without_the_bus_that_it_is_to_use_says_so() {
    let host = Setup::quick().args(["--nats", "nats://127.0.0.1:1"]).prepare();
    let finished = host.up_to_the_end();
    assert_eq!(finished.code, Some(1), "{}", finished.errors);
    assert!(finished.errors.contains("127.0.0.1:1"), "{}", finished.errors);
}
