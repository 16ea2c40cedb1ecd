//! Nonsense over HTTP: each is refused with what was wrong and what would be right, and harms nothing.

use crate::{persona, text};
use forewarm_tests::{Answer, Api, Setup, clock, remote_write};
use serde_json::{Value, json};
use std::{
    io::{Read, Write},
    net::{Shutdown, TcpStream},
};

fn sample(at: i64, value: impl Into<Value>) -> Value {
    json!({"resource": "web", "metric": "requests", "at": clock::text(at), "value": value.into()})
}

fn ingest(api: &Api, samples: &[Value]) -> Value {
    api.post("/v1/ingest/json", &json!({"samples": samples})).json()
}

fn csv(api: &Api, body: &str) -> Answer {
    let path = "/v1/ingest/csv?resource=web&metric=requests";
    api.send("POST", path, &[("content-type", "text/csv")], Some(body.as_bytes()))
}

fn reasons(report: &Value) -> Vec<&str> {
    report["refused"].as_array().expect("a list").iter().map(|refusal| text(&refusal["reason"])).collect()
}

#[test]
fn samples_that_cannot_be_meant_are_refused_one_by_one() {
    let host = Setup::quick().set("ingest.late_limit_s", 60).start();
    let api = host.api();
    let now = clock::now_ms() / 1_000 * 1_000;
    // Out of order within the limit is taken; the very same again is a duplicate, another value there replaces.
    assert_eq!(ingest(&api, &[sample(now, 5), sample(now - 30_000, 3), sample(now - 10_000, 4)])["accepted"], 3);
    let report = ingest(&api, &[sample(now, 5), sample(now - 10_000, 4.5)]);
    assert_eq!(
        (&report["duplicates"], &report["accepted"], &report["replaced"]),
        (&json!(1), &json!(1), &json!(1)),
        "{report}"
    );

    let report = ingest(
        &api,
        &[
            sample(now - 3_600_000, 1),
            sample(now + 3_600_000, 1),
            sample(now, -1),
            sample(now, 1e300),
            sample(now - 1_000, 7),
        ],
    );
    assert_eq!(reasons(&report), ["too_late", "in_the_future", "negative", "too_large"], "{report}");
    assert_eq!((&report["accepted"], &report["refused_total"]), (&json!(1), &json!(4)));
    assert_eq!(report["refused"][2]["index"], 2, "{report}");
    for number in ["NaN", "inf", "-inf"] {
        let report = csv(&api, &format!("timestamp,value\n{},{number}\n", clock::text(now))).json();
        assert_eq!(reasons(&report), ["not_finite"], "{number}: {report}");
    }
    let labels = [("__name__", "forewarm_requests"), ("service", "web")];
    let body = remote_write::body(&[(&labels, &[(now, f64::INFINITY), (now - 2_000, 8.0)])]);
    let problem =
        api.send("POST", "/v1/ingest/prometheus", remote_write::HEADERS, Some(&body)).problem(422, "invalid-body");
    assert!(text(&problem["detail"]).starts_with("1 series or samples were refused"), "{problem}");

    let (from, to) = (clock::text(now - 31_000), clock::text(now + 1_000));
    let series = api.get(&format!("/v1/series/values?resource=web&metric=requests&from={from}&to={to}")).json();
    let values: Vec<f64> = series["values"].as_array().expect("values").iter().filter_map(Value::as_f64).collect();
    assert_eq!(values, [3.0, 4.5, 8.0, 7.0, 5.0], "what was good is there, and nothing else");
}

