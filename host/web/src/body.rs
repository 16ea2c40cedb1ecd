//! Reading bodies: of the right type, within the limit, whole, and valid.

use crate::ApiState;
use crate::problem::{FieldError, Problem, ProblemKind};
use crate::schema::Schema;
use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderValue, header};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

/// A JSON body that fits the schema of its type.
pub struct Checked<T>(pub T);

/// A type that bodies are checked against.
pub trait CheckedBody: DeserializeOwned + Send {
    /// The schema, built once.
    ///
    /// # Errors
    /// A problem, where the schema of the type is not valid.
    fn schema() -> Result<&'static Schema, Problem>;
}

/// Makes a type usable in [`Checked`](crate::body::Checked).
#[macro_export]
macro_rules! checked_body {
    ($($type:ty),+) => {$(
        impl $crate::body::CheckedBody for $type {
            fn schema() -> Result<&'static $crate::schema::Schema, $crate::problem::Problem> {
                static SCHEMA: std::sync::LazyLock<Result<$crate::schema::Schema, String>> =
                    std::sync::LazyLock::new($crate::schema::Schema::of::<$type>);
                SCHEMA.as_ref().map_err($crate::problem::Problem::internal)
            }
        }
    )+};
}
pub use crate::checked_body;

impl<T: CheckedBody, S: ApiState> FromRequest<S> for Checked<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        expect_type(request.headers(), &["application/json"])?;
        let body = read(request, state.body_limit_kib(), "http.body_limit_kib").await?;
        parse(&body).map(Self)
    }
}

/// Parses and checks a JSON document.
///
/// # Errors
/// A problem that names every part which is not valid.
pub fn parse<T: CheckedBody>(body: &[u8]) -> Result<T, Problem> {
    let value: serde_json::Value = serde_json::from_slice(body).map_err(|error| malformed_json(&error))?;
    let errors = T::schema()?.errors(&value);
    if !errors.is_empty() {
        return Err(invalid(errors));
    }
    serde_json::from_value(value)
        .map_err(|error| invalid(vec![FieldError { pointer: String::new(), detail: error.to_string() }]))
}

/// A body that can be read but is not valid.
#[must_use]
pub fn invalid(errors: Vec<FieldError>) -> Problem {
    let detail = match errors.as_slice() {
        [only] if only.pointer.is_empty() => only.detail.clone(),
        [only] => format!("{}: {}", only.pointer, only.detail),
        many => format!("{} parts of the body are not valid, see `errors`", many.len()),
    };
    Problem::new(ProblemKind::InvalidBody, detail).with_errors(errors)
}

/// A body that is no JSON, or not all of it.
#[must_use]
pub fn malformed_json(error: &serde_json::Error) -> Problem {
    let what = if error.is_eof() { "the JSON document is cut short" } else { "this is not JSON" };
    Problem::new(ProblemKind::MalformedBody, format!("{what}: {error}"))
}

