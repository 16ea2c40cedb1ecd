//! A market of a test's own: the program on a free port, killed when the test ends.

use reqwest::{Client, Method, RequestBuilder, StatusCode};
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Once;
use std::time::Duration;
use tempfile::TempDir;

/// A running market, called as its operator.
pub(crate) struct Market {
    pub(crate) url: String,
    pub(crate) operator: String,
    client: Client,
    child: Child,
    launch: Launch,
}

/// How the program is started.
pub(crate) struct Launch {
    pub(crate) dir: TempDir,
    /// What stands in its configuration file.
    pub(crate) config: String,
    pub(crate) args: Vec<String>,
    pub(crate) env: Vec<(&'static str, OsString)>,
}

/// A caller with a token.
#[derive(Clone)]
pub(crate) struct Caller {
    url: String,
    token: String,
    client: Client,
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<String>,
    pub(crate) text: String,
}

impl Answer {
    /// The body of a success.
    pub(crate) fn json(&self) -> Value {
        assert!((200..300).contains(&self.status), "{self:?}");
        serde_json::from_str(&self.text).unwrap()
    }

    /// Checks that it is this problem, and gives the document.
    pub(crate) fn problem(&self, status: u16, kind: &str) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        let problem: Value = serde_json::from_str(&self.text).unwrap();
        assert_eq!(problem["type"], format!("urn:forewarm:problem:{kind}"), "{problem}");
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.len() > 10), "{problem}");
        assert!(problem["instance"].is_string(), "{problem}");
        problem
    }

    /// The same, with this code.
    pub(crate) fn refused(&self, status: u16, kind: &str, code: &str) -> Value {
        let problem = self.problem(status, kind);
        assert_eq!(problem["code"], code, "{problem}");
        problem
    }
}

/// Rounds every second.
pub(crate) const QUICK: &str = "[market.rules]\nnear_term_interval_s = 1\nday_ahead_interval_s = 1\n";

impl Market {
    pub(crate) fn start() -> Self {
        Self::start_with(QUICK)
    }

    /// A market with this configuration file.
    pub(crate) fn start_with(config: &str) -> Self {
        Self::start_as(Launch::new(config))
    }

    pub(crate) fn start_as(launch: Launch) -> Self {
        provide_tls();
        std::fs::write(launch.dir.path().join("config.toml"), &launch.config).unwrap();
        let (child, url) = launch.start();
        let operator = std::fs::read_to_string(launch.dir.path().join("operator.token")).unwrap().trim().to_owned();
        let client = Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap();
        Self { url, operator, client, child, launch }
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(&mut self) {
        drop(self.child.kill());
        self.child.wait().unwrap();
    }

    /// Ends it as a power cut would, and starts it again on the same data. It has another address then.
    pub(crate) fn restart(&mut self) {
        self.kill();
        (self.child, self.url) = self.launch.start();
    }

    /// Changes something in its SQLite file behind its back.
    pub(crate) async fn sql(&self, sql: &str) {
        let url = format!("sqlite://{}", self.launch.dir.path().join("market.db").display());
        let database = sea_orm::Database::connect(url).await.unwrap();
        database.execute_unprepared(sql).await.unwrap();
        database.close().await.unwrap();
    }

    pub(crate) fn operator(&self) -> Caller {
        self.caller(&self.operator)
    }

    pub(crate) fn caller(&self, token: &str) -> Caller {
        Caller { url: self.url.clone(), token: token.to_owned(), client: self.client.clone() }
    }

    /// Makes an organisation with money, and gives a caller with these roles there.
    pub(crate) async fn member(&self, name: &str, millionths: i64, roles: &[&str]) -> Caller {
        let operator = self.operator();
        let body = json!({ "name": name, "kind": "internal", "currency": "CREDIT", "rate": 1_000_000 });
        operator.post("/organisations", &body).await.json();
        if millionths > 0 {
            let body = json!({ "currency": "CREDIT", "amount": millionths });
            let path = format!("/accounts/{name}/deposits");
            operator.post_with_key(&path, "first", &body).await.json();
        }
        self.token(name, roles).await
    }

    /// A caller with these roles at a cost centre.
    pub(crate) async fn token(&self, tenant: &str, roles: &[&str]) -> Caller {
        let body = json!({ "name": format!("{tenant}-{}", roles.join(".")), "tenant": tenant, "roles": roles });
        let made = self.operator().post("/tokens", &body).await.json();
        self.caller(made["secret"].as_str().unwrap())
    }
}

impl Launch {
    pub(crate) fn new(config: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { dir, config: config.to_owned(), args: Vec::new(), env: Vec::new() }
    }

