//! Errors as callers see them: RFC 9457 problem documents with a stable type. The internal cause goes to the log only.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The media type of a problem document.
pub const PROBLEM_JSON: &str = "application/problem+json";

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident $slug:literal $status:ident $title:literal;)*) => {
        /// What went wrong, as far as a caller's program has to tell apart.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum ProblemKind {
            $($(#[$doc])* $kind,)*
        }

        impl ProblemKind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$kind,)*];

            /// The stable identifier, as in the document's `type`.
            #[must_use]
            pub fn urn(self) -> &'static str {
                match self { $(Self::$kind => concat!("urn:forewarm:problem:", $slug),)* }
            }

            /// The status of the response.
            #[must_use]
            pub fn status(self) -> StatusCode {
                match self { $(Self::$kind => StatusCode::$status,)* }
            }

            /// What the kind is, in a few words.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self { $(Self::$kind => $title,)* }
            }
        }
    };
}

kinds! {
    /// The body is not what its content type says, or is cut short.
    MalformedBody "malformed-body" BAD_REQUEST "The body cannot be read";
    /// A parameter of path, query or headers is not valid.
    InvalidParameter "invalid-parameter" BAD_REQUEST "A parameter is not valid";
    /// There is no valid token.
    Unauthenticated "unauthenticated" UNAUTHORIZED "A valid token is needed";
    /// The token does not allow it.
    Forbidden "forbidden" FORBIDDEN "The token does not allow this";
    /// There is no such route.
    UnknownRoute "unknown-route" NOT_FOUND "There is no such route";
    /// There is no such thing.
    NotFound "not-found" NOT_FOUND "There is no such thing";
    /// The route does not take this method.
    MethodNotAllowed "method-not-allowed" METHOD_NOT_ALLOWED "The route does not take this method";
    /// The name or key is taken, or the thing is in another state.
    Conflict "conflict" CONFLICT "The request conflicts with the present state";
    /// Somebody else changed it meanwhile.
    VersionMismatch "version-mismatch" PRECONDITION_FAILED "The version is not the present one";
    /// The body is larger than allowed.
    BodyTooLarge "body-too-large" PAYLOAD_TOO_LARGE "The body is too large";
    /// The body has a type that the route does not take.
    UnsupportedMediaType "unsupported-media-type" UNSUPPORTED_MEDIA_TYPE "The body has the wrong type";
    /// The body can be read, but does not say something valid.
    InvalidBody "invalid-body" UNPROCESSABLE_ENTITY "The body is not valid";
    /// The order book is sealed, or what the request speaks of is over.
    TooLate "too-late" CONFLICT "It is too late for this";
    /// The key was used for another request before.
    KeyReused "key-reused" CONFLICT "The idempotency key belongs to another request";
    /// The account does not cover it.
    BudgetShort "budget-short" CONFLICT "The account does not cover this";
    /// The caller sends more than its share.
    RateLimited "rate-limited" TOO_MANY_REQUESTS "Too many requests of this tenant";
    /// Too many wait already.
    TooManyWaiting "too-many-waiting" TOO_MANY_REQUESTS "Too many claims wait already";
    /// A fault of this program; the log has the cause.
    Internal "internal" INTERNAL_SERVER_ERROR "The host failed";
    /// A plugin gave no usable answer.
    PluginFailed "plugin-failed" BAD_GATEWAY "A plugin failed";
    /// The host works on as many requests as it may.
    Overloaded "overloaded" SERVICE_UNAVAILABLE "The host is busy";
    /// The request took too long.
    Timeout "timeout" SERVICE_UNAVAILABLE "The request took too long";
    /// Something that the host needs is away for the moment.
    Unavailable "unavailable" SERVICE_UNAVAILABLE "The host cannot do this at present";
}

/// One part of a body that is not valid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// Where it is, as a JSON pointer (RFC 6901); empty for the whole body.
    pub pointer: String,
    /// What is wrong there and what would be right.
    pub detail: String,
}

/// A problem as it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProblemDocument {
    /// Which kind of problem, stable over versions.
    #[serde(rename = "type")]
    #[schema(example = "urn:forewarm:problem:invalid-body")]
    pub kind: String,
    /// The kind in a few words.
    pub title: String,
    /// The status of the response.
    pub status: u16,
    /// What it was more closely, stable over versions, where a kind has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What was wrong, where, and what would be right.
    pub detail: String,
    /// The request, as in the log and in the header `x-request-id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// The parts of the body that are not valid.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

