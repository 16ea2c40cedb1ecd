//! What stands for a persona at present: plan, forecast, anomalies, instances; and what its hours came to.

use crate::core::{Anomaly, DayForecast, PlanCosts, Spent};
use crate::http::auth::Caller;
use crate::http::parameters::{InPath, InQuery, persona};
use crate::http::problem::{Problem, ProblemKind};
use crate::http::state::AppState;
use axum::Json;
use axum::extract::State;
use forewarm_domain::forecast::Fan;
use forewarm_domain::id::PersonaName;
use forewarm_domain::instance::Instance;
use forewarm_domain::outcome::Outcome;
use forewarm_domain::plan::Plan;
use forewarm_domain::policy::{Standing, Switch};
use forewarm_domain::time::{DAY_MS, HOUR_MS, TimestampMs};
use serde::Deserialize;
use std::sync::Arc;

/// The longest span of outcomes in one answer.
const OUTCOMES_MS_MAX: i64 = 92 * DAY_MS;

/// Gives the newest plan: how many instances are wanted, and why.
#[utoipa::path(
    get,
    path = "/v1/personas/{name}/plan",
    tag = "personas",
    operation_id = "get_plan",
    params(("name" = PersonaName, Path, description = "The persona")),
    responses((status = 200, body = Plan))
)]
pub(super) async fn plan(
    State(state): State<AppState>,
    caller: Caller,
    InPath(name): InPath<PersonaName>,
) -> Result<Json<Arc<Plan>>, Problem> {
    caller.may_read()?;
    persona(&state, &name)?;
    let missing = || not_yet(format!("{name} has not been planned yet: the next planning round does"));
    state.core.plan(&name).map(Json).ok_or_else(missing)
}

/// Gives how the rules that compete for the persona stand: what each wants and what following it would have cost of late,
/// the one that decides first. Empty under a policy that is one rule.
#[utoipa::path(
    get,
    path = "/v1/personas/{name}/policies",
    tag = "personas",
    operation_id = "list_policies",
    params(("name" = PersonaName, Path, description = "The persona")),
    responses((status = 200, body = Vec<Standing>))
)]
pub(super) async fn policies(
    State(state): State<AppState>,
    caller: Caller,
    InPath(name): InPath<PersonaName>,
) -> Result<Json<Vec<Standing>>, Problem> {
    caller.may_read()?;
    persona(&state, &name)?;
    Ok(Json(state.core.standings(&name)))
}

/// Gives what the newest plan is expected to cost over the forecast's horizon, and what it would have been and cost under
/// every other rule, within the same bounds.
#[utoipa::path(
    get,
    path = "/v1/personas/{name}/plan/costs",
    tag = "personas",
    operation_id = "get_plan_costs",
    params(("name" = PersonaName, Path, description = "The persona")),
    responses((status = 200, body = PlanCosts))
)]
pub(super) async fn plan_costs(
    State(state): State<AppState>,
    caller: Caller,
    InPath(name): InPath<PersonaName>,
) -> Result<Json<PlanCosts>, Problem> {
    caller.may_read()?;
    let spec = persona(&state, &name)?;
    let missing = || not_yet(format!("{name} has not been planned yet: the next planning round does"));
    state.core.plan_costs(&spec).await.map(Json).ok_or_else(missing)
}

/// Gives the last changes of the rule that decides for the persona, each with its reason, at most 100, the newest first.
/// They are kept over a restart.
#[utoipa::path(
    get,
    path = "/v1/personas/{name}/policies/switches",
    tag = "personas",
    operation_id = "list_policy_switches",
    params(("name" = PersonaName, Path, description = "The persona")),
    responses((status = 200, body = Vec<Switch>))
)]
pub(super) async fn switches(
    State(state): State<AppState>,
    caller: Caller,
    InPath(name): InPath<PersonaName>,
) -> Result<Json<Vec<Switch>>, Problem> {
    caller.may_read()?;
    persona(&state, &name)?;
    Ok(Json(state.core.switches(&name)))
}

/// Gives the newest forecast of the load: `values` has one row per step ahead and one column per level.
#[utoipa::path(
    get,
    path = "/v1/personas/{name}/forecast",
    tag = "personas",
    operation_id = "get_forecast",
    params(("name" = PersonaName, Path, description = "The persona")),
    responses((status = 200, body = Fan))
)]
pub(super) async fn forecast(
    State(state): State<AppState>,
    caller: Caller,
    InPath(name): InPath<PersonaName>,
) -> Result<Json<Arc<Fan>>, Problem> {
    caller.may_read()?;
    persona(&state, &name)?;
    let missing = || not_yet(format!("there is no forecast for {name}: its plan says why"));
    state.core.forecast(&name).map(Json).ok_or_else(missing)
}

