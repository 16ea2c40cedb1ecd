//! A host of a test's own, and a caller with the first administrator's token.

use forewarm_runtime::Compiler;
use forewarm_server::app::{App, Surroundings, sandbox};
use forewarm_server::config::Config;
use forewarm_server::http::auth::{TokenBook, ensure_admin};
use forewarm_server::http::{AppState, Parts, ProblemDocument, serve};
use forewarm_server::ingest::prometheus::{MappingConfig, RemoteWriteDecoder, RemoteWriteLimits};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::{Arc, Once};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

/// A running host.
pub(crate) struct Host {
    pub(crate) address: SocketAddr,
    pub(crate) admin: String,
    client: Client,
    _stop: DropGuard,
    _dir: TempDir,
}

impl Host {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// A host whose configuration is changed first.
    pub(crate) async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        static TLS: Once = Once::new();
        TLS.call_once(|| rustls::crypto::ring::default_provider().install_default().unwrap());
        let dir = tempfile::tempdir().unwrap();
        let plugins = dir.path().join("plugins");
        std::fs::create_dir(&plugins).unwrap();
        let mut config = Config::new(dir.path(), plugins);
        config.store.url = Some("sqlite::memory:".parse().unwrap());
        change(&mut config);
        // The running program is the test's; the host's compiles plugins.
        let mut sandbox = sandbox(&config, Some(dir.path().join("components"))).unwrap();
        if let Compiler::Child(child) = &mut sandbox.compiler {
            child.program = env!("CARGO_BIN_EXE_forewarm").into();
        }
        let app = App::open(config.clone(), sandbox, Surroundings::default()).await.unwrap();
        let tokens = TokenBook::open(app.core.store().clone()).await.unwrap();
        let token_file = config.admin_token_file();
        assert!(ensure_admin(&tokens, &token_file, app.core.clock().now()).await.unwrap());
        let stop = CancellationToken::new();
        let state = AppState::new(Parts {
            config: config.http.clone(),
            core: Arc::clone(&app.core),
            plugins: Arc::clone(&app.plugins),
            tokens: Arc::new(tokens),
            remote_write: RemoteWriteDecoder::new(MappingConfig::default(), RemoteWriteLimits::default()).unwrap(),
            metrics: Arc::clone(&app.metrics),
            market: None,
            stopping: stop.clone(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            serve(listener, state).await.unwrap();
            app.close().await;
        });
        let admin = std::fs::read_to_string(token_file).unwrap().trim().to_owned();
        Self { address, admin, client: Client::new(), _stop: stop.drop_guard(), _dir: dir }
    }

    /// A request without a token.
    pub(crate) fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.address))
    }

    /// A request with the administrator's token.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.bare(method, path).bearer_auth(&self.admin)
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.request(Method::POST, path).json(body)
    }

    pub(crate) fn apply(&self, spec: &Value) -> RequestBuilder {
        let name = spec["name"].as_str().unwrap();
        self.request(Method::PUT, &format!("/v1/personas/{name}")).json(spec)
    }

    /// Makes a token and gives its secret.
    pub(crate) async fn token(&self, body: Value) -> String {
        let created: Value = json_of(self.post("/v1/tokens", &body), StatusCode::CREATED).await;
        created["secret"].as_str().unwrap().to_owned()
    }
}

/// A persona that no driver serves here.
pub(crate) fn persona(name: &str) -> Value {
    json!({
        "name": name,
        "allocation": { "cpu_millis": 500, "memory_mib": 512 },
        "demand": { "series": { "resource": name, "metric": "requests" }, "capacity_per_instance": 10.0 },
    })
}

/// The JSON answer to a request, which must have that status.
pub(crate) async fn json_of<T: serde::de::DeserializeOwned>(request: RequestBuilder, status: StatusCode) -> T {
    let response = request.send().await.unwrap();
    let (actual, body) = (response.status(), response.text().await.unwrap());
    assert_eq!(actual, status, "{body}");
    serde_json::from_str(&body).unwrap()
}

/// The problem that a request is answered with; its form is checked.
pub(crate) async fn problem_of(request: RequestBuilder) -> ProblemDocument {
    check_problem(request.send().await.unwrap()).await
}

/// The problem in a response; its form is checked.
pub(crate) async fn check_problem(response: Response) -> ProblemDocument {
    let status = response.status();
    let headers = response.headers().clone();
    let body = response.text().await.unwrap();
    assert_eq!(headers["content-type"], "application/problem+json", "{status} {body}");
    let problem: ProblemDocument = serde_json::from_str(&body).unwrap();
    assert_eq!(problem.status, status.as_u16());
    assert_eq!(problem.instance.as_deref(), headers["x-request-id"].to_str().ok());
    assert!(problem.kind.starts_with("urn:forewarm:problem:"), "{problem:?}");
    assert!(!problem.detail.is_empty() && !problem.title.is_empty(), "{problem:?}");
    problem
}
