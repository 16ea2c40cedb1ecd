//! Claims: made once, seen by their tenant, given back once.

use crate::host::{Host, json_of, persona, problem_of};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

async fn host_with_persona() -> Host {
    let host = Host::start().await;
    host.apply(&persona("web")).send().await.unwrap();
    host
}

#[tokio::test]
async fn a_claim_waits_and_is_given_back() {
    let host = host_with_persona().await;
    let response = host.post("/v1/personas/web/claims", &json!({ "tenant": "red" })).send().await.expect("answers");
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    let location = response.headers()["location"].to_str().expect("text").to_owned();
    let claim: Value = json_of(host.get(&location), StatusCode::OK).await;
    assert_eq!((&claim["state"], &claim["tenant"]), (&"waiting".into(), &"red".into()));
    let renewed: Value =
        json_of(host.post(&format!("{location}/renew"), &json!({ "lifetime_s": 60 })), StatusCode::OK).await;
    assert!(renewed["expires_at"].is_string(), "{renewed}");
    for _ in 0..2 {
        let released: Value = json_of(host.request(Method::DELETE, &location), StatusCode::OK).await;
        assert_eq!((&released["state"], &released["cause"]), (&"ended".into(), &"released".into()));
    }
    let problem = problem_of(host.post(&format!("{location}/renew"), &json!({ "lifetime_s": 60 }))).await;
    assert_eq!(problem.kind, "urn:forewarm:problem:conflict");
    let listed: Value = json_of(host.get("/v1/personas/web/claims"), StatusCode::OK).await;
    assert_eq!(listed.as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn the_same_key_gives_the_same_claim() {
    let host = host_with_persona().await;
    host.apply(&persona("api")).send().await.expect("answers");
    let claim = |persona: &str| {
        host.post(&format!("/v1/personas/{persona}/claims"), &json!({})).header("idempotency-key", "job-1")
    };
    let first: Value = json_of(claim("web"), StatusCode::ACCEPTED).await;
    let second: Value = json_of(claim("web"), StatusCode::ACCEPTED).await;
    assert_eq!(first["id"], second["id"]);
    assert_eq!(problem_of(claim("api")).await.status, 409);
}

#[tokio::test]
async fn tenants_see_and_change_their_own_only() {
    let host = host_with_persona().await;
    let red = host.token(json!({ "name": "red", "scope": "tenant", "tenant": "red" })).await;
    let blue = host.token(json!({ "name": "blue", "scope": "tenant", "tenant": "blue" })).await;
    let path = "/v1/personas/web/claims";
    let claim: Value =
        json_of(host.bare(Method::POST, path).bearer_auth(&red).json(&json!({})), StatusCode::ACCEPTED).await;
    assert_eq!(claim["tenant"], "red");
    let own = format!("/v1/claims/{}", claim["id"].as_str().expect("an id"));
    for method in [Method::GET, Method::DELETE] {
        assert_eq!(problem_of(host.bare(method, &own).bearer_auth(&blue)).await.status, 404);
    }
    let seen: Value = json_of(host.bare(Method::GET, path).bearer_auth(&blue), StatusCode::OK).await;
    assert_eq!(seen, json!([]));
    let seen: Value = json_of(host.bare(Method::GET, path).bearer_auth(&red), StatusCode::OK).await;
    assert_eq!(seen.as_array().map(Vec::len), Some(1));
    let for_another = host.bare(Method::POST, path).bearer_auth(&blue).json(&json!({ "tenant": "red" }));
    assert_eq!(problem_of(for_another).await.status, 403);
    let names: Value = json_of(host.bare(Method::GET, "/v1/personas").bearer_auth(&blue), StatusCode::OK).await;
    assert_eq!(names["personas"][0]["name"], "web");
    assert_eq!(problem_of(host.bare(Method::GET, "/v1/personas/web").bearer_auth(&blue)).await.status, 403);
}

#[tokio::test]
async fn a_full_queue_refuses_with_advice() {
    let host = Host::start().await;
    let mut spec = persona("web");
    spec["claims"] = json!({ "max_waiting": 1 });
    host.apply(&spec).send().await.expect("answers");
    let claim = || host.post("/v1/personas/web/claims", &json!({}));
    let _: Value = json_of(claim(), StatusCode::ACCEPTED).await;
    let refused = claim().send().await.expect("answers");
    assert!(refused.headers().contains_key("retry-after"));
    assert_eq!(crate::host::check_problem(refused).await.kind, "urn:forewarm:problem:too-many-waiting");
}
