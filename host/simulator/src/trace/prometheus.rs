//! What Prometheus answers to a range query (`/api/v1/query_range`, or `promtool query range --format=json` wrapped by the
//! HTTP API): a matrix, of which each series is a trace.

use super::{Trace, TraceError};
use forewarm_domain::time::TimestampMs;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::Read;

/// The most series that are taken out of one answer.
const SERIES_MAX: usize = 1_000;

#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    Whole(Whole),
    /// What `promtool` prints: the result alone.
    Result(Vec<Matrix>),
}

#[derive(Deserialize)]
struct Whole {
    status: String,
    error: Option<String>,
    data: Option<Data>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    result_type: String,
    result: serde_json::Value,
}

#[derive(Deserialize)]
struct Matrix {
    #[serde(default)]
    metric: BTreeMap<String, String>,
    values: Vec<(f64, String)>,
}

impl Trace {
    /// Reads the series of an answer to a range query. One series is called `name`; of several each has its place behind
    /// that, such as `name-2`.
    ///
    /// # Errors
    /// [`TraceError`] with the first series and sample that does not fit and what would be right.
    pub fn read_prometheus(name: &str, reader: impl Read) -> Result<Vec<Self>, TraceError> {
        let expected = |what: String| {
            TraceError::Prometheus(format!(
                "{what}; expected the answer to a range query: {{\"status\":\"success\",\"data\":{{\"resultType\":\"matrix\",\"result\":[{{\"metric\":{{}},\"values\":[[1700000000,\"41.5\"]]}}]}}}}"
            ))
        };
        let answer: Answer = serde_json::from_reader(reader).map_err(|error| expected(error.to_string()))?;
        let series = match answer {
            Answer::Result(series) => series,
            Answer::Whole(Whole { data: Some(data), .. }) if data.result_type == "matrix" => {
                serde_json::from_value(data.result).map_err(|error| expected(error.to_string()))?
            }
            Answer::Whole(Whole { data: Some(data), .. }) => {
                return Err(expected(format!("the answer is a {}: ask for a range of time", data.result_type)));
            }
            Answer::Whole(Whole { status, error, .. }) => {
                return Err(expected(format!("Prometheus answered `{status}`: {}", error.unwrap_or_default())));
            }
        };
        match series.len() {
            0 => Err(expected("the answer has no series: the query matched nothing in that time".into())),
            1 => series.iter().map(|one| read(name, one)).collect(),
            2..=SERIES_MAX => (1..).zip(&series).map(|(place, one)| read(&format!("{name}-{place}"), one)).collect(),
            many => Err(expected(format!("the answer has {many} series, over {SERIES_MAX}: narrow the query"))),
        }
    }
}

fn read(name: &str, series: &Matrix) -> Result<Trace, TraceError> {
    let labels = || {
        let labels: Vec<String> = series.metric.iter().map(|(label, value)| format!("{label}=\"{value}\"")).collect();
        format!("the series {{{}}}", labels.join(","))
    };
    let mut trace = Trace::empty(name);
    let mut last = None;
    for (index, (seconds, text)) in series.values.iter().enumerate() {
        let sample = index + 1;
        let at = |detail: String| TraceError::Sample { series: labels(), sample, detail };
        let value: f64 =
            text.parse().map_err(|_| at(format!("`{text}` is not a number in quotes, such as \"41.5\"")))?;
        let instant = TimestampMs((seconds * 1_000.0).round() as i64);
        // The rules are those of a file's rows, whose place has another name here.
        trace.take(instant, value, &mut last, sample as u64).map_err(|cause| {
            let text = cause.to_string();
            at(text.strip_prefix(&format!("line {sample}: ")).unwrap_or(&text).to_owned())
        })?;
    }
    if series.values.len() < 2 {
        return Err(TraceError::TooShort { rows: series.values.len() });
    }
    Ok(trace)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<(String, Vec<f64>)>, String> {
        let traces = Trace::read_prometheus("web", text.as_bytes()).map_err(|error| error.to_string())?;
        Ok(traces.into_iter().map(|trace| (trace.name, trace.values)).collect())
    }

    fn answer(result: &str) -> String {
        format!(r#"{{"status":"success","data":{{"resultType":"matrix","result":{result}}}}}"#)
    }

    #[test]
    fn every_series_of_a_matrix_is_a_trace() {
        let one = r#"{"metric":{"job":"web"},"values":[[1700000040,"1"],[1700000100.5,"2.5"]]}"#;
        let alone = vec![("web".to_owned(), vec![1.0, 2.5])];
        assert_eq!(read(&answer(&format!("[{one}]"))), Ok(alone.clone()));
        assert_eq!(read(&format!("[{one}]")), Ok(alone), "promtool prints the result alone");
        let names: Vec<String> =
            read(&answer(&format!("[{one},{one}]"))).expect("two").into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["web-1", "web-2"]);
    }

    #[test]
    fn what_is_no_history_is_told() {
        for (text, part) in [
            (r#"{"status":"error","error":"parse error"}"#.to_owned(), "answered `error`: parse error"),
            (answer("[]"), "no series"),
            (
                answer(r#"[{"metric":{"a":"b"},"values":[[1,"1"],[2,"x"]]}]"#),
                "{a=\"b\"}, sample 2: `x` is not a number",
            ),
            (answer(r#"[{"metric":{},"values":[[1,"1"],[2,"NaN"]]}]"#), "sample 2: the value NaN"),
            (answer(r#"[{"metric":{},"values":[[2,"1"],[1,"1"]]}]"#), "is not after"),
            (answer(r#"[{"metric":{},"values":[[2,"1"]]}]"#), "at least 2"),
            (r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#.to_owned(), "is a vector"),
            ("timestamp,value".to_owned(), "expected the answer to a range query"),
        ] {
            let error = read(&text).expect_err(part);
            assert!(error.contains(part), "{error}");
        }
    }
}
