//! Limits of size, number and time, met by servers and guests that go over them.

use crate::server::{Answer, Server, ok};
use crate::support::{Courier, destination, eventually, grant, load, local, try_load};
use forewarm_domain::plugin::PluginErrorKind;
use forewarm_runtime::{HttpGrant, HttpLimits, Limits};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

async fn limited(server: &Server, limits: HttpLimits) -> Courier {
    load(HttpGrant { limits, ..grant(vec![destination("api.test", server.port())]) }, local()).await
}

fn to(server: &Server) -> Value {
    json!({ "url": format!("http://api.test:{}/", server.port()) })
}

fn with(step: Value, more: Value) -> Value {
    let (Value::Object(mut step), Value::Object(more)) = (step, more) else { panic!("objects") };
    step.extend(more);
    Value::Object(step)
}

fn answered(outcomes: &[Value]) -> usize {
    outcomes.iter().filter(|outcome| outcome["status"] == 200).count()
}

#[tokio::test]
async fn sizes_of_a_request() {
    let server = Server::start(Answer::Text(ok(""))).await;
    let limits = HttpLimits { request_bytes: 10_000, header_bytes: 200, headers: 3, ..HttpLimits::default() };
    let courier = limited(&server, limits).await;
    let body = |times: usize| json!({ "method": "POST", "body": "0123456789", "body_times": times });
    assert_eq!(courier.run(json!([with(to(&server), body(1_000))])).await[0]["status"], 200);
    courier.refuses(with(to(&server), body(1_001)), "HttpRequestBodySize(Some(10000))", "request-size").await;
    courier.refuses(with(to(&server), body(20_000)), "HttpRequestBodySize(Some(10000))", "request-size").await;
    let long = json!({ "headers": [["x", "a".repeat(200)]] });
    courier.refuses(with(to(&server), long), "HttpRequestHeaderSectionSize", "request-size").await;
    let many = json!({ "headers": [["a", ""], ["b", ""], ["c", ""], ["d", ""]] });
    courier.refuses(with(to(&server), many), "HttpRequestHeaderSectionSize", "request-size").await;
    let url = format!("http://api.test:{}/{}", server.port(), "a".repeat(200));
    courier.refuses(json!({ "url": url }), "HttpRequestHeaderSectionSize", "request-size").await;
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn sizes_of_a_response() {
    let limits = HttpLimits { response_bytes: 1_000, header_bytes: 1_000, headers: 5, ..HttpLimits::default() };
    let chunk = format!("64\r\n{}\r\n", "a".repeat(100));
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    for (answer, code) in [
        (Answer::Text(ok(&"a".repeat(1_001))), "HttpResponseBodySize(Some(1000))"),
        (Answer::Endless(chunked.into(), chunk, Duration::ZERO), "HttpResponseBodySize(Some(1000))"),
        (
            Answer::Endless("HTTP/1.1 200 OK\r\n".into(), "x: y\r\n".into(), Duration::ZERO),
            "HttpResponseHeaderSectionSize",
        ),
        (
            Answer::Endless("HTTP/1.1 200 OK\r\nx: ".into(), "a".repeat(99), Duration::ZERO),
            "HttpResponseHeaderSectionSize",
        ),
    ] {
        let server = Server::start(answer.clone()).await;
        limited(&server, limits).await.refuses(to(&server), code, "response-size").await;
    }
    let server = Server::start(Answer::Text(ok(&"a".repeat(1_000)))).await;
    assert_eq!(limited(&server, limits).await.run(json!([to(&server)])).await[0]["length"], 1_000);
}

#[tokio::test]
async fn times_of_a_response() {
    let short = Duration::from_millis(200);
    let hour = Duration::from_secs(3_600);
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n";
    let part = "1\r\na\r\n";
    let slow_head = Answer::Endless("HTTP/1.1 200 OK\r\nx: ".into(), "a".into(), Duration::from_millis(20));
    let slow_body = Answer::Endless(chunked.into(), part.into(), Duration::from_millis(20));
    let stuck_body = Answer::Endless(chunked.into(), part.into(), hour);
    let first_byte = HttpLimits { first_byte: short, ..HttpLimits::default() };
    let between_bytes = HttpLimits { between_bytes: short, ..HttpLimits::default() };
    let total = HttpLimits { total: short, ..HttpLimits::default() };
    for (answer, limits, code) in [
        (Answer::Late(hour, ok("")), first_byte, "ConnectionReadTimeout"),
        (slow_head.clone(), first_byte, "ConnectionReadTimeout"),
        (stuck_body, between_bytes, "ConnectionReadTimeout"),
        (Answer::Late(hour, ok("")), total, "HttpResponseTimeout"),
        (slow_head, total, "HttpResponseTimeout"),
        (slow_body, total, "HttpResponseTimeout"),
    ] {
        let server = Server::start(answer.clone()).await;
        let (courier, began) = (limited(&server, limits).await, Instant::now());
        courier.refuses(to(&server), code, "timeout").await;
        assert!(began.elapsed() < Duration::from_secs(3), "{answer:?} took {:?}", began.elapsed());
    }
    let server = Server::start(Answer::Late(hour, ok(""))).await;
    let courier = limited(&server, HttpLimits::default()).await;
    courier.refuses(with(to(&server), json!({ "timeout_ms": 100 })), "ConnectionReadTimeout", "timeout").await;
}

#[tokio::test]
async fn a_broken_response_is_told() {
    for (text, code) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc", "HttpResponseIncomplete"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", "HttpResponseIncomplete"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab", "HttpProtocolError"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", "HttpProtocolError"),
        ("HTTP/1.1 200 OK\r\nx: a\r\n folded\r\ncontent-length: 0\r\n\r\n", "HttpProtocolError"),
        ("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", "HttpProtocolError"),
        ("SSH-2.0-OpenSSH_9.6\r\n", "HttpProtocolError"),
        ("", "HttpResponseIncomplete"),
    ] {
        let server = Server::start(Answer::Close(text.to_owned())).await;
        limited(&server, HttpLimits::default()).await.refuses(to(&server), code, "protocol").await;
    }
}

