//! What one caller may take up: bytes, time, places.

use crate::host::{Host, check_problem, problem_of};
use reqwest::{Method, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A request that is under way and stays so: its body never comes.
async fn stalled(host: &Host) -> TcpStream {
    let mut socket = TcpStream::connect(host.address).await.unwrap();
    let head = format!(
        "POST /v1/tokens HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
         content-length: 100\r\n\r\n{{",
        host.admin
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    socket
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_by_its_name() {
    let host = Host::start_with(|config| {
        config.http.body_limit_kib = 1;
        config.http.ingest_body_limit_kib = 2;
    })
    .await;
    for (path, kind, size, key) in [
        ("/v1/tokens", "application/json", 1_025, "1 KiB (http.body_limit_kib)"),
        ("/v1/ingest/json", "application/json", 2_049, "2 KiB (http.ingest_body_limit_kib)"),
        ("/v1/ingest/csv", "text/csv", 2_049, "2 KiB (http.ingest_body_limit_kib)"),
    ] {
        let body = "x".repeat(size);
        let announced = host.request(Method::POST, path).header("content-type", kind).body(body.clone());
        let parts = futures::stream::iter([Ok::<_, std::io::Error>(body)]);
        let streamed =
            host.request(Method::POST, path).header("content-type", kind).body(reqwest::Body::wrap_stream(parts));
        for request in [announced, streamed] {
            let problem = problem_of(request).await;
            assert_eq!((problem.status, problem.kind.as_str()), (413, "urn:forewarm:problem:body-too-large"));
            assert!(problem.detail.contains(key), "{problem:?}");
        }
    }
}

#[tokio::test]
async fn one_request_too_many_is_turned_away_and_the_host_lives_on() {
    let host = Host::start_with(|config| config.http.max_concurrent_requests = 1).await;
    let first = stalled(&host).await;
    // The stalled one may not have arrived yet: until then, the place is free.
    let refused = loop {
        let response = host.get("/v1/status").send().await.expect("answers");
        if response.status() != StatusCode::OK {
            break response;
        }
    };
    assert_eq!(refused.headers()["retry-after"], "1");
    assert_eq!(check_problem(refused).await.kind, "urn:forewarm:problem:overloaded");
    let alive = host.bare(Method::GET, "/healthz").send().await.expect("answers");
    assert_eq!(alive.status(), StatusCode::OK);
    drop(first);
    while host.get("/v1/status").send().await.expect("answers").status() != StatusCode::OK {}
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_given_up() {
    let host = Host::start_with(|config| config.http.request_timeout_s = 1).await;
    let mut socket = stalled(&host).await;
    let mut answer = vec![0; 4_096];
    let read = socket.read(&mut answer).await.expect("answered");
    let answer = String::from_utf8_lossy(&answer[..read]).into_owned();
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.contains("urn:forewarm:problem:timeout"), "{answer}");
}

#[tokio::test]
async fn event_streams_have_a_limit_of_their_own() {
    let host = Host::start_with(|config| config.http.max_event_streams = 1).await;
    let open = host.get("/v1/events").send().await.expect("answers");
    assert_eq!(open.status(), StatusCode::OK);
    let problem = problem_of(host.get("/v1/events")).await;
    assert!(problem.detail.contains("http.max_event_streams"), "{problem:?}");
    drop(open);
    while host.get("/v1/events").send().await.expect("answers").status() != StatusCode::OK {}
}
