//! A small client of the host's HTTP API that takes every answer as it comes, problems included.

use std::time::Duration;

use serde_json::{Value, json};
use ureq::{
    Agent,
    http::{HeaderMap, Request, header::CONTENT_TYPE},
};

use crate::clock;

/// The largest answer that is read.
const LIMIT: u64 = 64 << 20;

/// Calls one host with one token, or none.
#[derive(Clone)]
pub struct Api {
    agent: Agent,
    base: String,
    token: Option<String>,
}

/// What the host answered.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as text.
    pub body: String,
}

impl Api {
    pub(crate) fn new(base: &str, token: Option<String>) -> Self {
        // A proxy that the environment names is for other machines. Each request has a connection of its own: a server
        // may close one on which it has refused a body, just when the next request sets out on it.
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .proxy(None)
            .max_idle_connections(0)
            .max_idle_connections_per_host(0)
            .timeout_global(Some(Duration::from_secs(60)));
        Self { agent: config.build().into(), base: base.to_owned(), token }
    }

    /// The same host with another token, or none.
    #[must_use]
    pub fn with_token(&self, token: Option<&str>) -> Self {
        Self { token: token.map(str::to_owned), ..self.clone() }
    }

    /// Where the host is, such as `http://127.0.0.1:7180`.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The token that it calls with.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// One request.
    ///
    /// # Errors
    /// Where no whole answer came, as from a host that is killed.
    pub fn try_send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Result<Answer, ureq::Error> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = match body {
            Some(body) => self.agent.run(request.body(body).map_err(ureq::Error::from)?)?,
            None => self.agent.run(request.body(()).map_err(ureq::Error::from)?)?,
        };
        let body = response.body_mut().with_config().limit(LIMIT).read_to_vec()?;
        let body = String::from_utf8_lossy(&body).into_owned();
        Ok(Answer { status: response.status().as_u16(), headers: response.headers().clone(), body })
    }

    /// One request.
    ///
    /// # Panics
    /// Where no whole answer comes.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> Answer {
        let answer = self.try_send(method, path, headers, body);
        answer.unwrap_or_else(|error| panic!("{method} {path} was not answered: {error}"))
    }

    /// Reads.
    ///
    /// # Panics
    /// Where no whole answer comes.
    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], None)
    }

    /// Deletes.
    ///
    /// # Panics
    /// Where no whole answer comes.
    pub fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, &[], None)
    }

    /// Sends JSON.
    ///
    /// # Panics
    /// Where no whole answer comes.
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, &[("content-type", "application/json")], Some(body.to_string().as_bytes()))
    }

    /// Applies a persona.
    ///
    /// # Panics
    /// Where it is refused.
    pub fn apply(&self, persona: &Value) -> Value {
        self.put_persona(persona).ok()
    }

    /// Sends a persona under the name that it has.
    ///
    /// # Panics
    /// Where no whole answer comes.
    pub fn put_persona(&self, persona: &Value) -> Answer {
        let path = format!("/v1/personas/{}", persona["name"].as_str().unwrap_or("unnamed"));
        self.send("PUT", &path, &[("content-type", "application/json")], Some(persona.to_string().as_bytes()))
    }

    /// Says that a load was measured just now.
    ///
    /// # Panics
    /// Where it is not taken.
    pub fn measure(&self, resource: &str, value: f64) {
        let sample =
            json!({"resource": resource, "metric": "requests", "at": clock::text(clock::now_ms()), "value": value});
        self.post("/v1/ingest/json", &json!({"samples": [sample]})).ok();
    }

    /// Makes a token and gives a client that calls with it.
    ///
    /// # Panics
    /// Where it is refused.
    #[must_use]
    pub fn as_new_caller(&self, name: &str, scope: &str, tenant: Option<&str>) -> Self {
        let made = self.post("/v1/tokens", &json!({"name": name, "scope": scope, "tenant": tenant})).ok();
        self.with_token(made["secret"].as_str())
    }

    /// What `/v1/status` says of a persona.
    ///
    /// # Panics
    /// Where the persona is not there.
    #[must_use]
    pub fn standing(&self, persona: &str) -> Value {
        let status = self.get("/v1/status").ok();
        let personas = status["personas"].as_array().expect("personas");
        personas.iter().find(|one| one["name"] == persona).unwrap_or_else(|| panic!("no {persona} in {status}")).clone()
    }

    /// The instances of a persona.
    ///
    /// # Panics
    /// Where the persona is not there.
    #[must_use]
    pub fn instances(&self, persona: &str) -> Vec<Value> {
        let instances = self.get(&format!("/v1/personas/{persona}/instances")).ok();
        instances.as_array().expect("a list").clone()
    }

    /// The newest claims on a persona, at most 1000.
    ///
    /// # Panics
    /// Where the persona is not there.
    #[must_use]
    pub fn claims(&self, persona: &str) -> Vec<Value> {
        let claims = self.get(&format!("/v1/personas/{persona}/claims?limit=1000")).ok();
        claims.as_array().expect("a list").clone()
    }
}

impl Answer {
    /// The JSON body of a success.
    ///
    /// # Panics
    /// Where it is none.
    #[must_use = "or else what came is not looked at"]
    pub fn json(&self) -> Value {
        assert!((200..300).contains(&self.status), "status {}: {}", self.status, self.body);
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("no JSON ({error}): {}", self.body))
    }

    /// The JSON body of a success, or null where there is none.
    ///
    /// # Panics
    /// Where it is no success.
    #[expect(clippy::must_use_candidate, reason = "also called to assert the success alone")]
    pub fn ok(&self) -> Value {
        if self.body.is_empty() && (200..300).contains(&self.status) { Value::Null } else { self.json() }
    }

    /// The problem document of a refusal with this status, whose type is `urn:forewarm:problem:KIND`.
    ///
    /// # Panics
    /// Where it is anything else.
    pub fn problem(&self, status: u16, kind: &str) -> Value {
        let content = self.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        assert_eq!((self.status, content), (status, Some("application/problem+json")), "{}", self.body);
        let problem: Value = serde_json::from_str(&self.body).expect("a problem document");
        assert_eq!(problem["type"], format!("urn:forewarm:problem:{kind}"), "{problem}");
        assert_eq!(problem["status"], status, "{problem}");
        assert!(problem["title"].is_string() && problem["detail"].is_string(), "{problem}");
        assert!(problem["instance"].is_string(), "the request is named: {problem}");
        problem
    }
}