/// An error of one request: what the caller is told, and what the log is told.
#[derive(Debug, Clone)]
pub struct Problem {
    kind: ProblemKind,
    code: Option<&'static str>,
    detail: String,
    errors: Vec<FieldError>,
    headers: Vec<(HeaderName, HeaderValue)>,
    cause: Option<String>,
}

impl Problem {
    /// A problem whose `detail` says what was wrong, where, and what would be right.
    #[must_use]
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self { kind, code: None, detail: detail.into(), errors: Vec::new(), headers: Vec::new(), cause: None }
    }

    /// A fault of this program or of what it rests on: the caller learns no more than that, the log has `cause`.
    #[must_use]
    pub fn internal(cause: impl ToString) -> Self {
        Self::new(ProblemKind::Internal, "the host's log has the cause, under this request's id").caused_by(cause)
    }

    /// The same, with the parts of the body that are not valid.
    #[must_use]
    pub fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.errors = errors;
        self
    }

    /// The same, with a stable name of what it is more closely.
    #[must_use]
    pub fn with_code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    /// The same, with one more header.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The same, with advice to try again after so many seconds.
    #[must_use]
    pub fn retry_after(self, seconds: u16) -> Self {
        self.with_header(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// The same, with a cause that only the log is told.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "callers have no further use for the cause")]
    pub fn caused_by(mut self, cause: impl ToString) -> Self {
        self.cause = Some(cause.to_string());
        self
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> ProblemKind {
        self.kind
    }

    /// What only the log is told.
    #[must_use]
    pub fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    /// The document for the request that is called `instance`.
    #[must_use]
    pub fn document(&self, instance: Option<&str>) -> ProblemDocument {
        ProblemDocument {
            kind: self.kind.urn().to_owned(),
            title: self.kind.title().to_owned(),
            status: self.kind.status().as_u16(),
            code: self.code.map(str::to_owned),
            detail: self.detail.clone(),
            instance: instance.map(str::to_owned),
            errors: self.errors.clone(),
        }
    }

    /// The response to the request that is called `instance`.
    #[must_use]
    pub fn respond(self, instance: Option<&str>) -> Response {
        let body = serde_json::to_vec(&self.document(instance)).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.kind.status();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        for (name, value) in &self.headers {
            response.headers_mut().append(name.clone(), value.clone());
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        self.respond(None)
    }
}

/// The problem behind a response that some layer made on its own to `what`, whose route takes `methods`.
#[must_use]
pub fn from_foreign(status: StatusCode, what: &str, methods: &str) -> Problem {
    match status {
        StatusCode::NOT_FOUND => Problem::new(ProblemKind::UnknownRoute, format!("{what} is no route of this API")),
        StatusCode::METHOD_NOT_ALLOWED => {
            let detail = format!("{what} is not possible: the route takes {methods}");
            Problem::new(ProblemKind::MethodNotAllowed, detail)
        }
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            let detail = "the body's content-encoding is not known: send it plain or with gzip";
            Problem::new(ProblemKind::UnsupportedMediaType, detail)
        }
        status if status.is_client_error() => {
            Problem::new(ProblemKind::InvalidParameter, format!("{what} was refused with status {status}"))
        }
        status => Problem::internal(format!("a layer answered with status {status}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_stable_and_distinct() {
        let mut urns: Vec<&str> = ProblemKind::ALL.iter().map(|kind| kind.urn()).collect();
        urns.dedup();
        assert_eq!(urns.len(), ProblemKind::ALL.len());
        for kind in ProblemKind::ALL {
            assert!(kind.status().is_client_error() || kind.status().is_server_error(), "{kind:?}");
            assert!(!kind.title().is_empty());
        }
    }

    #[test]
    fn the_document_names_the_request_and_keeps_the_cause_back() {
        let problem = Problem::internal("database password is hunter2");
        let response = problem.clone().respond(Some("abc"));
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(response.headers()[header::CONTENT_TYPE], PROBLEM_JSON);
        let text = serde_json::to_string(&problem.document(Some("abc"))).expect("serialises");
        assert!(text.contains(r#""instance":"abc""#) && text.contains("urn:forewarm:problem:internal"), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
        assert_eq!(problem.cause(), Some("database password is hunter2"));
    }
}