/// Gives the newest forecast of the coming days, in hours: the combination, what each forecaster counts in it and why,
/// and what repeats in the load.
#[utoipa::path(
    get,
    path = "/v1/personas/{name}/forecast/days",
    tag = "personas",
    operation_id = "get_day_forecast",
    params(("name" = PersonaName, Path, description = "The persona")),
    responses((status = 200, body = DayForecast))
)]
pub(super) async fn day_forecast(
    State(state): State<AppState>,
    caller: Caller,
    InPath(name): InPath<PersonaName>,
) -> Result<Json<DayForecast>, Problem> {
    caller.may_read()?;
    persona(&state, &name)?;
    let missing = |why| not_yet(format!("the coming days of {name} are not forecast: {why}"));
    state.core.day_forecast(&name).map(Json).map_err(missing)
}

/// Gives the newest anomalies of the load, at most 100, the newest first.
#[utoipa::path(
    get,
    path = "/v1/personas/{name}/anomalies",
    tag = "personas",
    operation_id = "list_anomalies",
    params(("name" = PersonaName, Path, description = "The persona")),
    responses((status = 200, body = Vec<Anomaly>))
)]
pub(super) async fn anomalies(
    State(state): State<AppState>,
    caller: Caller,
    InPath(name): InPath<PersonaName>,
) -> Result<Json<Vec<Anomaly>>, Problem> {
    caller.may_read()?;
    persona(&state, &name)?;
    Ok(Json(state.core.anomalies(&name)))
}

/// Gives the instances, the oldest first.
#[utoipa::path(
    get,
    path = "/v1/personas/{name}/instances",
    tag = "personas",
    operation_id = "list_instances",
    params(("name" = PersonaName, Path, description = "The persona")),
    responses((status = 200, body = Vec<Instance>))
)]
pub(super) async fn instances(
    State(state): State<AppState>,
    caller: Caller,
    InPath(name): InPath<PersonaName>,
) -> Result<Json<Vec<Instance>>, Problem> {
    caller.may_read()?;
    persona(&state, &name)?;
    Ok(Json(state.core.instances(&name)))
}

/// A span of time.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Span {
    /// From the hour of this instant on; a day before `to` unless given.
    from: Option<TimestampMs>,
    /// Up to, not including, this instant; the end of the present hour unless given.
    to: Option<TimestampMs>,
}

/// Gives what the hours of a span came to: claims, waits, idle and unserved instance-steps, and how good the forecasts were.
#[utoipa::path(
    get,
    path = "/v1/personas/{name}/outcomes",
    tag = "personas",
    operation_id = "list_outcomes",
    params(("name" = PersonaName, Path, description = "The persona"), Span),
    responses((status = 200, body = Vec<Outcome>))
)]
pub(super) async fn outcomes(
    State(state): State<AppState>,
    caller: Caller,
    InPath(name): InPath<PersonaName>,
    InQuery(span): InQuery<Span>,
) -> Result<Json<Vec<Outcome>>, Problem> {
    caller.may_read()?;
    persona(&state, &name)?;
    let to = span.to.unwrap_or_else(|| state.core.clock().now() + HOUR_MS);
    let from = span.from.unwrap_or(to - DAY_MS).floor(HOUR_MS);
    if from >= to || to.since(from) > OUTCOMES_MS_MAX {
        let detail = "the query is not valid: `from` must lie before `to`, by 92 days at most";
        return Err(Problem::new(ProblemKind::InvalidParameter, detail));
    }
    Ok(Json(state.core.outcomes(&name, from, to).await?))
}

/// Gives what the instances have cost in the present day, week and month, and what is left of the budget.
#[utoipa::path(
    get,
    path = "/v1/personas/{name}/spent",
    tag = "personas",
    operation_id = "get_spent",
    params(("name" = PersonaName, Path, description = "The persona")),
    responses((status = 200, body = Vec<Spent>))
)]
pub(super) async fn spent(
    State(state): State<AppState>,
    caller: Caller,
    InPath(name): InPath<PersonaName>,
) -> Result<Json<[Spent; 3]>, Problem> {
    caller.may_read()?;
    let persona = persona(&state, &name)?;
    Ok(Json(state.core.spent(&persona)))
}

fn not_yet(detail: String) -> Problem {
    Problem::new(ProblemKind::NotFound, detail)
}
