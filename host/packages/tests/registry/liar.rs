//! A registry that answers whatever a test wants.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use forewarm_packages::Digest;
use futures::StreamExt;
use serde_json::json;
use std::sync::{Arc, Mutex};
use tokio::task::JoinHandle;

pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

pub(crate) struct Liar {
    pub(crate) address: String,
    requests: Arc<Mutex<Vec<(String, HeaderMap)>>>,
    server: JoinHandle<()>,
}

impl Liar {
    pub(crate) async fn start(answer: impl Fn(&Parts) -> Response + Clone + Send + Sync + 'static) -> Self {
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        let app = Router::new().fallback(async move |request: Request| {
            let (parts, _) = request.into_parts();
            let what = format!("{} {}", parts.method, parts.uri);
            seen.lock().expect("no panic").push((what, parts.headers.clone()));
            answer(&parts)
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let server = tokio::spawn(async move { axum::serve(listener, app).await.expect("serves") });
        Self { address, requests, server }
    }

    pub(crate) fn reference(&self, rest: &str) -> String {
        format!("{}/acme/a{rest}", self.address)
    }

    /// Requests whose method and path hold `part`, with their headers.
    pub(crate) fn requests(&self, part: &str) -> Vec<HeaderMap> {
        let requests = self.requests.lock().expect("no panic");
        requests.iter().filter(|(what, _)| what.contains(part)).map(|(_, headers)| headers.clone()).collect()
    }
}

impl Drop for Liar {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// What an honest registry holds.
#[derive(Clone)]
pub(crate) struct Content {
    pub(crate) component: Bytes,
    pub(crate) manifest: serde_json::Value,
}

impl Content {
    pub(crate) fn new() -> Self {
        let component = Bytes::from(crate::component());
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": { "mediaType": "application/vnd.wasm.config.v0+json", "digest": Digest::of(b"{}"), "size": 2 },
            "layers": [{ "mediaType": "application/wasm", "digest": Digest::of(&component), "size": component.len() }],
        });
        Self { component, manifest }
    }

    pub(crate) fn manifest(&self) -> Response {
        ([(header::CONTENT_TYPE, MANIFEST)], self.manifest.to_string()).into_response()
    }

    /// The honest answer.
    pub(crate) fn answer(&self, parts: &Parts) -> Response {
        if parts.uri.path().contains("/manifests/") { self.manifest() } else { self.blob(parts) }
    }

    /// The component, or the rest of it.
    pub(crate) fn blob(&self, parts: &Parts) -> Response {
        match begin(parts) {
            None => self.component.clone().into_response(),
            Some(from) => self.rest(from).into_response(),
        }
    }

    pub(crate) fn rest(&self, from: usize) -> impl IntoResponse + use<> {
        let all = self.component.len();
        let range = format!("bytes {from}-{}/{all}", all - 1);
        (StatusCode::PARTIAL_CONTENT, [(header::CONTENT_RANGE, range)], self.component.slice(from..))
    }

    /// What was promised, cut off after `bytes` of them.
    pub(crate) fn cut(&self, from: usize, bytes: usize) -> Response {
        let rest = self.component.slice(from..);
        let sent = rest.slice(..bytes);
        let promised = rest.len();
        let stream = futures::stream::iter([Ok(sent), Err(std::io::Error::other("cut"))]);
        // The pause lets what was sent leave before the connection is torn down.
        let stream = stream.then(async |part| {
            if part.is_err() {
                tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            }
            part
        });
        let mut response = Body::from_stream(stream).into_response();
        response.headers_mut().insert(header::CONTENT_LENGTH, promised.into());
        if from > 0 {
            let range = format!("bytes {from}-{}/{}", self.component.len() - 1, self.component.len());
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            response.headers_mut().insert(header::CONTENT_RANGE, range.parse().expect("a header"));
        }
        response
    }
}

/// Where the asked range begins.
pub(crate) fn begin(parts: &Parts) -> Option<usize> {
    let range = parts.headers.get(header::RANGE)?.to_str().ok()?;
    range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
}

/// A body without an end.
pub(crate) fn endless(kind: &'static str) -> Response {
    let chunk = Bytes::from(vec![b' '; 64 << 10]);
    let stream = futures::stream::repeat_with(move || Ok::<_, std::io::Error>(chunk.clone()));
    ([(header::CONTENT_TYPE, kind)], Body::from_stream(stream)).into_response()
}
