//! The main job by the machine's clock: measurements in, plans with reasons, instances kept warm, claims served.

use crate::{persona, text, warmed};
use forewarm_tests::{Api, Setup, clock, eventually, remote_write};
use serde_json::{Value, json};
use std::fs;

/// Seconds of history that are given.
const HISTORY_S: i64 = 1_200;

fn values(api: &Api, resource: &str, from: i64, to: i64) -> Vec<Value> {
    let (from, to) = (clock::text(from), clock::text(to));
    let series = api.get(&format!("/v1/series/values?resource={resource}&metric=requests&from={from}&to={to}")).json();
    series["values"].as_array().expect("values").clone()
}

/// Claims an instance for the caller's own tenant.
pub(crate) fn claim(api: &Api, persona: &str) -> Value {
    api.post(&format!("/v1/personas/{persona}/claims"), &json!({})).json()
}

fn instance_of(api: &Api, persona: &str, id: &Value) -> Value {
    let instances = api.instances(persona);
    instances.iter().find(|one| one["id"] == *id).unwrap_or_else(|| panic!("no {id} in {instances:?}")).clone()
}

#[test]
fn what_is_measured_is_planned_for_with_reasons_and_kept_warm() {
    let host = Setup::quick().start();
    let api = host.api();
    let file = host.folder().join("web.toml");
    let persona = "name = \"web\"\n[allocation]\ncpu_millis = 500\nmemory_mib = 512\n[demand]\n\
                   series = { resource = \"web\", metric = \"requests\" }\ncapacity_per_instance = 10.0\n\
                   [scaling]\nmin = 1\nmax = 20\n";
    fs::write(&file, persona).expect("written");
    let applied = host.command(&["persona", "apply", file.to_str().expect("text")]);
    assert_eq!((applied.code, applied.output.trim()), (Some(0), "web is at version 1"), "{}", applied.errors);

    let start = clock::now_ms() / 1_000 * 1_000 - HISTORY_S * 1_000;
    let history: Vec<f64> = (0..HISTORY_S).map(|second| 45.0 + (second % 2) as f64).collect();
    let series = json!({"resource": "web", "metric": "requests", "start": clock::text(start), "step_ms": 1000, "values": history});
    let report = api.post("/v1/ingest/json", &json!({"series": [series]})).json();
    assert_eq!((&report["accepted"], &report["refused_total"]), (&json!(HISTORY_S), &json!(0)), "{report}");

    let plan = eventually("a plan that rests on a forecast", || {
        api.measure("web", 45.0);
        let plan = api.get("/v1/personas/web/plan");
        let plan = (plan.status == 200).then(|| plan.json())?;
        (plan["policy"] == "level_programme" && plan["wanted"].as_u64()? >= 5).then_some(plan)
    });
    let codes: Vec<&Value> =
        plan["reasons"].as_array().expect("reasons").iter().map(|reason| &reason["code"]).collect();
    assert!(codes.contains(&&json!("level_programme")), "{plan}");
    assert!(!plan["levels"].as_array().expect("levels").is_empty(), "{plan}");
    let explained = eventually("an explanation by the forecast", || {
        api.measure("web", 45.0);
        let explained = host.command(&["plan", "explain", "web"]);
        assert_eq!(explained.code, Some(0), "{}", explained.errors);
        explained.output.contains("level by level").then_some(explained.output)
    });
    for part in ["web (version 1)", "wanted: ", "why:\n  - ", "forecast of the load"] {
        assert!(explained.contains(part), "{part:?} is missing in\n{explained}");
    }
    eventually("five warm instances", || {
        api.measure("web", 45.0);
        (api.standing("web")["stock"]["warm"].as_u64()? >= 5).then_some(())
    });
    assert_eq!(api.get("/readyz").status, 200);
}

