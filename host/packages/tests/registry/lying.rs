//! A registry that lies is refused by name, within its limits, and leaves nothing behind.

use crate::liar::{Content, Liar, MANIFEST, endless};
use crate::{MAX, client, pull};
use axum::body::Bytes;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use forewarm_packages::{Access, Credentials, Digest, RegistryError};
use serde_json::{Value, json};

/// Pulls from a registry that answers so, and gives what it was refused with.
async fn refused(answer: impl Fn(&Content, &Parts) -> Response + Clone + Send + Sync + 'static) -> RegistryError {
    let (content, folder) = (Content::new(), tempfile::tempdir().expect("a folder"));
    let liar = Liar::start(move |parts| answer(&content, parts)).await;
    let error = pull(&liar.reference(":1.0.0"), folder.path()).await.expect_err("refused");
    assert_eq!(std::fs::read_dir(folder.path()).expect("readable").count(), 0, "{error}");
    error
}

/// The same with a manifest that was changed.
async fn refused_manifest(change: impl Fn(&mut Value) + Clone + Send + Sync + 'static) -> String {
    let answer = move |content: &Content, parts: &Parts| {
        let mut content = content.clone();
        change(&mut content.manifest);
        content.answer(parts)
    };
    refused(answer).await.to_string()
}

fn is_manifest(parts: &Parts) -> bool {
    parts.uri.path().contains("/manifests/")
}

#[tokio::test]
async fn a_manifest_that_is_not_the_pinned_one() {
    let (content, folder) = (Content::new(), tempfile::tempdir().expect("a folder"));
    let liar = Liar::start(move |parts| content.answer(parts)).await;
    let pinned = liar.reference(&format!(":1.0.0@{}", Digest::of(b"another")));
    let error = pull(&pinned, folder.path()).await.expect_err("refused");
    assert!(matches!(error, RegistryError::Digest { .. }), "{error}");
    assert!(liar.requests("/blobs/").is_empty(), "nothing is fetched for it");
}

#[tokio::test]
async fn a_component_with_other_bytes() {
    let error = refused(|content, parts| {
        let mut other = content.component.to_vec();
        other[1_000] ^= 1;
        if is_manifest(parts) { content.manifest() } else { Bytes::from(other).into_response() }
    });
    let error = error.await;
    assert!(matches!(error, RegistryError::Digest { .. }), "{error}");
}

#[tokio::test]
async fn a_component_of_another_size() {
    for (more, less) in [(1, 0), (0, 1)] {
        let error = refused(move |content, parts| {
            let mut other = content.component.to_vec();
            other.truncate(other.len() - less);
            other.extend(vec![0; more]);
            if is_manifest(parts) { content.manifest() } else { Bytes::from(other).into_response() }
        });
        let error = error.await;
        assert!(matches!(error, RegistryError::Size { .. }), "{error}");
    }
}

#[tokio::test]
async fn bodies_without_an_end() {
    let error = refused(|_, _| endless(MANIFEST)).await;
    assert!(matches!(error, RegistryError::TooLarge { .. }), "{error}");
    let error = refused(|content, parts| if is_manifest(parts) { content.manifest() } else { endless("x/y") }).await;
    assert!(matches!(error, RegistryError::Size { .. }), "{error}");
    let error = refused(|_, _| {
        let mut response = endless("text/plain");
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    });
    let error = error.await;
    assert!(matches!(error, RegistryError::Status { status: 500, .. }), "{error}");
}

#[tokio::test]
async fn a_component_over_the_limit_is_not_fetched() {
    let mut content = Content::new();
    content.manifest["layers"][0]["size"] = json!(MAX + 1);
    let folder = tempfile::tempdir().expect("a folder");
    let liar = Liar::start(move |parts| content.answer(parts)).await;
    let error = pull(&liar.reference(":1"), folder.path()).await.expect_err("refused");
    assert!(matches!(error, RegistryError::TooLarge { .. }), "{error}");
    assert!(liar.requests("/blobs/").is_empty());
}

#[tokio::test]
async fn a_login_page() {
    let error = refused(|_, _| Html("<html>please log in</html>").into_response()).await;
    assert!(error.to_string().contains("login page"), "{error}");
}

#[tokio::test]
async fn what_is_no_plugin() {
    let error = refused_manifest(|manifest| {
        let layer = manifest["layers"][0].clone();
        manifest["layers"].as_array_mut().expect("a list").push(layer);
    });
    let error = error.await;
    assert!(error.contains("2 layers"), "{error}");
    let error = refused_manifest(|manifest| manifest["layers"][0]["mediaType"] = json!("text/html")).await;
    assert!(error.contains("text/html, not application/wasm"), "{error}");
    let error = refused(|_, _| ([(header::CONTENT_TYPE, MANIFEST)], "{\"schema").into_response()).await;
    assert!(error.to_string().contains("no OCI image manifest"), "{error}");
    let error = refused(|_, _| StatusCode::NOT_FOUND.into_response()).await;
    assert!(matches!(error, RegistryError::NotFound { .. }), "{error}");
}

#[tokio::test]
async fn redirects_without_an_end() {
    let error = refused(|_, parts| Redirect::temporary(parts.uri.path()).into_response()).await;
    assert!(error.to_string().contains("redirects"), "{error}");
}

#[tokio::test]
async fn a_token_without_an_end() {
    let error = refused(|_, parts| {
        if parts.uri.path() == "/token" {
            return endless("application/json");
        }
        let host = parts.headers[header::HOST].to_str().expect("a host");
        let challenge = format!("Bearer realm=\"http://{host}/token\",service=\"x\"");
        (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, challenge)]).into_response()
    });
    let error = error.await;
    assert!(matches!(error, RegistryError::TooLarge { .. }), "{error}");
}

#[tokio::test]
async fn credentials_go_to_the_registry_alone() {
    let content = Content::new();
    let store = Liar::start({
        let content = content.clone();
        move |parts| content.blob(parts)
    });
    let store = store.await;
    let elsewhere = format!("http://{}/blob", store.address);
    let registry = Liar::start(move |parts| {
        if parts.headers.get(header::AUTHORIZATION).is_none() {
            return (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Basic realm=\"x\"")]).into_response();
        }
        if is_manifest(parts) { content.manifest() } else { Redirect::temporary(&elsewhere).into_response() }
    });
    let registry = registry.await;
    let folder = tempfile::tempdir().expect("a folder");
    let credentials = Some(Credentials::Password { user: "ann".into(), password: "hunter2".into() });
    let mut client = client(&registry.reference(":1"), Access { plain_http: false, credentials });
    let artifact = client.resolve().await.expect("resolves");
    client.fetch(&artifact, &folder.path().join("partial"), MAX).await.expect("fetches");
    assert!(registry.requests("/blobs/").iter().any(|headers| headers.contains_key(header::AUTHORIZATION)));
    let led = store.requests("/blob");
    assert!(!led.is_empty() && led.iter().all(|headers| !headers.contains_key(header::AUTHORIZATION)));
}
