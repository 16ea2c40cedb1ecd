//! Cheaper tiers: what is not needed is parked and started again, whatever happens to the host meanwhile.

use crate::{main_job::claim, persona, text, warmed};
use forewarm_tests::{Api, Setup, clock, eventually};
use rand::{RngExt, SeedableRng, rngs::SmallRng};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// How long the driver takes, in seconds: long enough for a power cut to come in between.
const BOOT_S: f64 = 3.0;
const START_S: f64 = 1.5;

fn setup() -> Setup {
    Setup::quick()
        .set("planning.assumed_boot_s", 3)
        .parameter("driver-simulated", "boot_seconds", BOOT_S)
        .parameter("driver-simulated", "park_seconds", START_S)
        .parameter("driver-simulated", "start_seconds", START_S)
        .parameter("driver-simulated", "sigma", 0.0)
}

/// A persona that follows its last load: no host has its forecaster, so that nobody knows what comes.
fn follower(min: u32) -> Value {
    let mut persona = persona("web", min, 30);
    persona["scaling"]["policy"] = json!("reactive");
    persona["plugins"] = json!({"forecaster": "forecaster-elsewhere"});
    persona
}

fn by_state(api: &Api, state: &str) -> BTreeSet<String> {
    let instances = api.instances("web").into_iter().filter(|one| one["state"]["state"] == state);
    instances.map(|one| text(&one["id"]).to_owned()).collect()
}

fn all(api: &Api) -> BTreeSet<String> {
    let instances = api.instances("web");
    let ids: BTreeSet<String> = instances.iter().map(|one| text(&one["id"]).to_owned()).collect();
    assert_eq!(ids.len(), instances.len(), "an id comes twice in {instances:?}");
    ids
}

/// Goes on measuring a load until so many instances are warm, and as many parked.
fn until(api: &Api, load: f64, warm: usize, parked: usize) {
    eventually(&format!("{warm} warm and {parked} parked"), || {
        api.measure("web", load);
        (by_state(api, "warm").len() == warm && by_state(api, "parked").len() == parked).then_some(())
    });
}

/// Goes on measuring a load until an instance is in some state.
fn until_some(api: &Api, load: f64, state: &str) {
    eventually(&format!("one that is {state}"), || {
        api.measure("web", load);
        (!by_state(api, state).is_empty()).then_some(())
    });
}

#[test]
fn surplus_is_parked_and_started_again_through_power_cuts() {
    let mut host = setup().start();
    let api = host.api();
    api.apply(&follower(1));
    // At 80% utilisation a load of 64 takes eight instances, one of 16 takes two.
    until(&api, 64.0, 8, 0);
    let first = all(&api);
    assert_eq!(first.len(), 8);

    until_some(&api, 16.0, "parking");
    host.kill();
    host.start();
    let api = host.api();
    until(&api, 16.0, 2, 6);
    assert_eq!(all(&api), first, "none got lost and none is new");

    let explained = host.command(&["plan", "explain", "web"]);
    assert!(explained.output.contains("parked: 6 wanted, there were 6"), "{}", explained.output);
    let plan = api.get("/v1/personas/web/plan").json();
    assert_eq!(plan["standby"]["parked"], 6, "{plan}");
    let codes: Vec<&Value> = plan["reasons"].as_array().expect("reasons").iter().map(|one| &one["code"]).collect();
    assert!(codes.contains(&&json!("standby")) && plan["saved_per_hour"].as_f64() > Some(0.0), "{plan}");

    until_some(&api, 64.0, "starting");
    host.kill();
    host.start();
    let api = host.api();
    until(&api, 64.0, 8, 0);
    assert_eq!(all(&api), first, "those that were parked were started, and nothing was launched");
    let outcomes = api.get("/v1/personas/web/outcomes").json();
    let sum = |field: &str| -> f64 {
        outcomes.as_array().expect("hours").iter().filter_map(|hour| hour[field].as_f64()).sum()
    };
    assert!(sum("parked") > 0.0 && sum("saved") > 0.0, "{outcomes}");
    assert_eq!(sum("launches"), 8.0, "{outcomes}");
}

