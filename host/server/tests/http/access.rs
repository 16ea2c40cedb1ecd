//! Who gets in, and how far.

use crate::host::{Host, json_of, persona, problem_of};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// Every operation of the API as method and path, with parameters filled in.
fn operations() -> Vec<(Method, String)> {
    let document: Value = serde_json::from_str(&forewarm_server::http::openapi_document()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let each = |(path, item): (&String, &Value)| -> Vec<(Method, String)> {
        let path = path.replace("{name}", "web").replace("{id}", "0190a3d4-0000-7000-8000-000000000000");
        let item = item.as_object().unwrap();
        item.keys().map(|method| (method.to_uppercase().parse().unwrap(), path.clone())).collect()
    };
    paths.iter().flat_map(each).collect()
}

#[tokio::test]
async fn everything_but_the_open_routes_needs_a_token() {
    let host = Host::start().await;
    let open = ["/healthz", "/readyz", "/openapi.json"];
    let forged = format!("fwt_{}", "0".repeat(64));
    for (method, path) in operations() {
        for request in [host.bare(method.clone(), &path), host.bare(method.clone(), &path).bearer_auth(&forged)] {
            let response = request.send().await.expect("answers");
            let is_open = open.contains(&path.as_str());
            assert_eq!(response.status() != StatusCode::UNAUTHORIZED, is_open, "{method} {path}");
            assert_eq!(response.headers().contains_key("www-authenticate"), !is_open, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn each_scope_gets_as_far_as_it_may() {
    let host = Host::start().await;
    host.apply(&persona("web")).send().await.expect("answers");
    let read = host.token(json!({ "name": "r", "scope": "read" })).await;
    let operator = host.token(json!({ "name": "o", "scope": "operator" })).await;
    let tenant = host.token(json!({ "name": "t", "scope": "tenant", "tenant": "red" })).await;
    let spec = persona("web");
    let cases = [
        (Method::GET, "/v1/status", None, [true, true, false]),
        (Method::GET, "/metrics", None, [true, true, false]),
        (Method::GET, "/v1/series", None, [true, true, false]),
        (Method::PUT, "/v1/personas/web", Some(&spec), [false, true, false]),
        (Method::POST, "/v1/personas/web/claims", Some(&json!({})), [false, true, true]),
        (Method::POST, "/v1/ingest/json", Some(&json!({ "samples": [] })), [false, true, false]),
        (Method::GET, "/v1/tokens", None, [false, false, false]),
        (Method::DELETE, "/v1/tokens/admin", None, [false, false, false]),
    ]
    .map(|(method, path, body, allowed)| (method, path, body.cloned(), allowed));
    for (method, path, body, allowed) in cases {
        for (token, allowed) in [&read, &operator, &tenant].into_iter().zip(allowed) {
            let request = host.bare(method.clone(), path).bearer_auth(token);
            let request = if let Some(body) = &body { request.json(body) } else { request };
            let status = request.send().await.expect("answers").status();
            assert_eq!(status.is_success(), allowed, "{method} {path}: {status}");
            assert!(allowed || status == StatusCode::FORBIDDEN, "{method} {path}: {status}");
        }
    }
}

#[tokio::test]
async fn a_revoked_token_fails_at_once() {
    let host = Host::start().await;
    let token = host.token(json!({ "name": "ci", "scope": "read" })).await;
    let status = || host.bare(Method::GET, "/v1/status").bearer_auth(&token);
    let _: Value = json_of(status(), StatusCode::OK).await;
    let _: Value = json_of(host.request(Method::DELETE, "/v1/tokens/ci"), StatusCode::OK).await;
    assert_eq!(problem_of(status()).await.kind, "urn:forewarm:problem:unauthenticated");
    assert_eq!(problem_of(host.request(Method::DELETE, "/v1/tokens/admin")).await.status, 409);
    assert_eq!(problem_of(host.post("/v1/tokens", &json!({ "name": "ci", "scope": "read" }))).await.status, 409);
}

#[tokio::test]
async fn secrets_are_shown_once_and_refusals_are_counted() {
    let host = Host::start().await;
    let secret = host.token(json!({ "name": "ci", "scope": "read" })).await;
    let listed: Value = json_of(host.get("/v1/tokens"), StatusCode::OK).await;
    assert!(!listed.to_string().contains(&secret[4..]), "{listed}");
    assert!(!listed.to_string().contains("sha256"), "{listed}");
    host.bare(Method::GET, "/v1/status").send().await.expect("answers");
    let metrics = host.get("/metrics").send().await.expect("answers").text().await.expect("text");
    assert!(metrics.contains("forewarm_http_logins_refused_total 1"), "{metrics}");
    assert!(metrics.contains(r#"route="/v1/status",status="401""#), "{metrics}");
}

#[tokio::test]
async fn tenants_and_scopes_go_together() {
    let host = Host::start().await;
    for body in [json!({ "name": "t", "scope": "tenant" }), json!({ "name": "r", "scope": "read", "tenant": "red" })] {
        assert_eq!(problem_of(host.post("/v1/tokens", &body)).await.status, 422);
    }
}
