//! Zones: instances are created where there is room, and move to where they cost less when there is room again, whatever
//! happens to the host meanwhile.

use crate::{main_job::claim, persona, text};
use forewarm_tests::{Api, Host, Setup, eventually};
use serde_json::{Value, json};

/// Zone b costs half as much as zone a and has room for two.
fn setup() -> Setup {
    Setup::quick()
        .set("planning.assumed_boot_s", 2)
        .parameter("driver-simulated", "boot_seconds", 2.0)
        .parameter("driver-simulated", "sigma", 0.0)
        .parameter("driver-simulated", "parked_share", 1.0)
        .parameter("driver-simulated", "zone_prices", json!({"a": 1.0, "b": 0.5}))
        .parameter("driver-simulated", "zone_capacity", json!({"b": 2}))
}

/// A persona that follows its last load, in a zone: no host has its forecaster.
fn zoned(name: &str, min: u32, zone: &str) -> Value {
    let mut persona = persona(name, min, 9);
    persona["scaling"]["policy"] = json!("reactive");
    persona["plugins"] = json!({"forecaster": "forecaster-elsewhere"});
    persona["system"] = json!({"settings": {"zone": zone}});
    persona
}

/// Goes on measuring: the persona needs three instances, the other one none.
fn measure(api: &Api) {
    api.measure("web", 20.0);
    api.measure("other", 0.0);
}

fn placed(instances: &[Value], placement: &Value, state: &str) -> usize {
    instances.iter().filter(|one| one["placement"] == *placement && one["state"]["state"] == state).count()
}

/// What has to be so at any time: three instances are ready, the claim is served by its own, one is moved at a time.
fn undisturbed(api: &Api, claimed: &Value) -> Vec<Value> {
    let instances = api.instances("web");
    let ready = instances.iter().filter(|one| ["warm", "active"].contains(&text(&one["state"]["state"]))).count();
    assert!(ready >= 3, "fewer than wanted are ready: {instances:?}");
    assert!(instances.iter().filter(|one| !one["replaces"].is_null()).count() <= 1, "{instances:?}");
    let claim = api.get(&format!("/v1/claims/{}", text(&claimed["id"]))).json();
    assert_eq!((&claim["state"], &claim["instance"]), (&json!("served"), &claimed["instance"]));
    instances
}

/// Zone b is taken by another persona, so that three instances are in zone a.
fn crowded(host: &Host) -> Value {
    let api = host.api();
    api.apply(&zoned("other", 2, "b"));
    eventually("zone b full", || {
        api.measure("other", 0.0);
        (placed(&api.instances("other"), &Value::Null, "warm") == 2).then_some(())
    });
    let mut web = zoned("web", 3, "a");
    web["placements"] = json!([{"name": "zone-b", "settings": {"zone": "b"}}]);
    api.apply(&web);
    eventually("three instances in zone a", || {
        measure(&api);
        (placed(&api.instances("web"), &Value::Null, "warm") == 3).then_some(())
    });
    web
}

#[test]
fn idle_instances_move_to_the_cheaper_zone_when_it_has_room_through_a_power_cut() {
    let mut host = setup().start();
    crowded(&host);
    let api = host.api();
    let plan = api.get("/v1/personas/web/plan").json();
    assert!(plan["reasons"].to_string().contains("no room in zone-b"), "{plan}");
    let claimed = claim(&api, "web");
    assert_eq!(claimed["state"], "served", "{claimed}");

    api.apply(&zoned("other", 0, "b"));
    eventually("an instance on its way to zone b", || {
        measure(&api);
        let instances = undisturbed(&api, &claimed);
        instances.iter().any(|one| !one["replaces"].is_null()).then_some(())
    });
    host.kill();
    host.start();
    let api = host.api();
    eventually("the idle ones in zone b", || {
        measure(&api);
        let instances = undisturbed(&api, &claimed);
        let moved = placed(&instances, &json!("zone-b"), "warm") == 2;
        (moved && instances.len() == 3).then_some(())
    });
    let instances = api.instances("web");
    assert_eq!(placed(&instances, &Value::Null, "active"), 1, "the claimed one stays where it is: {instances:?}");
    assert!(instances.iter().all(|one| one["operations"].as_u64() < Some(1 << 30)), "one was not known: {instances:?}");

    let saves = eventually("a plan that tells what that saves", || {
        measure(&api);
        let plan = api.get("/v1/personas/web/plan").json();
        plan["reasons"].to_string().contains("2 of 3 in zone-b").then_some(plan)
    });
    assert!(saves["placement_saved_per_hour"].as_f64() > Some(0.0), "{saves}");
    eventually("what was saved", || {
        measure(&api);
        let outcomes = api.get("/v1/personas/web/outcomes").json();
        let hours = outcomes.as_array().expect("hours");
        hours.iter().any(|hour| hour["placement_saved"].as_f64() != Some(0.0)).then_some(())
    });
    let explained = host.command(&["plan", "explain", "web"]);
    assert!(explained.output.contains("placements: 2 in zone-b at"), "{}", explained.output);
}

#[test]
fn where_no_move_is_allowed_launches_and_releases_alone_follow_the_prices() {
    let host = setup().start();
    let mut web = crowded(&host);
    let api = host.api();
    web["scaling"]["max_moves"] = json!(0);
    api.apply(&web);
    api.apply(&zoned("other", 0, "b"));
    eventually("zone b empty", || {
        measure(&api);
        api.instances("other").is_empty().then_some(())
    });
    eventually("zone b to be tried again", || {
        measure(&api);
        let plan = api.get("/v1/personas/web/plan").json();
        plan["reasons"].to_string().contains("the next is launched in zone-b").then_some(())
    });
    eventually("a fourth instance in zone b", || {
        api.measure("web", 28.0);
        let instances = api.instances("web");
        assert!(instances.iter().all(|one| one["replaces"].is_null()), "{instances:?}");
        (placed(&instances, &json!("zone-b"), "warm") >= 1).then_some(())
    });
    assert_eq!(placed(&api.instances("web"), &Value::Null, "warm"), 3);
    eventually("the dearest let go first", || {
        measure(&api);
        let instances = api.instances("web");
        (instances.len() == 3 && placed(&instances, &json!("zone-b"), "warm") >= 1).then_some(())
    });
}