#[test]
fn a_claim_is_served_from_a_parked_instance_with_an_honest_wait() {
    let host = setup().start();
    let api = host.api();
    api.apply(&follower(0));
    until(&api, 16.0, 2, 0);
    until(&api, 0.0, 0, 2);
    let parked = by_state(&api, "parked");
    let claimed = claim(&api, "web");
    assert_eq!(claimed["state"], "waiting", "{claimed}");
    let wait_ms = clock::parse(text(&claimed["expected_at"])) - clock::parse(text(&claimed["requested_at"]));
    assert!((1..(BOOT_S * 1_000.0) as i64).contains(&wait_ms), "a start is awaited, not a boot: {claimed}");
    let path = format!("/v1/claims/{}", text(&claimed["id"]));
    let served = eventually("the claim served", || {
        let claim = api.get(&path).json();
        (claim["state"] == "served").then_some(claim)
    });
    assert!(parked.contains(text(&served["instance"])), "{served}");
    assert_eq!(served["warm"], false, "{served}");
}

#[test]
fn a_driver_whose_parked_tier_saves_nothing_parks_nothing() {
    let host = setup().parameter("driver-simulated", "parked_share", 1.0).start();
    let api = host.api();
    api.apply(&follower(1));
    until(&api, 64.0, 8, 0);
    until(&api, 16.0, 2, 0);
    eventually("the others gone", || {
        api.measure("web", 16.0);
        (all(&api).len() == 2).then_some(())
    });
}

#[test]
fn personas_of_one_class_share_their_shells() {
    // Shells are cheap and quick here, and parked instances of no use.
    let host = Setup::quick()
        .set("planning.step_s", 2)
        .set("planning.assumed_boot_s", 20)
        .parameter("driver-simulated", "boot_seconds", 6.0)
        .parameter("driver-simulated", "parked_share", 1.0)
        .parameter("driver-simulated", "shell_share", 0.05)
        .start();
    let api = host.api();
    // A load of 25 that now and then is 60: nobody knows when.
    let start = clock::now_ms() / 2_000 * 2_000 - 1_200_000;
    let mut random = SmallRng::seed_from_u64(11);
    let values: Vec<f64> = (0..600).map(|_| if random.random_bool(0.08) { 60.0 } else { 25.0 }).collect();
    for name in ["red", "blue"] {
        let series = json!({"resource": name, "metric": "requests", "start": clock::text(start), "step_ms": 2000, "values": values});
        let report = api.post("/v1/ingest/json", &json!({"series": [series]})).json();
        assert_eq!(report["refused_total"], 0, "{report}");
        let mut persona = persona(name, 1, 20);
        persona["scaling"]["policy"] = json!("level_programme");
        api.apply(&persona);
    }
    // While their own instances still boot, what one would hold for itself is not what it will be.
    eventually("shells for both, no more than each would hold for itself", || {
        ["red", "blue"].iter().for_each(|name| api.measure(name, 25.0));
        let shells = api.get("/v1/status").json()["shells"][0].clone();
        let ready = shells["held"].as_u64()? > shells["building"].as_u64()?;
        let fewer = shells["wanted"].as_u64() <= shells["alone"].as_u64().max(Some(1));
        (shells["personas"] == 2 && ready && fewer).then_some(())
    });
    warmed(&api, "red", 1);
    let listed = host.command(&["persona", "list"]);
    assert!(listed.output.contains("EACH FOR ITSELF"), "{}", listed.output);
    // Claims beyond what is warm take the shells.
    let serving = api.instances("red").len();
    let claims: Vec<Value> = (0..serving + 2).map(|_| claim(&api, "red")).collect();
    eventually("all served", || {
        ["red", "blue"].iter().for_each(|name| api.measure(name, 25.0));
        let served = |one: &Value| api.get(&format!("/v1/claims/{}", text(&one["id"]))).json()["state"] == "served";
        claims.iter().all(served).then_some(())
    });
    let specialised = api.instances("red").into_iter().filter(|one| !one["shell"].is_null());
    assert!(specialised.filter(|one| one["state"]["state"] == "active").count() > 0, "a shell became red's");
}