#[tokio::test]
async fn numbers_of_requests() {
    let server = Server::start(Answer::Text(ok(""))).await;
    let courier = limited(&server, HttpLimits { per_call: 3, ..HttpLimits::default() }).await;
    let outcomes = courier.run(json!([with(to(&server), json!({ "times": 5 }))])).await;
    assert_eq!((answered(&outcomes), courier.failed("per-call")), (3, 2), "{outcomes:?}");
    assert!(outcomes[4]["error"].as_str().is_some_and(|error| error.contains("ConnectionLimitReached")));
    let again = courier.run(json!([with(to(&server), json!({ "times": 3 }))])).await;
    assert_eq!(answered(&again), 3, "the next call has requests of its own");

    let courier = limited(&server, HttpLimits { per_second: 1, burst: 2, ..HttpLimits::default() }).await;
    let outcomes = courier.run(json!([with(to(&server), json!({ "times": 4 }))])).await;
    assert!(answered(&outcomes) >= 2 && courier.failed("rate") >= 1, "{outcomes:?}");
}

#[tokio::test]
async fn requests_and_connections_at_a_time() {
    let server = Server::start(Answer::Late(Duration::from_millis(300), ok(""))).await;
    let at_once = with(to(&server), json!({ "times": 5, "at_once": true }));
    let courier = limited(&server, HttpLimits { in_flight: 2, ..HttpLimits::default() }).await;
    let outcomes = courier.run(json!([at_once])).await;
    assert_eq!((answered(&outcomes), courier.failed("in-flight")), (2, 3), "{outcomes:?}");
    let courier = limited(&server, HttpLimits { connections: 3, ..HttpLimits::default() }).await;
    let outcomes = courier.run(json!([at_once])).await;
    assert_eq!((answered(&outcomes), courier.failed("connections")), (3, 2), "{outcomes:?}");
    assert_eq!(server.connections(), 5);
    assert_eq!(answered(&courier.run(json!([to(&server)])).await), 1, "and is of use again");
}

#[tokio::test]
async fn a_request_is_a_host_call() {
    let server = Server::start(Answer::Text(ok(""))).await;
    let http = grant(vec![destination("api.test", server.port())]);
    let courier = try_load(http, Limits { host_calls: 3, ..Limits::default() }, local()).await.expect("loads");
    let error = courier.try_run(json!([with(to(&server), json!({ "times": 4 }))])).await;
    assert_eq!((error.kind, server.requests().len()), (PluginErrorKind::HostBudget, 3), "{error}");
}

#[tokio::test]
async fn a_connection_is_used_again_and_closed_when_idle() {
    let server = Server::start(Answer::Text(ok("hello"))).await;
    let limits = HttpLimits { connections: 1, idle: Duration::from_millis(300), ..HttpLimits::default() };
    let courier = limited(&server, limits).await;
    assert_eq!(answered(&courier.run(json!([with(to(&server), json!({ "times": 5 }))])).await), 5);
    assert_eq!((server.connections(), server.requests().len()), (1, 5));
    tokio::time::sleep(Duration::from_millis(800)).await;
    assert_eq!(answered(&courier.run(json!([to(&server)])).await), 1);
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn an_idle_connection_gives_way_to_another_destination() {
    let (one, other) = (Server::start(Answer::Text(ok(""))).await, Server::start(Answer::Text(ok(""))).await);
    let limits = HttpLimits { connections: 1, ..HttpLimits::default() };
    let both = vec![destination("api.test", one.port()), destination("api.test", other.port())];
    let courier = load(HttpGrant { limits, ..grant(both) }, local()).await;
    assert_eq!(answered(&courier.run(json!([to(&one), to(&other), to(&one)])).await), 3);
    assert_eq!((one.connections(), other.connections()), (2, 1));
}

#[tokio::test]
async fn two_plugins_share_no_connection() {
    let server = Server::start(Answer::Text(ok(""))).await;
    let (one, other) = (limited(&server, HttpLimits::default()).await, limited(&server, HttpLimits::default()).await);
    for courier in [&one, &other, &one, &other] {
        assert_eq!(answered(&courier.run(json!([to(&server)])).await), 1);
    }
    assert_eq!((server.connections(), server.requests().len()), (2, 4));
}

#[tokio::test]
async fn a_killed_guest_takes_its_requests_with_it() {
    let server = Server::start(Answer::Late(Duration::from_secs(3_600), ok(""))).await;
    let http = grant(vec![destination("api.test", server.port())]);
    let limits = Limits { call: Duration::from_millis(300), ..Limits::default() };
    let courier = try_load(http, limits, local()).await.expect("loads");
    for step in [with(to(&server), json!({ "spin": true })), to(&server)] {
        let error = courier.try_run(json!([step])).await;
        assert_eq!(error.kind, PluginErrorKind::Deadline, "{error}");
    }
    assert!(eventually(|| courier.plugin.metrics().live_instances == 0).await);
}
