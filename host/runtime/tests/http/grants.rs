//! What a grant lets through, and what it does not.

use crate::server::{Answer, Server, ok};
use crate::support::{destination, grant, load, local};
use forewarm_runtime::{HttpDestination, HttpMethod};
use serde_json::json;
use std::collections::BTreeSet;

#[tokio::test]
async fn a_granted_request_arrives_as_it_was_sent() {
    let server = Server::start(Answer::Text(ok("hello"))).await;
    let courier = load(grant(vec![destination("api.test", server.port())]), local()).await;
    let url = format!("http://API.test:{}/v1/pods?name=a%2Fb#part", server.port());
    let step = json!({ "method": "PUT", "url": url, "headers": [["X-Trace", "1"], ["cookie", "a=b"]], "body": "abc" });
    let outcome = courier.run(json!([step])).await.remove(0);
    assert_eq!((&outcome["status"], &outcome["body"]), (&json!(200), &json!("hello")));
    let request = server.requests().remove(0);
    assert!(
        request.starts_with("PUT /v1/pods?name=a%2Fb HTTP/1.1\r\n") && request.ends_with("\r\n\r\nabc"),
        "{request}"
    );
    let host = format!("host: api.test:{}", server.port());
    for line in [host.as_str(), "x-trace: 1", "cookie: a=b", "content-length: 3"] {
        assert_eq!(request.lines().filter(|found| *found == line).count(), 1, "{line} in {request}");
    }
    assert!(!request.to_lowercase().contains("transfer-encoding"), "{request}");
    let http = courier.plugin.metrics().http;
    assert_eq!((http.requests, http.failures().map(|(_, count)| count).sum::<u64>()), (1, 0));
}

#[tokio::test]
async fn scheme_host_port_path_and_method_have_to_fit() {
    let server = Server::start(Answer::Text(ok(""))).await;
    let port = server.port();
    let methods = BTreeSet::from([HttpMethod::Get]);
    let only =
        HttpDestination { methods, path_prefix: "/v1".parse().expect("a path"), ..destination("*.api.test", port) };
    let courier = load(grant(vec![only]), local()).await;
    assert_eq!(courier.get(&format!("http://a.api.test:{port}/v1/x")).await["status"], 200);

    let denied = "HttpRequestDenied";
    for url in [
        format!("https://a.api.test:{port}/v1"),
        format!("http://api.test:{port}/v1"),
        format!("http://evilapi.test:{port}/v1"),
        "http://a.api.test/v1".to_owned(),
    ] {
        courier.refuses(json!({ "url": url }), denied, "destination").await;
    }
    for path in ["/", "/v10", "/v1/../admin", "/v1/%2e%2e/admin", "/v1/..%2fadmin", "/v1/%252e%252e/admin"] {
        courier.refuses(json!({ "url": format!("http://a.api.test:{port}{path}") }), denied, "path").await;
    }
    for method in ["POST", "DELETE", "TRACE", "CONNECT", "get"] {
        let step = json!({ "method": method, "url": format!("http://a.api.test:{port}/v1") });
        courier.refuses(step, denied, "method").await;
    }
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn without_a_destination_nothing_is_reachable() {
    let courier = load(grant(vec![]), local()).await;
    courier.refuses(json!({ "url": "https://example.com/" }), "HttpRequestDenied", "destination").await;
}

#[tokio::test]
async fn nothing_can_be_smuggled() {
    let server = Server::start(Answer::Text(ok(""))).await;
    let port = server.port();
    let courier = load(grant(vec![destination("api.test", port)]), local()).await;
    let url = format!("http://api.test:{port}/");
    // What is no header at all does not reach the host's rules: the guest is told at once.
    for (name, value) in [
        ("x", "a\r\nhost: evil"),
        ("x", "a\nb: c"),
        ("x", "a\r\n b"),
        ("x", "a\u{0}"),
        ("x\r\ny", "a"),
        ("x y", "a"),
        ("", "a"),
    ] {
        let outcome = courier.run(json!([{ "url": url, "headers": [[name, value]] }])).await.remove(0);
        assert!(outcome["error"].as_str().is_some_and(|error| error.contains("InvalidSyntax")), "{name:?}: {outcome}");
    }
    for name in [
        "Host",
        "Connection",
        "Keep-Alive",
        "Transfer-Encoding",
        "TE",
        "Trailer",
        "Upgrade",
        "Expect",
        "Proxy-Connection",
        "Proxy-Authorization",
        "HTTP2-Settings",
    ] {
        let outcome = courier.run(json!([{ "url": url, "headers": [[name, "chunked"]] }])).await.remove(0);
        assert!(outcome["error"].as_str().is_some_and(|error| error.contains("Forbidden")), "{name}: {outcome}");
    }
    for lengths in [vec!["3", "3"], vec!["3", "4"], vec!["+3"], vec!["0x3"], vec!["4"], vec!["2"]] {
        let headers: Vec<_> = lengths.iter().map(|length| ["content-length", length]).collect();
        let outcome = courier.run(json!([{ "method": "POST", "url": url, "headers": headers, "body": "abc" }])).await;
        assert!(outcome[0]["error"].is_string(), "{lengths:?}: {outcome:?}");
    }
    for path in ["/ HTTP/1.1\r\nhost: evil", "/a b", "//evil.test/\r\n", "/\u{e4}"] {
        let outcome = courier.get(&format!("http://api.test:{port}{path}")).await;
        assert!(outcome["error"].is_string(), "{path:?}: {outcome}");
    }
    let outcome = courier.run(json!([{ "method": "GET / HTTP/1.1\r\nx: y\r\n", "url": url }])).await.remove(0);
    assert!(outcome["error"].is_string(), "{outcome}");
    assert_eq!(server.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn a_redirect_is_only_told() {
    let moved = "HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/latest/meta-data/\r\ncontent-length: 0\r\n\r\n";
    let server = Server::start(Answer::Text(moved.to_owned())).await;
    let mut anywhere = destination("169.254.169.254", 80);
    anywhere.allow_addresses = vec!["169.254.0.0/16".parse().expect("a range")];
    let courier = load(grant(vec![destination("api.test", server.port()), anywhere]), local()).await;
    let outcome = courier.get(&format!("http://api.test:{}/", server.port())).await;
    assert_eq!((&outcome["status"], server.requests().len()), (&json!(302), 1));
    let next = outcome["location"].as_str().expect("a location");
    // Even with the whole range allowed: a metadata address has to be named itself.
    courier.refuses(json!({ "url": next }), "DestinationIpProhibited", "address").await;
}
