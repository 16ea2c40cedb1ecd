//! Parameters in path and query: parsed to their own types, refused by name.

use crate::problem::{Problem, ProblemKind};
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use std::error::Error;

/// A parameter of the path.
pub struct InPath<T>(pub T);

/// The parameters of the query.
pub struct InQuery<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for InPath<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let found: Result<Path<T>, PathRejection> = Path::from_request_parts(parts, state).await;
        found.map(|Path(value)| Self(value)).map_err(|error| refuse("path", &error, error.body_text()))
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for InQuery<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let found: Result<Query<T>, QueryRejection> = Query::from_request_parts(parts, state).await;
        found.map(|Query(value)| Self(value)).map_err(|error| refuse("query", &error, error.body_text()))
    }
}

/// The innermost cause says what is wrong; what is around it repeats where.
fn refuse(place: &str, error: &dyn Error, text: String) -> Problem {
    let mut innermost = error.source();
    while let Some(deeper) = innermost.and_then(Error::source) {
        innermost = Some(deeper);
    }
    let detail = innermost.map_or(text, ToString::to_string);
    Problem::new(ProblemKind::InvalidParameter, format!("the {place} is not valid: {detail}"))
}

/// A limit of a list: `default` where none is asked for, refused beyond `most`.
///
/// # Errors
/// A problem that names the range.
pub fn limit(asked: Option<u32>, default: u32, most: u32) -> Result<usize, Problem> {
    match asked.unwrap_or(default) {
        limit if (1..=most).contains(&limit) => Ok(limit as usize),
        limit => {
            let detail = format!("the query is not valid: limit is {limit}, use 1 to {most}");
            Err(Problem::new(ProblemKind::InvalidParameter, detail))
        }
    }
}
