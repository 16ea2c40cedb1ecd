//! `forewarm export`: from what a host measured to a file that `train` and `backtest` read.

use forewarm_tests::{Api, Finished, Host, Setup, clock};
use serde_json::{Value, json};
use std::fs;

const HOUR_MS: i64 = 3_600_000;
/// Nine days, a value a minute.
const HOURS: i64 = 9 * 24;

/// A load that is the number of the hour of the day, give or take one from minute to minute; nothing in the fifth hour.
fn give(api: &Api, resource: &str, start: i64) {
    let value = |minute: i64| match minute / 60 {
        4 => Value::Null,
        hour => json!((hour % 24) as f64 + 10.0 + if minute % 2 == 0 { 1.0 } else { -1.0 }),
    };
    let values: Vec<Value> = (0..HOURS * 60 + 30).map(value).collect();
    let series = json!({"resource": resource, "metric": "requests", "start": clock::text(start), "step_ms": 60_000, "values": values});
    let report = api.post("/v1/ingest/json", &json!({"series": [series]})).json();
    assert_eq!(report["accepted"], HOURS * 60 - 30, "{report}");
}

fn export(host: &Host, more: &[&str]) -> (Finished, String) {
    let file = host.folder().join("out.csv");
    let finished = host.command(&[&["export", "--out", &file.to_string_lossy(), "--output", "json"], more].concat());
    (finished, fs::read_to_string(&file).unwrap_or_default())
}

#[test]
fn what_was_measured_becomes_a_history_to_train_on() {
    let host = Setup::plain().start();
    let start = clock::now_ms() / HOUR_MS * HOUR_MS - (HOURS + 1) * HOUR_MS;
    for resource in ["web", "web-eu", "batch"] {
        give(&host.api(), resource, start);
    }

    let (finished, file) = export(&host, &["--prefix", "web"]);
    assert_eq!(finished.code, Some(0), "{}", finished.errors);
    let account: Value = serde_json::from_str(&finished.output).expect("one document");
    // Whole hours that something was measured in: neither the fifth one nor the half at the end.
    assert_eq!((&account["series"], &account["values"]), (&json!(2), &json!(2 * (HOURS - 1))), "{account}");
    let rows: Vec<&str> = file.lines().collect();
    let row = |hour: i64| format!("web/requests,{},{}", clock::text(start + hour * HOUR_MS), hour % 24 + 10);
    assert_eq!((rows[0], rows.len() as i64), ("series_id,timestamp,value", 1 + 2 * (HOURS - 1)));
    assert!(rows[1] == row(0) && rows[5] == row(5) && rows[100] == row(100), "{} {} {}", rows[1], rows[5], rows[100]);

    let weights = host.folder().join("w.safetensors");
    let (file, weights) = (host.folder().join("out.csv"), weights.to_string_lossy());
    let small = ["--members", "1", "--epochs", "1", "--hidden", "2", "--output", "json"];
    let trained =
        host.command(&[&["train", "--history", &file.to_string_lossy(), "--out", &weights], &small[..]].concat());
    assert_eq!(trained.code, Some(0), "{}", trained.errors);
    let trained: Value = serde_json::from_str(&trained.output).expect("one document");
    assert_eq!((&trained["card"]["data"]["series"], &trained["card"]["shape"]["patch"]), (&json!(2), &json!(24)));
}

#[test]
fn a_span_a_metric_and_a_step_are_chosen_and_misfits_told() {
    let host = Setup::plain().start();
    let start = clock::now_ms() / HOUR_MS * HOUR_MS - (HOURS + 1) * HOUR_MS;
    give(&host.api(), "web", start);
    let (from, to) = (clock::text(start + 2 * HOUR_MS), clock::text(start + 3 * HOUR_MS));
    let (finished, file) = export(&host, &["--from", &from, "--to", &to, "--step", "20m", "--metric", "requests"]);
    assert_eq!(finished.code, Some(0), "{}", finished.errors);
    assert_eq!(file.lines().skip(1).map(|row| row.rsplit(',').next()).collect::<Vec<_>>(), [Some("12"); 3], "{file}");

    for (more, code, part) in [
        (&["--step", "90s"][..], 2, "a multiple of the host's steps of 60 s"),
        (&["--step", "1d"], 2, "such as 60s"),
        (&["--from", &to, "--to", &from], 2, "--from must lie before --to"),
        (&["--metric", "cpu_cores"], 1, "nothing that fits"),
        (&["--prefix", "nobody"], 1, "nothing that fits"),
        (&["--token", "wrong"], 4, "token"),
    ] {
        fs::write(host.folder().join("out.csv"), "before").expect("written");
        let (finished, file) = export(&host, more);
        assert_eq!(finished.code, Some(code), "{more:?}: {}", finished.errors);
        assert!(finished.errors.contains(part) && file == "before", "{more:?}: {}", finished.errors);
    }
}