    fn start(&self) -> (Child, String) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_forewarm-market"))
            .args(["up", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(self.dir.path())
            .arg("--config")
            .arg(self.dir.path().join("config.toml"))
            .args(&self.args)
            .env_remove("RUST_LOG")
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = lines.map_while(Result::ok).find_map(|line| Some(line.trim().strip_prefix("API")?.trim().to_owned()));
        (child, url.expect("the market says where it is"))
    }
}

/// Whoever speaks HTTP in this process needs it.
pub(crate) fn provide_tls() {
    static TLS: Once = Once::new();
    TLS.call_once(|| rustls::crypto::ring::default_provider().install_default().unwrap());
}

impl Drop for Market {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Caller {
    /// A caller of a market that this process holds itself.
    pub(crate) fn new(url: &str, token: &str) -> Self {
        let client = Client::builder().no_proxy().build().unwrap();
        Self { url: url.to_owned(), token: token.to_owned(), client }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}/v1/market{path}", self.url)).bearer_auth(&self.token);
        request.timeout(Duration::from_secs(30))
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        answer(self.request(Method::GET, path)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        answer(self.request(Method::DELETE, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        answer(self.request(Method::POST, path).json(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Answer {
        answer(self.request(Method::PUT, path).json(body)).await
    }

    pub(crate) async fn post_with_key(&self, path: &str, key: &str, body: &Value) -> Answer {
        answer(self.request(Method::POST, path).header("idempotency-key", key).json(body)).await
    }

    /// A body that is sent as it is.
    pub(crate) async fn post_text(&self, path: &str, body: impl Into<reqwest::Body>) -> Answer {
        answer(self.request(Method::POST, path).header("content-type", "application/json").body(body)).await
    }

    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// Takes a bid back, if need be once the round is settled that it is sealed in.
    pub(crate) async fn cancel(&self, bid: &str) -> Value {
        loop {
            let answer = self.delete(&format!("/bids/{bid}")).await;
            if answer.status != 409 {
                return answer.json();
            }
            answer.refused(409, "too-late", "order-sealed");
        }
    }

    /// Asks until `done` finds what it looks for.
    pub(crate) async fn until<T>(&self, path: &str, done: impl Fn(&Value) -> Option<T>) -> T {
        let mut last = Value::Null;
        for _ in 0..600 {
            last = self.get(path).await.json();
            if let Some(found) = done(&last) {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("it never came: {last}");
    }
}

async fn answer(request: RequestBuilder) -> Answer {
    let response = request.send().await.expect("an answer");
    let (status, headers): (StatusCode, _) = (response.status(), response.headers().clone());
    let retry_after = headers.get("retry-after").map(|value| value.to_str().unwrap().to_owned());
    Answer { status: status.as_u16(), retry_after, text: response.text().await.expect("a body") }
}

/// A window of an hour that begins in `hours`, on the grid.
pub(crate) fn window(hours: i64) -> Value {
    let now = time::OffsetDateTime::now_utc().unix_timestamp();
    let from = (now / 3_600 + hours) * 3_600;
    json!({ "from": text(from), "until": text(from + 3_600) })
}

/// An instant in seconds since 1970 as the API writes it.
pub(crate) fn text(seconds: i64) -> String {
    let format = time::format_description::well_known::Rfc3339;
    time::OffsetDateTime::from_unix_timestamp(seconds).unwrap().format(&format).unwrap()
}

/// A bid of `quantity` at `limit` for an hour of `web`.
pub(crate) fn bid(quantity: i64, limit: i64) -> Value {
    json!({ "persona": "web", "window": window(2), "class": "reclaimable", "quantity": quantity, "limit": limit })
}

/// An offer of `quantity` at `reserve` for an hour of `web`.
pub(crate) fn offer(quantity: i64, reserve: i64) -> Value {
    json!({ "persona": "web", "window": window(2), "class": "reclaimable", "quantity": quantity, "reserve": reserve })
}

/// `value` with `field` set.
pub(crate) fn with(mut value: Value, field: &str, set: impl Into<Value>) -> Value {
    value[field] = set.into();
    value
}