#[test]
fn bodies_that_cannot_be_read_are_told_apart() {
    let host = Setup::quick().set("http.body_limit_kib", 4).set("http.ingest_body_limit_kib", 8).start();
    let api = host.api();
    let send = |path: &str, kind: &str, body: &[u8]| api.send("POST", path, &[("content-type", kind)], Some(body));
    send("/v1/ingest/json", "text/csv", b"{}").problem(415, "unsupported-media-type");
    send("/v1/ingest/csv?resource=web&metric=requests", "application/json", b"a")
        .problem(415, "unsupported-media-type");
    send("/v1/ingest/prometheus", "application/x-protobuf", b"a").problem(415, "unsupported-media-type");
    send("/v1/tokens", "text/plain", b"{}").problem(415, "unsupported-media-type");
    send("/v1/ingest/json", "application/json", b"{\"samples\": [").problem(400, "malformed-body");
    send("/v1/ingest/json", "application/json", b"\xff\xfe").problem(400, "malformed-body");
    send("/v1/ingest/json", "application/json", b"{\"sample\": []}").problem(422, "invalid-body");
    let row = format!("{},1e400\n", clock::text(clock::now_ms()));
    csv(&api, "timestamp,value\nyesterday,1\n").problem(422, "invalid-body");
    csv(&api, "a,b\n1,2\n").problem(422, "invalid-body");
    assert_eq!(csv(&api, &format!("timestamp,value\n{row}")).json()["accepted"], 0, "beyond what a number can hold");
    api.send("POST", "/v1/ingest/prometheus", remote_write::HEADERS, Some(b"no snappy")).problem(400, "malformed-body");
    let packed = snap_of(b"no protobuf at all");
    api.send("POST", "/v1/ingest/prometheus", remote_write::HEADERS, Some(&packed)).problem(400, "malformed-body");
    // A few bytes that would unpack to far more than the limit.
    let bomb = snap_of(&vec![0; 1 << 20]);
    api.send("POST", "/v1/ingest/prometheus", remote_write::HEADERS, Some(&bomb)).problem(413, "body-too-large");

    // What is announced to be too large is refused before it is sent.
    for (path, told) in
        [("/v1/tokens", "4 KiB (http.body_limit_kib)"), ("/v1/ingest/json", "8 KiB (http.ingest_body_limit_kib)")]
    {
        let answer = announced(&api, path, 9 << 10, "");
        assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
        assert!(answer.contains("urn:forewarm:problem:body-too-large") && answer.contains(told), "{answer}");
    }
    api.get("/v1/nothing").problem(404, "unknown-route");
    api.delete("/v1/personas/web").problem(405, "method-not-allowed");
    assert_eq!(api.get("/healthz").status, 200);
    assert!(api.get("/v1/series").json()["series"].as_array().expect("a list").is_empty(), "nothing of it is stored");
}

fn snap_of(bytes: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(bytes).expect("small")
}

/// Posts `body`, announced as JSON of `length` bytes, closes this side, and gives what came back.
fn announced(api: &Api, path: &str, length: usize, body: &str) -> String {
    let token = api.token().expect("a token");
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: forewarm\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
    let mut stream = TcpStream::connect(api.base().trim_start_matches("http://")).expect("it listens");
    stream.write_all(request.as_bytes()).expect("it reads");
    if !body.is_empty() {
        stream.shutdown(Shutdown::Write).expect("our side can be closed");
    }
    let mut answer = String::new();
    // A connection that is cut ends the answer, too.
    drop(stream.read_to_string(&mut answer));
    answer
}

#[test]
fn a_body_that_is_cut_short_is_not_taken_for_a_whole_one() {
    let host = Setup::quick().start();
    let api = host.api();
    let body = json!({"samples": [sample(clock::now_ms(), 1)]}).to_string();
    let answer = announced(&api, "/v1/ingest/json", body.len() + 10, &body);
    // The host may answer or just hang up.
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert_eq!(api.get("/v1/series").json()["total"], 0);
}

