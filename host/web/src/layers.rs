//! What happens around every request: an id, a span, a count, a limit, a time-out, a caught panic, sensible headers.

use crate::ApiState;
use crate::problem::{self, Problem, ProblemKind};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};
use tracing::{Instrument, debug, error, field, info_span};
use uuid::Uuid;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest request id that is taken over from a caller.
const REQUEST_ID_MAX: usize = 64;

/// Names, times and counts a request, catches its panic, and gives every error the form of a problem.
pub async fn observe<S: ApiState>(State(state): State<S>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = request_id(request.headers());
    let method = request.method().clone();
    let what = format!("{method} {}", request.uri().path().chars().take(200).collect::<String>());
    let matched = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let route = matched.unwrap_or_else(|| "unmatched".to_owned());
    let span = info_span!("request", %id, %method, route, caller = field::Empty);
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind().instrument(span.clone()).await;
    let response = answer.unwrap_or_else(|panic| Problem::internal(panic_message(panic.as_ref())).into_response());
    let methods = state.paths().get(&route).map_or("none", String::as_str);
    let response = span.in_scope(|| finish(response, &id, &what, methods));
    let status = response.status().as_u16();
    // The label must not be a text of the caller's choice.
    let label = if method.as_str().len() <= 7 { method.as_str() } else { "other" };
    state.count(label, &route, status, started.elapsed());
    span.in_scope(|| debug!(status, ms = started.elapsed().as_millis() as u64, "answered"));
    response
}

/// The caller's own id where it is a plain one, or a new one.
fn request_id(headers: &HeaderMap) -> String {
    let plain = |text: &&str| {
        (1..=REQUEST_ID_MAX).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok()).filter(plain);
    given.map_or_else(|| Uuid::now_v7().to_string(), str::to_owned)
}

/// Gives an error the request's id and tells the log its cause.
fn finish(mut response: Response, id: &str, what: &str, methods: &str) -> Response {
    let status = response.status();
    if status.is_client_error() || status.is_server_error() {
        let known = response.extensions_mut().remove::<Problem>();
        let problem = known.unwrap_or_else(|| problem::from_foreign(status, what, methods));
        if let Some(cause) = problem.cause() {
            error!(kind = problem.kind().urn(), cause, "the request failed");
        }
        let mut finished = problem.respond(Some(id));
        for (name, value) in response.headers() {
            if !finished.headers().contains_key(name) && *name != header::CONTENT_LENGTH {
                finished.headers_mut().append(name.clone(), value.clone());
            }
        }
        response = finished;
    }
    if let Ok(id) = HeaderValue::from_str(id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    format!("panic: {}", text.unwrap_or_else(|| "without a message".into()))
}

/// Turns away what is more than the host may work on at a time, and gives up what takes too long.
///
/// # Errors
/// A problem that names the limit.
pub async fn limit<S: ApiState>(State(state): State<S>, request: Request, next: Next) -> Result<Response, Problem> {
    let Ok(_permit) = state.requests().try_acquire() else {
        let most = state.max_concurrent_requests();
        let detail =
            format!("{most} requests are under way, which is the limit (http.max_concurrent_requests): try again");
        return Err(Problem::new(ProblemKind::Overloaded, detail).retry_after(1));
    };
    let seconds = state.request_timeout_s();
    match tokio::time::timeout(Duration::from_secs(seconds.into()), next.run(request)).await {
        Ok(response) => Ok(response),
        Err(_) => {
            let detail = format!("it was given up after {seconds} seconds (http.request_timeout_s)");
            Err(Problem::new(ProblemKind::Timeout, detail).retry_after(5))
        }
    }
}

/// Headers that keep browsers from guessing, framing and storing; a handler's own stand.
pub async fn secure(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    ] {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// No such route, with the one that was probably meant.
pub async fn unknown_route<S: ApiState>(State(state): State<S>, request: Request) -> Problem {
    let path: String = request.uri().path().chars().take(200).collect();
    let near = state.paths().keys().map(|known| (strsim::normalized_levenshtein(known, &path), known));
    let near = near.filter(|(score, _)| *score > 0.6).max_by(|a, b| a.0.total_cmp(&b.0));
    let help = near
        .map_or_else(|| "GET /openapi.json lists the routes".to_owned(), |(_, path)| format!("did you mean {path}?"));
    Problem::new(ProblemKind::UnknownRoute, format!("{} {path} is no route of this API: {help}", request.method()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_ids_are_taken_over() {
        let header = |text: &str| HeaderMap::from_iter([(REQUEST_ID, text.parse().expect("a header"))]);
        assert_eq!(request_id(&header("job-7.2")), "job-7.2");
        for bad in ["", "a b", "<script>", &"x".repeat(65)] {
            assert_ne!(request_id(&header(bad)), bad);
        }
        assert_ne!(request_id(&HeaderMap::new()), request_id(&HeaderMap::new()));
    }

    #[test]
    fn foreign_errors_become_problems_and_keep_their_headers() {
        let mut foreign = Response::new(axum::body::Body::from("plain text"));
        *foreign.status_mut() = axum::http::StatusCode::METHOD_NOT_ALLOWED;
        foreign.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET,HEAD"));
        let finished = finish(foreign, "id-1", "DELETE /v1/status", "GET");
        assert_eq!(finished.headers()[header::CONTENT_TYPE], problem::PROBLEM_JSON);
        assert_eq!(finished.headers()[header::ALLOW], "GET,HEAD");
        assert_eq!(finished.headers()[REQUEST_ID], "id-1");
    }
}