#[test]
fn measurements_come_in_three_ways_and_read_the_same() {
    let mut host = Setup::quick().start();
    let api = host.api();
    let start = clock::now_ms() / 1_000 * 1_000 - 60_000;
    let at = |second: i64| start + second * 1_000;

    let samples: Vec<Value> = [(0, 1.5), (1, 0.0), (3, 4e9)]
        .map(|(s, value)| json!({"resource": "json", "metric": "requests", "at": clock::text(at(s)), "value": value}))
        .into();
    assert_eq!(api.post("/v1/ingest/json", &json!({"samples": samples})).json()["accepted"], 3);
    let csv =
        format!("timestamp,value\n{},1.5\n{},0\n{},4e9\n", clock::text(at(0)), clock::text(at(1)), clock::text(at(3)));
    let path = "/v1/ingest/csv?resource=csv&metric=requests";
    let report = api.send("POST", path, &[("content-type", "text/csv")], Some(csv.as_bytes())).json();
    assert_eq!(report["accepted"], 3, "{report}");
    let labels = [("__name__", "forewarm_requests"), ("service", "prometheus")];
    let body = remote_write::body(&[(&labels, &[(at(0), 1.5), (at(1), 0.0), (at(3), 4e9)])]);
    let answer = api.send("POST", "/api/v1/write", remote_write::HEADERS, Some(&body));
    assert_eq!(answer.status, 204, "{}", answer.body);
    let file = host.folder().join("cli.csv");
    fs::write(&file, &csv).expect("written");
    let sent = host.command(&["ingest", file.to_str().expect("text"), "--resource", "cli", "--metric", "requests"]);
    assert_eq!(sent.code, Some(0), "{}", sent.errors);

    let expected = [json!(1.5), json!(0.0), Value::Null, json!(4e9)];
    for round in ["before", "after"] {
        let api = host.api();
        for resource in ["json", "csv", "prometheus", "cli"] {
            assert_eq!(values(&api, resource, at(0), at(4)), expected, "{resource} {round} a clean restart");
        }
        host.stop();
        host.restart();
    }
}

#[test]
fn a_claim_is_served_warm_released_wiped_and_warm_again() {
    let host = Setup::quick().start();
    let api = host.api();
    api.apply(&persona("web", 2, 5));
    warmed(&api, "web", 2);

    let claimed = claim(&api, "web");
    assert_eq!(
        (&claimed["state"], &claimed["warm"], &claimed["tenant"]),
        (&json!("served"), &json!(true), &json!("default"))
    );
    let held = instance_of(&api, "web", &claimed["instance"]);
    assert_eq!((&held["state"]["state"], &held["state"]["claim"]), (&json!("active"), &claimed["id"]));
    assert_eq!(held["operations"], 1, "it was created and nothing else");

    let path = format!("/v1/claims/{}", text(&claimed["id"]));
    for _ in 0..2 {
        let released = api.delete(&path).json();
        assert_eq!((&released["state"], &released["cause"]), (&json!("ended"), &json!("released")));
    }
    let warm = eventually("the instance warm again", || {
        let instance = instance_of(&api, "web", &claimed["instance"]);
        (instance["state"]["state"] == "warm").then_some(instance)
    });
    assert_eq!(warm["operations"], 2, "it was wiped once in between");
}

#[test]
fn nobody_gets_an_instance_that_is_not_wiped() {
    let host = Setup::quick().parameter("driver-simulated", "reset_seconds", 80_000.0).start();
    let api = host.api();
    api.apply(&persona("web", 2, 2));
    warmed(&api, "web", 2);
    let first = claim(&api, "web");
    api.delete(&format!("/v1/claims/{}", text(&first["id"]))).ok();
    let second = claim(&api, "web");
    assert_eq!(second["warm"], true);
    assert_ne!(first["instance"], second["instance"]);
    // The only other instance is being wiped and no further one may be had: the third waits, with an expectation.
    let third = claim(&api, "web");
    assert_eq!(third["state"], "waiting", "{third}");
    assert!(clock::parse(text(&third["expected_at"])) > clock::now_ms(), "{third}");
    let stock = &api.standing("web")["stock"];
    assert_eq!(
        (&stock["resetting"], &stock["active"], &stock["waiting"]),
        (&json!(1), &json!(1), &json!(1)),
        "{stock}"
    );
    assert_eq!(instance_of(&api, "web", &first["instance"])["state"]["state"], "resetting");
}

