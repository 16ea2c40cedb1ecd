//! Measurements in: as JSON, as CSV, and from Prometheus.

use super::auth::Caller;
use super::body::{self, expect_type, malformed_json};
use super::parameters::InQuery;
use super::problem::{Problem, ProblemKind};
use super::state::AppState;
use crate::ingest::csv::{self, CsvDefaults, CsvError};
use crate::ingest::json::{self, IngestBody, JsonError};
use crate::ingest::prometheus::{RemoteWrite, RemoteWriteError};
use crate::ingest::{IngestReport, Sample};
use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use bytes::Bytes;
use forewarm_domain::id::ResourceName;
use forewarm_domain::series::Metric;
use serde::Deserialize;
use tower_http::decompression::RequestDecompressionLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    let packed = OpenApiRouter::new()
        .routes(routes!(from_json))
        .routes(routes!(from_csv))
        .layer(RequestDecompressionLayer::new().gzip(true));
    packed
        .merge(OpenApiRouter::new().routes(routes!(from_prometheus)).routes(routes!(from_prometheus_at_its_usual_path)))
}

/// Takes samples and whole series in. What is accepted is durable when the answer comes; what is refused is listed. The
/// body may be packed with gzip.
#[utoipa::path(
    post,
    path = "/v1/ingest/json",
    tag = "ingest",
    operation_id = "ingest_json",
    request_body = IngestBody,
    responses((status = 200, body = IngestReport))
)]
async fn from_json(
    State(state): State<AppState>,
    caller: Caller,
    request: Request,
) -> Result<Json<IngestReport>, Problem> {
    caller.may_operate()?;
    expect_type(request.headers(), &["application/json"])?;
    let body = measurements(request, &state).await?;
    let limit = state.samples_max;
    let samples = decode(move || {
        let body: IngestBody = serde_json::from_slice(&body).map_err(|error| refused_json(&error))?;
        Ok(json::into_samples(body, limit)?)
    });
    store(&state, "json", samples.await?).await.map(Json)
}

/// What a CSV file without such columns measures.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Defaults {
    /// The resource, where there is no column `resource`.
    resource: Option<ResourceName>,
    /// The metric, where there is no column `metric`.
    metric: Option<Metric>,
}

/// Takes a CSV file in, with the header `timestamp,value` or `resource,metric,timestamp,value`. Nothing of a file that
/// can't be read is stored. The body may be packed with gzip.
#[utoipa::path(
    post,
    path = "/v1/ingest/csv",
    tag = "ingest",
    operation_id = "ingest_csv",
    params(Defaults),
    request_body(content = String, content_type = "text/csv"),
    responses((status = 200, body = IngestReport))
)]
async fn from_csv(
    State(state): State<AppState>,
    caller: Caller,
    InQuery(defaults): InQuery<Defaults>,
    request: Request,
) -> Result<Json<IngestReport>, Problem> {
    caller.may_operate()?;
    expect_type(request.headers(), &["text/csv"])?;
    let body = measurements(request, &state).await?;
    let defaults = CsvDefaults { resource: defaults.resource, metric: defaults.metric };
    let samples = decode(move || Ok(csv::decode(body.as_ref(), defaults)?.collect::<Result<Vec<Sample>, CsvError>>()?));
    store(&state, "csv", samples.await?).await.map(Json)
}

/// Takes Prometheus' remote-write 1.0 in. Series that no mapping names are left aside; where samples are refused the
/// others are stored nevertheless.
#[utoipa::path(
    post,
    path = "/v1/ingest/prometheus",
    tag = "ingest",
    operation_id = "ingest_prometheus",
    request_body(content = Vec<u8>, content_type = "application/x-protobuf"),
    responses((status = 204, description = "Everything is stored or left aside"))
)]
async fn from_prometheus(
    State(state): State<AppState>,
    caller: Caller,
    request: Request,
) -> Result<StatusCode, Problem> {
    caller.may_operate()?;
    expect_remote_write(request.headers())?;
    let body = measurements(request, &state).await?;
    let decoding = state.clone();
    let RemoteWrite { samples, problems, problems_total, .. } =
        decode(move || Ok(decoding.remote_write.decode(&body)?)).await?;
    let report = store(&state, "prometheus", samples).await?;
    let refused = report.refused_total + problems_total;
    if refused == 0 {
        return Ok(StatusCode::NO_CONTENT);
    }
    let first = problems.first().map(|problem| format!("{}: {}", problem.labels, problem.reason));
    let first = first.or_else(|| report.refused.first().map(|refusal| format!("{}: {}", refusal.key, refusal.detail)));
    let detail = format!(
        "{refused} series or samples were refused, the others are stored; first: {}",
        first.unwrap_or_default()
    );
    // A 4xx tells Prometheus not to send the same again.
    Err(Problem::new(ProblemKind::InvalidBody, detail))
}

