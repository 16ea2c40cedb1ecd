//! Personas: applied, versioned, read, refused.

use crate::host::{Host, json_of, persona, problem_of};
use reqwest::{Method, StatusCode};
use serde_json::Value;

#[tokio::test]
async fn versions_are_made_by_changes_only() {
    let host = Host::start().await;
    let mut spec = persona("web");
    let created = host.apply(&spec).send().await.expect("answers");
    assert_eq!(
        (created.status(), &created.headers()["etag"]),
        (StatusCode::CREATED, &"\"1\"".parse().expect("a header"))
    );
    let again = host.apply(&spec).send().await.expect("answers");
    assert_eq!((again.status(), &again.headers()["etag"]), (StatusCode::OK, &"\"1\"".parse().expect("a header")));
    spec["scaling"] = serde_json::json!({ "min": 2 });
    let changed: Value = json_of(host.apply(&spec).header("if-match", "\"1\""), StatusCode::OK).await;
    assert_eq!((&changed["version"], &changed["applied_by"]), (&2.into(), &"admin".into()));
    let versions: Value = json_of(host.get("/v1/personas/web/versions"), StatusCode::OK).await;
    assert_eq!(
        versions.as_array().expect("a list").iter().map(|v| v["version"].as_u64()).collect::<Vec<_>>(),
        [Some(2), Some(1)]
    );
}

#[tokio::test]
async fn a_stale_writer_is_told() {
    let host = Host::start().await;
    host.apply(&persona("web")).send().await.expect("answers");
    let mut spec = persona("web");
    spec["description"] = "mine".into();
    for (header, value) in [("if-match", "\"7\""), ("if-none-match", "*")] {
        let problem = problem_of(host.apply(&spec).header(header, value)).await;
        assert_eq!((problem.status, problem.kind.as_str()), (412, "urn:forewarm:problem:version-mismatch"));
        assert!(problem.detail.contains("version 1"), "{problem:?}");
    }
}

#[tokio::test]
async fn an_unchanged_persona_need_not_be_sent_again() {
    let host = Host::start().await;
    host.apply(&persona("web")).send().await.expect("answers");
    let known = host.get("/v1/personas/web").header("if-none-match", "\"1\"").send().await.expect("answers");
    assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
    let stale = host.get("/v1/personas/web").header("if-none-match", "\"0\"").send().await.expect("answers");
    assert_eq!(stale.status(), StatusCode::OK);
}

#[tokio::test]
async fn the_list_comes_in_parts() {
    let host = Host::start().await;
    for name in ["a", "b", "c"] {
        host.apply(&persona(name)).send().await.expect("answers");
    }
    let names = |page: &Value| -> Vec<String> {
        let personas = page["personas"].as_array().expect("a list");
        personas.iter().map(|persona| persona["name"].as_str().expect("a name").to_owned()).collect()
    };
    let first: Value = json_of(host.get("/v1/personas?limit=2"), StatusCode::OK).await;
    assert_eq!((names(&first), &first["next"]), (vec!["a".to_owned(), "b".to_owned()], &"b".into()));
    let second: Value = json_of(host.get("/v1/personas?limit=2&after=b"), StatusCode::OK).await;
    assert_eq!((names(&second), second.get("next")), (vec!["c".to_owned()], None));
}

#[tokio::test]
async fn what_is_wrong_is_told_by_field() {
    let host = Host::start().await;
    for (pointer, value, word) in [
        ("/allocation/memory_mib", Value::from("lots"), "integer"),
        ("/scaling", serde_json::json!({ "min": 5, "max": 2 }), "above max"),
        ("/scaling", serde_json::json!({ "critical_ratio": 2.0 }), "maximum of 0.9999"),
        ("/security", serde_json::json!({ "ingress_cidrs": ["everywhere"] }), "CIDR"),
        ("/expected", serde_json::json!({ "latency_ms": 5 }), "did you mean `latency_p95_ms`"),
        ("/demand/capacity_per_instance", Value::from(0.0), "0"),
    ] {
        let mut spec = persona("web");
        match spec.pointer_mut(pointer) {
            Some(place) => *place = value,
            None => spec[&pointer[1..]] = value,
        }
        let problem = problem_of(host.apply(&spec)).await;
        assert_eq!(problem.kind, "urn:forewarm:problem:invalid-body");
        let told = problem.errors.iter().any(|error| error.pointer.starts_with(pointer) && error.detail.contains(word));
        assert!(told, "{pointer}: {:?}", problem.errors);
    }
    let list: Value = json_of(host.get("/v1/personas"), StatusCode::OK).await;
    assert_eq!(list["personas"], serde_json::json!([]));
}

#[tokio::test]
async fn one_name_in_path_and_body() {
    let host = Host::start().await;
    let problem = problem_of(host.request(Method::PUT, "/v1/personas/other").json(&persona("web"))).await;
    assert_eq!(problem.errors[0].pointer, "/name");
}

#[tokio::test]
async fn a_misspelt_persona_is_guessed() {
    let host = Host::start().await;
    host.apply(&persona("checkout")).send().await.expect("answers");
    for path in ["", "/versions", "/plan", "/forecast", "/instances", "/outcomes", "/claims"] {
        let problem = problem_of(host.get(&format!("/v1/personas/chekout{path}"))).await;
        assert_eq!(problem.status, 404);
        assert!(problem.detail.contains("did you mean checkout?"), "{problem:?}");
    }
}

#[tokio::test]
async fn before_the_first_plan_there_is_none() {
    let host = Host::start().await;
    host.apply(&persona("web")).send().await.expect("answers");
    assert!(problem_of(host.get("/v1/personas/web/plan")).await.detail.contains("not been planned"));
    assert_eq!(problem_of(host.get("/v1/personas/web/forecast")).await.status, 404);
    let ready = problem_of(host.bare(Method::GET, "/readyz")).await;
    assert!(ready.detail.contains("1 personas have no plan yet"), "{ready:?}");
    let status: Value = json_of(host.get("/v1/status"), StatusCode::OK).await;
    assert_eq!(status["personas"][0]["name"], "web");
}