#[test]
fn claims_wait_expire_are_renewed_and_repeat_under_their_key() {
    let host = Setup::quick().start();
    let api = host.api();
    api.apply(&persona("web", 1, 6));
    api.apply(&persona("other", 1, 6));
    warmed(&api, "web", 1);

    let short = api.post("/v1/personas/web/claims", &json!({"lifetime_s": 1})).json();
    assert!(short["expires_at"].is_string(), "{short}");
    // Whether it is served warm or after a wait, it holds an instance in the end, and a renewed one is kept.
    let kept = api.post("/v1/personas/web/claims", &json!({"lifetime_s": 3600})).json();
    let kept = format!("/v1/claims/{}", text(&kept["id"]));
    let renewed = api.post(&format!("{kept}/renew"), &json!({"lifetime_s": 0})).json();
    assert_eq!(renewed["expires_at"], Value::Null);
    eventually("the waiting claim served", || (api.get(&kept).json()["state"] == "served").then_some(()));
    let path = format!("/v1/claims/{}", text(&short["id"]));
    let ended = eventually("the claim to expire", || {
        let claim = api.get(&path).json();
        (claim["state"] == "ended").then_some(claim)
    });
    assert_eq!(ended["cause"], "expired");
    api.post(&format!("{path}/renew"), &json!({"lifetime_s": 5})).problem(409, "conflict");
    assert_eq!(api.get(&kept).json()["state"], "served");

    let keyed = |persona: &str| {
        let headers = [("content-type", "application/json"), ("idempotency-key", "order-7")];
        api.send("POST", &format!("/v1/personas/{persona}/claims"), &headers, Some(b"{}"))
    };
    let first = keyed("web").json();
    assert_eq!(keyed("web").json()["id"], first["id"], "an open claim");
    keyed("other").problem(409, "conflict");
    api.delete(&format!("/v1/claims/{}", text(&first["id"]))).ok();
    assert_eq!(keyed("web").json()["id"], first["id"], "an ended claim");
    let ids: Vec<Value> = api.claims("web").into_iter().map(|claim| claim["id"].clone()).collect();
    assert_eq!(ids.iter().filter(|id| **id == first["id"]).count(), 1);
    assert_eq!(ids.len(), 3, "{ids:?}");
}

#[test]
fn every_token_does_just_what_it_may() {
    let host = Setup::quick().start();
    let admin = host.api();
    admin.apply(&persona("web", 2, 6));
    warmed(&admin, "web", 2);
    let reader = admin.as_new_caller("reader", "read", None);
    let operator = admin.as_new_caller("operator", "operator", None);
    let red = admin.as_new_caller("red", "tenant", Some("red"));
    let blue = admin.as_new_caller("blue", "tenant", Some("blue"));
    let nobody = admin.with_token(None);
    let stranger = admin.with_token(Some("fwt_0000000000000000000000000000000000000000000"));

    let claimed = claim(&red, "web");
    assert_eq!(claimed["tenant"], "red");
    let path = format!("/v1/claims/{}", text(&claimed["id"]));
    for method in ["GET", "DELETE"] {
        blue.send(method, &path, &[], None).problem(404, "not-found");
    }
    blue.post(&format!("{path}/renew"), &json!({"lifetime_s": 9})).problem(404, "not-found");
    blue.post("/v1/personas/web/claims", &json!({"tenant": "red"})).problem(403, "forbidden");
    assert!(blue.claims("web").is_empty());
    assert_eq!(red.claims("web").len(), 1);
    assert_eq!(red.get(&path).json()["state"], "served");

    for tenant in [&red, &blue] {
        // Of personas it sees the names, to know what it may claim.
        let personas = tenant.get("/v1/personas").json();
        assert_eq!(personas["personas"][0]["stock"], Value::Null, "{personas}");
        for path in [
            "/v1/status",
            "/v1/plugins",
            "/v1/personas/web",
            "/v1/personas/web/plan",
            "/v1/series",
            "/metrics",
            "/v1/tokens",
            "/v1/events",
        ] {
            tenant.get(path).problem(403, "forbidden");
        }
    }
    let sample = json!({"samples": []});
    for caller in [&reader, &red] {
        caller.put_persona(&persona("web", 3, 6)).problem(403, "forbidden");
        caller.post("/v1/ingest/json", &sample).problem(403, "forbidden");
    }
    reader.post("/v1/personas/web/claims", &json!({})).problem(403, "forbidden");
    reader.delete(&path).problem(403, "forbidden");
    reader.get("/v1/status").ok();
    operator.apply(&persona("web", 2, 6));
    for caller in [&reader, &operator] {
        caller.get("/v1/tokens").problem(403, "forbidden");
        caller.post("/v1/tokens", &json!({"name": "more", "scope": "admin"})).problem(403, "forbidden");
    }
    for caller in [&nobody, &stranger] {
        caller.get("/v1/status").problem(401, "unauthenticated");
        caller.delete(&path).problem(401, "unauthenticated");
        caller.put_persona(&persona("web", 3, 6)).problem(401, "unauthenticated");
        assert_eq!(caller.get("/healthz").status, 200, "open to all");
    }
    assert_eq!(admin.delete(&path).json()["cause"], "released");
    admin.delete("/v1/tokens/red").ok();
    red.get(&path).problem(401, "unauthenticated");
}