/// The same at the path that Prometheus' receivers usually have.
#[utoipa::path(
    post,
    path = "/api/v1/write",
    tag = "ingest",
    operation_id = "ingest_prometheus_write",
    request_body(content = Vec<u8>, content_type = "application/x-protobuf"),
    responses((status = 204, description = "Everything is stored or left aside"))
)]
async fn from_prometheus_at_its_usual_path(
    state: State<AppState>,
    caller: Caller,
    request: Request,
) -> Result<StatusCode, Problem> {
    from_prometheus(state, caller, request).await
}

fn expect_remote_write(headers: &HeaderMap) -> Result<(), Problem> {
    expect_type(headers, &["application/x-protobuf"])?;
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let second = text(header::CONTENT_TYPE).contains("io.prometheus.write.v2");
    let detail = if second {
        "this is remote-write 2.0: set protobuf_message: prometheus.WriteRequest in the sender's remote_write"
    } else if text(header::CONTENT_ENCODING).eq_ignore_ascii_case("snappy") {
        return Ok(());
    } else {
        "remote-write bodies are packed with snappy: send content-encoding: snappy"
    };
    Err(Problem::new(ProblemKind::UnsupportedMediaType, detail))
}

/// Decodes beside the threads that serve requests: a large body takes a while.
async fn decode<T: Send + 'static>(work: impl FnOnce() -> Result<T, Problem> + Send + 'static) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(Problem::internal)?
}

async fn store(state: &AppState, source: &'static str, samples: Vec<Sample>) -> Result<IngestReport, Problem> {
    let mut report = IngestReport::default();
    let mut samples = samples.into_iter();
    let mut offset = 0;
    loop {
        let batch: Vec<Sample> = samples.by_ref().take(state.samples_max).collect();
        if batch.is_empty() {
            break;
        }
        let count = batch.len();
        report.absorb(state.core.series().ingest(batch).await?, offset);
        offset += count;
    }
    state.metrics.ingested(source, report.accepted, report.refused_total);
    Ok(report)
}

fn refused_json(error: &serde_json::Error) -> Problem {
    if error.is_data() { Problem::new(ProblemKind::InvalidBody, error.to_string()) } else { malformed_json(error) }
}

impl From<JsonError> for Problem {
    fn from(error: JsonError) -> Self {
        let kind = match error {
            JsonError::Form(_) | JsonError::Step { .. } => ProblemKind::InvalidBody,
            JsonError::TooMany { .. } => ProblemKind::BodyTooLarge,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<CsvError> for Problem {
    fn from(error: CsvError) -> Self {
        Self::new(ProblemKind::InvalidBody, error.to_string())
    }
}

impl From<RemoteWriteError> for Problem {
    fn from(error: RemoteWriteError) -> Self {
        let kind = match error {
            RemoteWriteError::Snappy(_) | RemoteWriteError::Protobuf(_) => ProblemKind::MalformedBody,
            RemoteWriteError::TooLarge { .. } | RemoteWriteError::TooManySamples { .. } => ProblemKind::BodyTooLarge,
        };
        Self::new(kind, error.to_string())
    }
}

/// A body within the limit that measurements have, unpacked where a layer did so.
async fn measurements(request: Request, state: &AppState) -> Result<Bytes, Problem> {
    body::read(request, state.config.ingest_body_limit_kib, "http.ingest_body_limit_kib").await
}
