//! The coming days of a load: forecast by several forecasters, weighed by their record, shown, and kept over a crash.

use crate::persona;
use forewarm_tests::{Api, Finished, Setup, clock, eventually};
use serde_json::{Value, json};

/// Hours of history that are given, at one value a minute.
const HOURS: i64 = 14 * 24;
const HOUR_MS: i64 = 3_600_000;

/// Two weeks with a season of a day.
fn give_history(api: &Api, resource: &str, hours: i64) {
    let start = clock::now_ms() / HOUR_MS * HOUR_MS - hours * HOUR_MS;
    let value = |minute: i64| {
        let of_day = ((start / 60_000 + minute) % 1_440) as f64 / 1_440.0;
        100.0 + 40.0 * (of_day * std::f64::consts::TAU).sin() + (minute as f64 * 0.618_033_988_75).fract()
    };
    let values: Vec<f64> = (0..hours * 60).map(value).collect();
    let series = json!({"resource": resource, "metric": "requests", "start": clock::text(start), "step_ms": 60_000, "values": values});
    let report = api.post("/v1/ingest/json", &json!({"series": [series]})).json();
    assert_eq!(report["accepted"], hours * 60, "{report}");
}

fn days(api: &Api, persona: &str) -> Value {
    eventually("a forecast of the coming days", || {
        let answer = api.get(&format!("/v1/personas/{persona}/forecast/days"));
        (answer.status == 200).then(|| answer.json())
    })
}

/// The quantiles of one hour ahead.
fn hour(days: &Value, ahead: usize) -> Vec<f64> {
    let levels = days["fan"]["levels"].as_array().expect("levels").len();
    let values = days["fan"]["values"].as_array().expect("values");
    values[ahead * levels..][..levels].iter().map(|value| value.as_f64().expect("a number")).collect()
}

#[test]
fn the_coming_days_are_forecast_by_the_better_ones_and_outlive_a_crash() {
    let mut host = Setup::plain().start();
    let api = host.api();
    give_history(&api, "web", HOURS);
    api.apply(&persona("web", 1, 5));
    let made = days(&api, "web");
    assert_eq!((&made["weighted_by"], &made["fan"]["step_ms"]), (&json!("own"), &json!(HOUR_MS)), "{made}");
    let models = made["models"].as_array().expect("models");
    let weight = |model: &Value| model["weight"].as_f64().expect("a weight");
    assert!((models.iter().map(weight).sum::<f64>() - 1.0).abs() < 1e-9, "{made}");
    let mean =
        |model: &Value| model["errors"].as_array().expect("errors").iter().filter_map(Value::as_f64).sum::<f64>();
    let best = models.iter().max_by(|a, b| weight(a).total_cmp(&weight(b))).expect("one");
    // Weights go by the whole distributions, so that of near equals another may have the least error of its medians.
    assert!(models.iter().all(|model| mean(model) * 1.1 >= mean(best)), "{made}");
    assert_eq!(made["seasons"][0]["period_s"], 86_400, "{made}");
    // The load itself is known: the band holds it, tightly.
    let start = clock::now_ms() / HOUR_MS * HOUR_MS;
    for ahead in [0, 13, 47] {
        let quantiles = hour(&made, ahead);
        let middle = ((start / HOUR_MS + ahead as i64) % 24) as f64 / 24.0 + 0.5 / 24.0;
        let truth = 100.5 + 40.0 * (middle * std::f64::consts::TAU).sin();
        assert!(quantiles[0] - 2.0 < truth && truth < quantiles[10] + 2.0, "{ahead}: {truth} in {quantiles:?}");
        assert!(quantiles[10] - quantiles[0] < 20.0, "{ahead}: {quantiles:?}");
    }

    // Another one, of which little is known, is served by what is known of the first.
    give_history(&api, "young", 5);
    api.apply(&persona("young", 1, 5));
    let young = days(&api, "young");
    assert_eq!(young["weighted_by"], "pool", "{young}");

    let Finished { code, output, errors } = host.command(&["forecast", "web"]);
    assert_eq!(code, Some(0), "{errors}");
    for part in ["the next 48 hours", "forecaster-ridge", "weighed by its own backtests", "1 days"] {
        assert!(output.contains(part), "{part} is missing in\n{output}");
    }
    let Finished { code, errors, .. } = host.command(&["forecast", "nobody"]);
    assert_eq!(code, Some(4), "{errors}");

    // Of one that ended long ago nothing is said, and why is told.
    let old = clock::now_ms() - 3 * 24 * HOUR_MS;
    let series = json!({"resource": "gone", "metric": "requests", "start": clock::text(old), "step_ms": 60_000, "values": vec![1.0; 600]});
    assert_eq!(api.post("/v1/ingest/json", &json!({"series": [series]})).json()["accepted"], 600);
    api.apply(&persona("gone", 1, 5));
    eventually("the reason", || {
        let told = api.get("/v1/personas/gone/forecast/days").problem(404, "not-found").to_string();
        told.contains("more than a day ago").then_some(())
    });

    host.kill();
    host.restart();
    let again = host.api().get("/v1/personas/web/forecast/days");
    assert_eq!((again.status, again.json()["made_at"].clone()), (200, made["made_at"].clone()));
}
