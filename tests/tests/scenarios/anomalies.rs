//! Loads that do not belong: told, shown, and forgotten where nobody watches.

use crate::persona;
use forewarm_tests::{Api, Setup, clock, eventually};
use serde_json::{Value, json};

/// Seconds of history that are given.
const HISTORY_S: i64 = 1_200;
/// A load far from any that was measured.
const OUTBURST: f64 = 4_000.0;

fn give_history(api: &Api, resource: &str) {
    let start = clock::now_ms() / 1_000 * 1_000 - HISTORY_S * 1_000;
    let history: Vec<f64> = (0..HISTORY_S).map(|second| 45.0 + (second % 7) as f64).collect();
    let series = json!({"resource": resource, "metric": "requests", "start": clock::text(start), "step_ms": 1000, "values": history});
    let report = api.post("/v1/ingest/json", &json!({"series": [series]})).json();
    assert_eq!(report["accepted"], HISTORY_S, "{report}");
}

fn anomalies(api: &Api, persona: &str) -> Vec<Value> {
    api.get(&format!("/v1/personas/{persona}/anomalies")).json().as_array().expect("a list").clone()
}

#[test]
fn an_outburst_is_told_with_what_was_usual_unless_nobody_watches() {
    let host = Setup::quick().start();
    let api = host.api();
    for name in ["web", "free"] {
        give_history(&api, name);
        let mut persona = persona(name, 1, 5);
        if name == "free" {
            persona["plugins"] = json!({ "anomaly_detector": null });
        }
        api.apply(&persona);
    }
    for name in ["web", "free"] {
        eventually("a forecast", || {
            api.measure(name, 46.0);
            (api.get(&format!("/v1/personas/{name}/forecast")).status == 200).then_some(())
        });
    }
    assert!(anomalies(&api, "web").is_empty(), "{:?}", anomalies(&api, "web"));
    let found = eventually("an anomaly", || {
        api.measure("web", OUTBURST);
        api.measure("free", OUTBURST);
        anomalies(&api, "web").into_iter().next()
    });
    assert_eq!(found["value"], OUTBURST, "{found}");
    assert_eq!(found["masked"], true, "{found}");
    let high = found["expected_high"].as_f64().expect("a bound");
    assert!((45.0..OUTBURST / 10.0).contains(&high), "{found}");
    assert!(anomalies(&api, "free").is_empty());
    api.get("/v1/personas/nobody/anomalies").problem(404, "not-found");
    let wrong = json!({ "anomaly_detector": "driver-simulated" });
    let mut other = persona("other", 1, 5);
    other["plugins"] = wrong;
    let refused = api.put_persona(&other).problem(422, "invalid-body");
    assert!(refused.to_string().contains("/plugins/anomaly_detector"), "{refused}");
}
