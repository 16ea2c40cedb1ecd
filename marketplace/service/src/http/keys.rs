//! The header `Idempotency-Key`: a repeated request with the same key has no second effect.

use crate::model::IdempotencyKey;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use forewarm_web::{Problem, ProblemKind};

/// The key of a request, if it has one.
pub(super) struct Key(pub(super) Option<IdempotencyKey>);

impl<S: Sync> FromRequestParts<S> for Key {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all("idempotency-key").iter();
        let Some(value) = values.next() else { return Ok(Self(None)) };
        let refuse = |detail: String| Problem::new(ProblemKind::InvalidParameter, detail);
        if values.next().is_some() {
            return Err(refuse("the header Idempotency-Key is there twice".to_owned()));
        }
        let text = value.to_str().unwrap_or_default();
        let key = text.parse().map_err(|error| refuse(format!("the header Idempotency-Key is not valid: {error}")))?;
        Ok(Self(Some(key)))
    }
}

impl Key {
    /// The key, where there must be one.
    pub(super) fn required(self) -> Result<IdempotencyKey, Problem> {
        let detail = "send the header Idempotency-Key: it names the payment, so that it is made once";
        self.0.ok_or_else(|| Problem::new(ProblemKind::InvalidParameter, detail))
    }
}
