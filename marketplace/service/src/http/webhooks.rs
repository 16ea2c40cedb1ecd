//! `/v1/market/webhooks`: a tenant's own receivers of events.

use super::state::MarketState;
use crate::auth::Who;
use crate::model::{MarketTopic, Role};
use crate::webhooks::{Progress, SigningSecret, Target, URL_BYTES_MAX, Webhook};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use forewarm_domain::id::TenantName;
use forewarm_domain::time::TimestampMs;
use forewarm_web::body::{Checked, checked_body};
use forewarm_web::parameters::{InPath, InQuery};
use forewarm_web::{FieldError, Problem, ProblemKind};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub(super) fn routes() -> OpenApiRouter<MarketState> {
    OpenApiRouter::new().routes(routes!(create, list)).routes(routes!(get, remove))
}

/// A webhook that is asked for.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct WebhookBody {
    /// Whose events it gets; the token's own cost centre and all below it unless given.
    tenant: Option<TenantName>,
    /// Where it leads: https, to a public address or one that the operator allows.
    #[schema(min_length = 1, max_length = 2048)]
    url: String,
    /// What it is to hear of; of everything unless given.
    #[schema(min_items = 1, max_items = 32)]
    topics: Option<Vec<MarketTopic>>,
}

checked_body!(WebhookBody);

/// A webhook, without its secret.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct WebhookView {
    /// Names it.
    id: Uuid,
    /// Whose events it gets.
    tenant: TenantName,
    /// Where it leads.
    url: String,
    /// What it hears of.
    topics: Vec<MarketTopic>,
    /// When it was made.
    created_at: TimestampMs,
    /// By whom.
    created_by: String,
    /// How far it has come.
    progress: Progress,
}

impl From<Webhook> for WebhookView {
    fn from(webhook: Webhook) -> Self {
        let Webhook { id, tenant, target, topics, created_at, created_by, progress, .. } = webhook;
        Self { id, tenant, url: target.to_string(), topics, created_at, created_by, progress }
    }
}

/// A webhook and its secret, which is shown this once.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct CreatedWebhook {
    /// The webhook.
    webhook: WebhookView,
    /// What deliveries are signed with, as Standard Webhooks has it.
    secret: String,
}

/// Whose webhooks.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Of {
    /// The cost centre; the token's own unless given.
    tenant: Option<TenantName>,
}

/// Registers a webhook. Its secret is in the answer and can't be had again. It hears of what happens from now on.
#[utoipa::path(post, path = "/v1/market/webhooks", operation_id = "create_webhook", tag = "news", request_body = WebhookBody, responses((status = 201, body = CreatedWebhook)))]
async fn create(
    State(state): State<MarketState>,
    who: Who,
    Checked(body): Checked<WebhookBody>,
) -> Result<(StatusCode, Json<CreatedWebhook>), Problem> {
    who.must_be(&[Role::Buyer, Role::Owner])?;
    let tenant = who.tenant(body.tenant)?;
    known(&state, &who, &tenant).await?;
    let target = Target::parse(&body.url).map_err(|error| refused(&error))?;
    state.gate.check(&target).await.map_err(|error| refused(&error))?;
    let mut topics = body.topics.unwrap_or_else(|| MarketTopic::ALL.to_vec());
    topics.sort_unstable_by_key(|topic| topic.as_str());
    topics.dedup();
    let secret = SigningSecret::generate().map_err(Problem::internal)?;
    let progress = Progress { sequence: state.market.last_event().await?, ..Progress::default() };
    let webhook = Webhook {
        id: Uuid::now_v7(),
        tenant,
        target,
        topics,
        secret: secret.clone(),
        created_at: state.clock.now(),
        created_by: who.0.name.clone(),
        progress,
    };
    let most = state.webhook_config.max_per_tenant;
    if !state.webhooks.add(webhook.clone(), most).await? {
        let detail = format!("this tenant has {most} webhooks, as many as it may: remove one first");
        return Err(Problem::new(ProblemKind::Conflict, detail).with_code("too-many-webhooks"));
    }
    Ok((StatusCode::CREATED, Json(CreatedWebhook { webhook: webhook.into(), secret: secret.expose() })))
}

fn refused(error: &crate::webhooks::InvalidTarget) -> Problem {
    const { assert!(URL_BYTES_MAX == 2_048, "as in the schema") };
    let errors = vec![FieldError { pointer: "/url".to_owned(), detail: error.to_string() }];
    Problem::new(ProblemKind::InvalidBody, error.to_string()).with_errors(errors).with_code("invalid-webhook-url")
}

/// The webhooks of a cost centre that the caller speaks for.
async fn known(state: &MarketState, who: &Who, tenant: &TenantName) -> Result<(), Problem> {
    let own = super::offers::own(state, &who.0).await?;
    if own.contains(tenant) { Ok(()) } else { Err(not_found("cost centre", tenant)) }
}

fn not_found(kind: &str, name: &dyn std::fmt::Display) -> Problem {
    Problem::new(ProblemKind::NotFound, format!("there is no {kind} `{name}` here")).with_code("not-found")
}

/// Lists the webhooks of a cost centre, and how far each has come.
#[utoipa::path(get, path = "/v1/market/webhooks", operation_id = "list_webhooks", tag = "news", params(Of), responses((status = 200, body = Vec<WebhookView>)))]
async fn list(
    State(state): State<MarketState>,
    who: Who,
    InQuery(of): InQuery<Of>,
) -> Result<Json<Vec<WebhookView>>, Problem> {
    let tenant = who.tenant(of.tenant)?;
    known(&state, &who, &tenant).await?;
    Ok(Json(state.webhooks.list(Some(&tenant)).into_iter().map(WebhookView::from).collect()))
}

/// Gives one webhook, and how far it has come.
#[utoipa::path(get, path = "/v1/market/webhooks/{id}", operation_id = "get_webhook", tag = "news", params(("id" = Uuid, Path, description = "The webhook")), responses((status = 200, body = WebhookView)))]
async fn get(
    State(state): State<MarketState>,
    who: Who,
    InPath(id): InPath<Uuid>,
) -> Result<Json<WebhookView>, Problem> {
    Ok(Json(find(&state, &who, id).await?.into()))
}

/// Removes a webhook. What is under way still goes out.
#[utoipa::path(delete, path = "/v1/market/webhooks/{id}", operation_id = "remove_webhook", tag = "news", params(("id" = Uuid, Path, description = "The webhook")), responses((status = 200, body = WebhookView)))]
async fn remove(
    State(state): State<MarketState>,
    who: Who,
    InPath(id): InPath<Uuid>,
) -> Result<Json<WebhookView>, Problem> {
    let webhook = find(&state, &who, id).await?;
    who.must_be(&[Role::Buyer, Role::Owner])?;
    state.webhooks.remove(id).await?;
    Ok(Json(webhook.into()))
}

async fn find(state: &MarketState, who: &Who, id: Uuid) -> Result<Webhook, Problem> {
    let webhook = state.webhooks.find(id).ok_or_else(|| not_found("webhook", &id))?;
    known(state, who, &webhook.tenant).await.map_err(|_| not_found("webhook", &id))?;
    Ok(webhook)
}
