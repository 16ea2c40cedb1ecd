//! Samples as JSON: one by one, or a whole regular series at once.

use super::sample::Sample;
use forewarm_domain::id::ResourceName;
use forewarm_domain::series::{Metric, SeriesKey};
use forewarm_domain::time::TimestampMs;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The body of a JSON ingest request.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct IngestBody {
    /// Single samples.
    pub samples: Vec<JsonSample>,
    /// Whole series on a regular grid.
    pub series: Vec<JsonSeries>,
}

/// One sample.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JsonSample {
    /// What was measured.
    pub resource: ResourceName,
    /// Which of its metrics.
    pub metric: Metric,
    /// When, as RFC 3339.
    pub at: TimestampMs,
    /// The value, in the metric's unit.
    pub value: f64,
}

/// Values at regular instants.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JsonSeries {
    /// What was measured.
    pub resource: ResourceName,
    /// Which of its metrics.
    pub metric: Metric,
    /// The instant of the first value, as RFC 3339.
    pub start: TimestampMs,
    /// Milliseconds from one value to the next.
    #[schema(minimum = 1)]
    pub step_ms: u32,
    /// The values; `null` where nothing was measured.
    pub values: Vec<Option<f64>>,
}

/// Why a body was not decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// Not JSON, or not of the expected form.
    #[error("{0}")]
    Form(String),
    /// A step of no length.
    #[error("series {index} ({key}): step_ms must be at least 1")]
    Step {
        /// Its place in `series`, from 0.
        index: usize,
        /// Which series.
        key: String,
    },
    /// More samples than the limit.
    #[error("the body has {got} samples, the limit is {limit}: send it in parts")]
    TooMany {
        /// Samples in it.
        got: usize,
        /// Samples allowed.
        limit: usize,
    },
}

/// Decodes a body of at most `max_samples` samples.
///
/// # Errors
/// [`JsonError`] with the line and column, or the series, that does not fit.
pub fn decode(body: &[u8], max_samples: usize) -> Result<Vec<Sample>, JsonError> {
    let body: IngestBody = serde_json::from_slice(body).map_err(|error| JsonError::Form(error.to_string()))?;
    into_samples(body, max_samples)
}

/// The samples of a body that is parsed already.
///
/// # Errors
/// [`JsonError::Step`] or [`JsonError::TooMany`].
pub fn into_samples(body: IngestBody, max_samples: usize) -> Result<Vec<Sample>, JsonError> {
    let got = body.samples.len() + body.series.iter().map(|series| series.values.len()).sum::<usize>();
    if got > max_samples {
        return Err(JsonError::TooMany { got, limit: max_samples });
    }
    let mut samples = Vec::with_capacity(got);
    for JsonSample { resource, metric, at, value } in body.samples {
        samples.push(Sample { key: SeriesKey { resource, metric }, at, value });
    }
    for (index, series) in body.series.into_iter().enumerate() {
        let key = SeriesKey { resource: series.resource, metric: series.metric };
        if series.step_ms == 0 {
            return Err(JsonError::Step { index, key: key.to_string() });
        }
        for (value, place) in series.values.into_iter().zip(0_i64..) {
            if let Some(value) = value {
                let at = series.start + place * i64::from(series.step_ms);
                samples.push(Sample { key: key.clone(), at, value });
            }
        }
    }
    Ok(samples)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(body: &str) -> String {
        decode(body.as_bytes(), 3).expect_err(body).to_string()
    }

    #[test]
    fn both_forms_give_samples() {
        let body = r#"{"samples":[{"resource":"a","metric":"requests","at":"1970-01-01T00:00:01Z","value":2}],
            "series":[{"resource":"b","metric":"cpu_cores","start":"1970-01-01T00:01:00Z","step_ms":60000,"values":[1.5,null]}]}"#;
        let samples = decode(body.as_bytes(), 3).expect("decodes");
        let shown: Vec<_> = samples.iter().map(|s| (s.key.to_string(), s.at.0, s.value)).collect();
        assert_eq!(shown, [("a/requests".into(), 1_000, 2.0), ("b/cpu_cores".into(), 60_000, 1.5)]);
    }

    #[test]
    fn bad_bodies_say_where() {
        assert!(told("{").contains("line 1 column"), "{}", told("{"));
        for (body, expected) in [
            (r#"{"sample":[]}"#, "unknown field `sample`"),
            (r#"{"samples":[{"resource":"a","metric":"load","at":"1970-01-01T00:00:01Z","value":2}]}"#, "`load`"),
            (r#"{"samples":[{"resource":"a b","metric":"requests","at":"1970-01-01T00:00:01Z","value":2}]}"#, "`a b`"),
            (r#"{"samples":[{"resource":"a","metric":"requests","at":"now","value":2}]}"#, "`now` is not an RFC 3339"),
            (r#"{"samples":[{"resource":"a","metric":"requests","at":"1970-01-01T00:00:01Z","value":null}]}"#, "null"),
            (
                r#"{"series":[{"resource":"a","metric":"requests","start":"1970-01-01T00:00:01Z","step_ms":0,"values":[1]}]}"#,
                "series 0 (a/requests): step_ms",
            ),
            (
                r#"{"series":[{"resource":"a","metric":"requests","start":"1970-01-01T00:00:01Z","step_ms":1,"values":[1,2,3,4]}]}"#,
                "4 samples, the limit is 3",
            ),
        ] {
            assert!(told(body).contains(expected), "{}", told(body));
        }
    }
}