/// Refuses a body of another type than `types`.
///
/// # Errors
/// A problem that names the types.
pub fn expect_type(headers: &HeaderMap, types: &[&'static str]) -> Result<(), Problem> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("none");
    let essence = given.split(';').next().unwrap_or_default().trim();
    if types.iter().any(|known| essence.eq_ignore_ascii_case(known)) {
        return Ok(());
    }
    let (wanted, given) = (types.join(" or "), given.chars().take(80).collect::<String>());
    let detail = format!("the content-type is {given}: send {wanted}");
    let problem = Problem::new(ProblemKind::UnsupportedMediaType, detail);
    Err(match HeaderValue::from_str(&types.join(", ")) {
        Ok(accept) => problem.with_header(header::ACCEPT, accept),
        Err(_) => problem,
    })
}

/// Reads a body of at most `limit_kib`; `key` is where the operator sets that.
///
/// # Errors
/// A problem when it is larger or cut short.
pub async fn read(request: Request, limit_kib: u32, key: &str) -> Result<Bytes, Problem> {
    let limit = (limit_kib as usize).saturating_mul(1_024);
    let too_large = || {
        let detail = format!("the body is larger than {limit_kib} KiB ({key}): send less at a time");
        Problem::new(ProblemKind::BodyTooLarge, detail)
    };
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: usize| length > limit) {
        return Err(too_large());
    }
    let body: Body = request.into_body();
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.downcast_ref::<LengthLimitError>().is_some() => Err(too_large()),
        Err(error) => {
            Err(Problem::new(ProblemKind::MalformedBody, "the body was cut short or cannot be unpacked: send it again")
                .caused_by(error))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use forewarm_domain::persona::PersonaSpec;
    use utoipa::ToSchema;

    #[derive(serde::Deserialize, ToSchema)]
    #[serde(transparent)]
    struct Spec(PersonaSpec);

    checked_body!(Spec);

    const GOOD: &str = r#"{"name":"web","allocation":{"cpu_millis":500,"memory_mib":512},
        "demand":{"series":{"resource":"web","metric":"requests"},"capacity_per_instance":10.0}}"#;

    fn refused(change: impl FnOnce(&mut serde_json::Value)) -> Vec<(String, String)> {
        let mut value: serde_json::Value = serde_json::from_str(GOOD).expect("valid");
        change(&mut value);
        let problem = parse::<Spec>(value.to_string().as_bytes()).map(|Spec(spec)| spec).expect_err("refused");
        assert_eq!(problem.kind(), ProblemKind::InvalidBody);
        problem.document(None).errors.into_iter().map(|error| (error.pointer, error.detail)).collect()
    }

    #[test]
    fn a_short_persona_is_taken() {
        assert_eq!(parse::<Spec>(GOOD.as_bytes()).expect("valid").0.name.as_str(), "web");
    }

    #[test]
    fn errors_name_field_value_and_what_is_allowed() {
        let errors = refused(|spec| spec["allocation"]["cpu_millis"] = 0.into());
        assert_eq!(errors[0].0, "/allocation/cpu_millis");
        assert!(errors[0].1.contains("minimum of 1"), "{errors:?}");
        let errors = refused(|spec| spec["demand"]["series"]["metric"] = "cpu".into());
        assert_eq!(errors[0].0, "/demand/series/metric");
        assert!(errors[0].1.contains("cpu_cores"), "{errors:?}");
        let errors = refused(|spec| spec["scaling"] = serde_json::json!({ "maximum": 3, "min": -1 }));
        assert!(errors.iter().any(|(at, what)| at == "/scaling" && what.contains("did you mean `max`")), "{errors:?}");
        assert!(errors.iter().any(|(at, _)| at == "/scaling/min"), "{errors:?}");
        let errors = refused(|spec| spec["name"] = "Web_1".into());
        assert_eq!(errors[0].0, "/name");
    }

    #[test]
    fn what_is_missing_is_named() {
        let errors = refused(|spec| {
            spec.as_object_mut().expect("an object").remove("demand");
        });
        assert!(errors[0].1.contains("demand"), "{errors:?}");
    }

    #[test]
    fn broken_json_is_told_by_line_and_column() {
        for (body, word) in [("{\"a\":\n  nope}", "line 2"), ("{\"a\":", "cut short"), ("", "cut short")] {
            let problem = parse::<Spec>(body.as_bytes()).map(|Spec(spec)| spec).expect_err("refused");
            assert_eq!(problem.kind(), ProblemKind::MalformedBody);
            assert!(problem.document(None).detail.contains(word), "{problem:?}");
        }
    }

    #[test]
    fn the_right_type_is_named() {
        let header = |text: &str| HeaderMap::from_iter([(header::CONTENT_TYPE, text.parse().expect("a header"))]);
        assert!(expect_type(&header("Application/JSON; charset=utf-8"), &["application/json"]).is_ok());
        let problem = expect_type(&header("text/plain"), &["application/json"]).expect_err("refused");
        assert!(problem.document(None).detail.contains("send application/json"), "{problem:?}");
        assert!(expect_type(&HeaderMap::new(), &["text/csv"]).is_err());
    }
}