#[test]
fn personas_that_cannot_be_meant_are_refused_field_by_field() {
    let host = Setup::quick().start();
    let api = host.api();
    api.apply(&persona("web-frontend", 0, 3));
    let problem = api.get("/v1/personas/web-frontent").problem(404, "not-found");
    assert!(text(&problem["detail"]).contains("did you mean web-frontend?"), "{problem}");
    api.post("/v1/personas/web-frontent/claims", &json!({})).problem(404, "not-found");

    let refused = |change: &dyn Fn(&mut Value), pointer: &str, parts: &[&str]| {
        let mut spec = persona("web", 0, 3);
        change(&mut spec);
        let problem = api.put_persona(&spec).problem(422, "invalid-body");
        let errors = problem["errors"].as_array().expect("errors");
        let found = errors.iter().find(|error| error["pointer"] == pointer);
        let detail = text(&found.unwrap_or_else(|| panic!("no {pointer} in {problem}"))["detail"]);
        for part in parts {
            assert!(detail.contains(part), "{part:?} is missing in {detail:?}");
        }
    };
    refused(&|spec| spec["allocation"]["cpu_millis"] = json!(0), "/allocation/cpu_millis", &["0", "1"]);
    refused(&|spec| spec["scaling"]["critical_ratio"] = json!(2.5), "/scaling/critical_ratio", &["2.5", "0.9999"]);
    refused(
        &|spec| spec["scaling"]["policy"] = json!("magic"),
        "/scaling/policy",
        &["magic", "compete", "level_programme"],
    );
    refused(&|spec| spec["demand"]["capacity_per_instance"] = json!(0), "/demand/capacity_per_instance", &["0"]);
    refused(&|spec| spec["scaling"]["maximum"] = json!(9), "/scaling", &["maximum", "did you mean `max`"]);
    refused(&|spec| spec["scaling"]["min"] = json!(5), "/scaling/min", &["5", "3"]);
    let schedule = |more: Value| {
        move |spec: &mut Value| {
            let mut one = json!({"name": "s", "from": "09:00", "until": "17:00", "min": 2});
            one.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            spec["schedules"] = json!([one]);
        }
    };
    refused(&schedule(json!({"first_day": "2027-02-30"})), "/schedules/0/first_day", &["2027-02-30", "date"]);
    refused(&schedule(json!({"until": "09:00"})), "/schedules/0/until", &["both 09:00", "24:00"]);
    refused(&schedule(json!({"until": "25:00"})), "/schedules/0/until", &["25:00"]);
    refused(&schedule(json!({"time_zone": "Mars/Olympus"})), "", &["Mars/Olympus", "IANA"]);
    refused(&schedule(json!({"last_day": "2020-01-01"})), "/schedules/0", &["comes on no day"]);
    let skipped = json!({"time_zone": "Europe/Berlin", "from": "02:10", "until": "03:05", "first_day": "2027-03-28", "last_day": "2027-03-28"});
    refused(&schedule(skipped), "/schedules/0", &["hours that clocks skip"]);
    refused(&schedule(json!({"min": 4})), "/schedules/0/min", &["4", "max, which is 3"]);
    refused(&schedule(json!({"min": 2, "max": 1})), "/schedules/0/min", &["min is 2", "its max, which is 1"]);
    refused(&|spec| spec["demand"]["capacity_per_instance"] = json!(-1), "/demand/capacity_per_instance", &["-1"]);
    refused(&|spec| spec["plugins"] = json!({"driver": "profiler-rules"}), "/plugins/driver", &["profiler", "driver"]);
    assert_eq!(api.get("/v1/personas").json()["personas"].as_array().expect("a list").len(), 1);

    let file = host.folder().join("bad.json");
    let mut spec = persona("web", 0, 3);
    spec["allocation"]["cpu_millis"] = json!(0);
    std::fs::write(&file, spec.to_string()).expect("written");
    let told = host.command(&["persona", "apply", file.to_str().expect("text")]);
    assert_eq!(told.code, Some(4), "refused");
    assert!(told.errors.contains("/allocation/cpu_millis") && told.errors.contains("(422)"), "{}", told.errors);
}
