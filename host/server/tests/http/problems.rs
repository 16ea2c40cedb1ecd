//! Every error is a problem document that says what would be right.

use crate::host::{Host, check_problem, persona, problem_of};
use reqwest::{Method, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test]
async fn wrong_requests_are_told_what_would_be_right() {
    let host = Host::start().await;
    host.apply(&persona("web")).send().await.expect("answers");
    let claims = "/v1/personas/web/claims";
    let json =
        |body: &'static str| host.request(Method::POST, claims).header("content-type", "application/json").body(body);
    for (request, status, kind, word) in [
        (host.get("/v1/persona"), 404, "unknown-route", "did you mean /v1/personas?"),
        (host.bare(Method::GET, "/nowhere-at-all"), 404, "unknown-route", "/openapi.json"),
        (host.request(Method::PATCH, "/v1/status"), 405, "method-not-allowed", "GET"),
        (host.request(Method::POST, claims).body("{}"), 415, "unsupported-media-type", "send application/json"),
        (json("{\"tenant\":"), 400, "malformed-body", "cut short"),
        (json("{\n tenant }"), 400, "malformed-body", "line 2"),
        (json("{\"tenat\":\"red\"}"), 422, "invalid-body", "did you mean `tenant`"),
        (json("[]"), 422, "invalid-body", "object"),
        (json(""), 400, "malformed-body", "cut short"),
        (host.get("/v1/personas?limit=0"), 400, "invalid-parameter", "1 to 1000"),
        (host.get("/v1/personas?size=3"), 400, "invalid-parameter", "size"),
        (host.get("/v1/personas/Web_1"), 400, "invalid-parameter", "lower-case letters"),
        (host.get("/v1/claims/not-an-id"), 400, "invalid-parameter", "not"),
        (host.get("/v1/series/values?resource=a&metric=cpu"), 400, "invalid-parameter", "cpu_cores"),
        (host.get("/v1/series/values?resource=a&metric=cpu_cores"), 404, "not-found", "a/cpu_cores"),
        (host.get("/v1/personas/web/outcomes?from=yesterday"), 400, "invalid-parameter", "RFC 3339"),
        (host.get("/v1/events?topics=plans"), 400, "invalid-parameter", "plan_changed"),
        (host.post("/v1/profiles", &serde_json::json!({ "resources": ["web"] })), 404, "not-found", "web"),
    ] {
        let problem = problem_of(request).await;
        assert_eq!(
            (problem.status, problem.kind.as_str()),
            (status, format!("urn:forewarm:problem:{kind}").as_str()),
            "{problem:?}"
        );
        assert!(problem.detail.contains(word), "{problem:?}");
    }
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let host = Host::start().await;
    let response = host.request(Method::DELETE, "/v1/status").send().await.expect("answers");
    let allow = response.headers()["allow"].to_str().expect("text").to_owned();
    assert!(allow.contains("GET"), "{allow}");
    assert!(check_problem(response).await.detail.ends_with("the route takes GET"));
}

#[tokio::test]
async fn a_caller_s_own_request_id_is_kept() {
    let host = Host::start().await;
    let problem = problem_of(host.get("/v1/nothing").header("x-request-id", "job-7")).await;
    assert_eq!(problem.instance.as_deref(), Some("job-7"));
    let fine = host.get("/v1/status").header("x-request-id", "job-8").send().await.expect("answers");
    assert_eq!(fine.headers()["x-request-id"], "job-8");
}

#[tokio::test]
async fn answers_carry_headers_that_keep_browsers_in_check() {
    let host = Host::start().await;
    for path in ["/healthz", "/v1/nothing"] {
        let response = host.bare(Method::GET, path).send().await.expect("answers");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert!(response.headers().contains_key("content-security-policy"));
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_changes_nothing() {
    let host = Host::start().await;
    let mut socket = TcpStream::connect(host.address).await.expect("connects");
    let head = format!(
        "PUT /v1/personas/web HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
         transfer-encoding: chunked\r\n\r\n5\r\n{{\"nam\r\nnot a chunk\r\n\r\n",
        host.admin
    );
    socket.write_all(head.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.expect("answered");
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert_eq!(host.get("/v1/personas/web").send().await.expect("answers").status(), StatusCode::NOT_FOUND);
}
