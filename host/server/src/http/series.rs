//! `/v1/series`: what was measured.

use super::auth::Caller;
use super::parameters::{InQuery, limit};
use super::problem::{Problem, ProblemKind};
use super::state::AppState;
use crate::ingest::{IngestError, SeriesInfo};
use axum::Json;
use axum::extract::State;
use forewarm_domain::id::ResourceName;
use forewarm_domain::series::{Metric, Series, SeriesKey};
use forewarm_domain::time::TimestampMs;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(values))
}

/// Which series.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Filter {
    /// Only resources whose names begin so.
    prefix: Option<String>,
    /// Only this metric.
    metric: Option<Metric>,
    /// Leaves out so many.
    offset: Option<u32>,
    /// At most so many, 1 to 1000; 100 unless given.
    limit: Option<u32>,
}

/// Part of the list of series, in the order of first arrival.
#[derive(Debug, Serialize, ToSchema)]
struct SeriesPage {
    /// The series.
    series: Vec<SeriesInfo>,
    /// How many fit in all.
    total: usize,
}

/// Lists the series of which something was measured.
#[utoipa::path(get, path = "/v1/series", operation_id = "list_series", tag = "series", params(Filter), responses((status = 200, body = SeriesPage)))]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    InQuery(filter): InQuery<Filter>,
) -> Result<Json<SeriesPage>, Problem> {
    caller.may_read()?;
    let limit = limit(filter.limit, 100, 1_000)?;
    let prefix = filter.prefix.unwrap_or_default();
    let fits = |info: &SeriesInfo| {
        info.key.resource.as_str().starts_with(&prefix) && filter.metric.is_none_or(|metric| info.key.metric == metric)
    };
    let fitting: Vec<SeriesInfo> = state.core.series().keys().into_iter().filter(fits).collect();
    let total = fitting.len();
    let series = fitting.into_iter().skip(filter.offset.unwrap_or(0) as usize).take(limit).collect();
    Ok(Json(SeriesPage { series, total }))
}

/// Which values of a series.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Span {
    /// Of which resource.
    resource: ResourceName,
    /// Which of its metrics.
    metric: Metric,
    /// From the step of this instant on; `limit` steps before `to` unless given.
    from: Option<TimestampMs>,
    /// Up to the step of this instant; now unless given.
    to: Option<TimestampMs>,
    /// At most so many steps, the newest of the span: 1 to 100000; 1440 unless given.
    limit: Option<u32>,
}

/// Gives the values of a series, one per step, `null` where nothing was measured.
#[utoipa::path(get, path = "/v1/series/values", operation_id = "get_series_values", tag = "series", params(Span), responses((status = 200, body = Series)))]
async fn values(
    State(state): State<AppState>,
    caller: Caller,
    InQuery(span): InQuery<Span>,
) -> Result<Json<Series>, Problem> {
    caller.may_read()?;
    let steps = limit(span.limit, 1_440, 100_000)? as i64;
    let step_ms = state.core.settings().step_ms;
    let to = span.to.unwrap_or_else(|| state.core.clock().now());
    let earliest = to - steps.saturating_mul(step_ms);
    let from = span.from.map_or(earliest, |from| from.max(earliest));
    if from >= to {
        return Err(Problem::new(ProblemKind::InvalidParameter, "the query is not valid: `from` must lie before `to`"));
    }
    let key = SeriesKey { resource: span.resource, metric: span.metric };
    Ok(Json(state.core.series().history(&key, from, to).await?))
}

impl From<IngestError> for Problem {
    fn from(error: IngestError) -> Self {
        let detail = error.to_string();
        match error {
            IngestError::UnknownSeries(_) => Self::new(ProblemKind::NotFound, detail),
            IngestError::SpanTooLong { .. } => Self::new(ProblemKind::InvalidParameter, detail),
            IngestError::BatchTooLarge { .. } => Self::new(ProblemKind::BodyTooLarge, detail),
            IngestError::Store(error) => error.into(),
            IngestError::Closed => Self::new(ProblemKind::Unavailable, detail),
            IngestError::Config { .. } | IngestError::GridChanged { .. } => Self::internal(detail),
        }
    }
}
