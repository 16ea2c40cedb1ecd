//! Measurements in by every way, and out again.

use crate::host::{Host, json_of, problem_of};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

/// The beginning of the minute so many minutes ago.
fn minutes_ago(minutes: i64) -> OffsetDateTime {
    let now = OffsetDateTime::now_utc();
    let minute = OffsetDateTime::from_unix_timestamp(now.unix_timestamp() / 60 * 60).unwrap();
    minute - Duration::minutes(minutes)
}

fn text(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap()
}

/// The measured values of `web/requests`.
async fn values(host: &Host) -> Vec<f64> {
    let series: Value = json_of(host.get("/v1/series/values?resource=web&metric=requests"), StatusCode::OK).await;
    series["values"].as_array().unwrap().iter().filter_map(Value::as_f64).collect()
}

#[tokio::test]
async fn json_in_both_forms_and_out_again() {
    let host = Host::start().await;
    let body = json!({
        "samples": [{ "resource": "web", "metric": "requests", "at": text(minutes_ago(2)), "value": 3.0 }],
        "series": [{ "resource": "web", "metric": "requests", "start": text(minutes_ago(5)), "step_ms": 60_000, "values": [1.0, null, 2.0] }],
    });
    let report: Value = json_of(host.post("/v1/ingest/json", &body), StatusCode::OK).await;
    assert_eq!((&report["accepted"], &report["refused_total"]), (&3.into(), &0.into()));
    assert_eq!(values(&host).await, [1.0, 2.0, 3.0]);
    let list: Value = json_of(host.get("/v1/series?prefix=we&metric=requests"), StatusCode::OK).await;
    assert_eq!((&list["total"], &list["series"][0]["steps"]), (&1.into(), &3.into()));
    let none: Value = json_of(host.get("/v1/series?prefix=api"), StatusCode::OK).await;
    assert_eq!(none["total"], 0);
}

#[tokio::test]
async fn refused_samples_are_listed_and_the_others_stored() {
    let host = Host::start().await;
    let sample = |minutes: i64, value: f64| json!({ "resource": "web", "metric": "requests", "at": text(minutes_ago(minutes)), "value": value });
    let body = json!({ "samples": [sample(1, 5.0), sample(-600, 6.0), sample(1, -1.0)] });
    let report: Value = json_of(host.post("/v1/ingest/json", &body), StatusCode::OK).await;
    assert_eq!((&report["accepted"], &report["refused_total"]), (&1.into(), &2.into()));
    let reasons: Vec<&str> =
        report["refused"].as_array().expect("a list").iter().filter_map(|r| r["reason"].as_str()).collect();
    assert_eq!(reasons, ["in_the_future", "negative"]);
    assert_eq!(values(&host).await, [5.0]);
}

#[tokio::test]
async fn csv_with_and_without_columns() {
    let host = Host::start().await;
    let post =
        |path: &str, body: String| host.request(Method::POST, path).header("content-type", "text/csv").body(body);
    let short = format!("timestamp,value\n{},1\n{},2\n", text(minutes_ago(3)), text(minutes_ago(2)));
    let _: Value = json_of(post("/v1/ingest/csv?resource=web&metric=requests", short.clone()), StatusCode::OK).await;
    assert_eq!(values(&host).await, [1.0, 2.0]);
    let problem = problem_of(post("/v1/ingest/csv", short)).await;
    assert!(problem.detail.contains("resource"), "{problem:?}");
    let broken = format!("timestamp,value\n{},9\n{},many\n", text(minutes_ago(2)), text(minutes_ago(1)));
    let problem = problem_of(post("/v1/ingest/csv?resource=web&metric=requests", broken)).await;
    assert!(problem.detail.contains("line 3") && problem.detail.contains("`many`"), "{problem:?}");
    assert_eq!(values(&host).await, [1.0, 2.0]);
}

fn varint(mut value: u64, into: &mut Vec<u8>) {
    while value >= 0x80 {
        into.push((value as u8) | 0x80);
        value >>= 7;
    }
    into.push(value as u8);
}

/// A length-delimited protobuf field.
fn field(number: u8, content: &[u8], into: &mut Vec<u8>) {
    into.push(number << 3 | 2);
    varint(content.len() as u64, into);
    into.extend_from_slice(content);
}

/// A remote-write 1.0 body with one sample of one series, as a sender packs it.
fn remote_write(labels: &[(&str, &str)], at: OffsetDateTime, value: f64) -> Vec<u8> {
    let mut series = Vec::new();
    for (name, value) in labels {
        let mut label = Vec::new();
        field(1, name.as_bytes(), &mut label);
        field(2, value.as_bytes(), &mut label);
        field(1, &label, &mut series);
    }
    let mut sample = vec![1 << 3 | 1];
    sample.extend_from_slice(&value.to_le_bytes());
    sample.push(2 << 3);
    varint((at.unix_timestamp() * 1_000) as u64, &mut sample);
    field(2, &sample, &mut series);
    let mut request = Vec::new();
    field(1, &series, &mut request);
    snap::raw::Encoder::new().compress_vec(&request).unwrap()
}

#[tokio::test]
async fn prometheus_at_both_paths() {
    let host = Host::start().await;
    let post = |path: &str, body: Vec<u8>| {
        let request = host.request(Method::POST, path).header("content-type", "application/x-protobuf");
        request.header("content-encoding", "snappy").body(body)
    };
    let labels = [("__name__", "forewarm_requests"), ("job", "web")];
    for (minutes, path) in [(2, "/v1/ingest/prometheus"), (1, "/api/v1/write")] {
        let response =
            post(path, remote_write(&labels, minutes_ago(minutes), minutes as f64)).send().await.expect("answers");
        assert_eq!(response.status(), StatusCode::NO_CONTENT, "{}", response.text().await.expect("text"));
    }
    assert_eq!(values(&host).await, [2.0, 1.0]);
    let unmapped = remote_write(&[("__name__", "up"), ("job", "web")], minutes_ago(1), 1.0);
    assert_eq!(post("/api/v1/write", unmapped).send().await.expect("answers").status(), StatusCode::NO_CONTENT);
    let future = problem_of(post("/api/v1/write", remote_write(&labels, minutes_ago(-600), 1.0))).await;
    assert!(future.status == 422 && future.detail.contains("the others are stored"), "{future:?}");
    assert_eq!(problem_of(post("/api/v1/write", b"not snappy".to_vec())).await.status, 400);
    let plain = host.request(Method::POST, "/api/v1/write").header("content-type", "application/x-protobuf").body("x");
    assert!(problem_of(plain).await.detail.contains("content-encoding: snappy"));
    let second = "application/x-protobuf;proto=io.prometheus.write.v2.Request";
    let second = host.request(Method::POST, "/api/v1/write").header("content-type", second).body(vec![]);
    assert!(problem_of(second).await.detail.contains("remote-write 2.0"));
}
