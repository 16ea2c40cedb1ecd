//! One host's API as the commands use it: JSON in, JSON or a problem out.

use super::error::CliError;
use crate::http::ProblemDocument;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// How long a request may take: longer than the host itself gives it by default.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Talks to one host.
pub(super) struct Client {
    http: reqwest::Client,
    url: String,
    token: Option<String>,
}

impl Client {
    pub(super) fn new(url: String, token: Option<String>) -> Result<Self, CliError> {
        if !(url.starts_with("http://") || url.starts_with("https://")) {
            return Err(CliError::Usage(format!("`{url}` is no address of a host: use http://HOST:7180")));
        }
        let built = reqwest::Client::builder().timeout(REQUEST_TIMEOUT).connect_timeout(CONNECT_TIMEOUT).build();
        let http = built.map_err(|error| CliError::Failed(error.to_string()))?;
        Ok(Self { http, url, token })
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, CliError> {
        self.answer(self.request(Method::GET, path)).await
    }

    /// The same; where there is nothing yet, why.
    pub(super) async fn get_if_there<T: DeserializeOwned>(&self, path: &str) -> Result<Result<T, String>, CliError> {
        match self.get(path).await {
            Ok(found) => Ok(Ok(found)),
            Err(CliError::Refused(problem)) if problem.status == 404 => Ok(Err(problem.detail)),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn delete<T: DeserializeOwned>(&self, path: &str) -> Result<T, CliError> {
        self.answer(self.request(Method::DELETE, path)).await
    }

    pub(super) async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, CliError> {
        self.answer(self.request(Method::POST, path).json(body)).await
    }

    /// What is no JSON, such as a CSV file.
    pub(super) async fn text(&self, path: &str) -> Result<String, CliError> {
        let response = self.request(Method::GET, path).send().await.map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        let body = response.bytes().await.map_err(|error| self.unreachable(&error))?;
        if status.is_client_error() || status.is_server_error() {
            return Err(self.refused(status, &body));
        }
        String::from_utf8(body.to_vec()).map_err(|error| self.foreign(&error))
    }

    /// A request with headers of its own.
    pub(super) async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        headers: &[(&'static str, String)],
        body: &impl Serialize,
    ) -> Result<T, CliError> {
        let request = self.request(method, path).json(body);
        self.answer(headers.iter().fold(request, |request, (name, value)| request.header(*name, value))).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.url));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    async fn answer<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, CliError> {
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        let body = response.bytes().await.map_err(|error| self.unreachable(&error))?;
        if status.is_client_error() || status.is_server_error() {
            return Err(self.refused(status, &body));
        }
        serde_json::from_slice(&body).map_err(|error| self.foreign(&error))
    }

    fn refused(&self, status: StatusCode, body: &[u8]) -> CliError {
        match serde_json::from_slice::<ProblemDocument>(body) {
            Ok(problem) => CliError::Refused(Box::new(problem)),
            Err(_) => self.foreign(&format!("status {status}")),
        }
    }

    fn foreign(&self, cause: &dyn std::fmt::Display) -> CliError {
        CliError::Foreign { url: self.url.clone(), cause: cause.to_string() }
    }

    fn unreachable(&self, error: &reqwest::Error) -> CliError {
        let mut cause: &dyn std::error::Error = error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        CliError::Unreachable { url: self.url.clone(), cause: cause.to_string() }
    }
}

/// A name as one segment of a path: whatever is not plain is escaped.
pub(super) fn segment(name: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.~".contains(&b);
    name.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped_in_paths() {
        assert_eq!(segment("web-1"), "web-1");
        assert_eq!(segment("a b/ä"), "a%20b%2F%C3%A4");
    }
}
