//! A webhook as it is kept: where it leads, what it wants to hear, how far it has come.

use super::sign::SigningSecret;
use super::target::Target;
use crate::model::{MarketTopic, OutboxEvent};
use forewarm_domain::id::TenantName;
use forewarm_domain::time::TimestampMs;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::ToSchema;
use uuid::Uuid;

/// A webhook of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Names it.
    pub id: Uuid,
    /// Whose events it gets: this cost centre's, those of all below it, and those for everybody.
    pub tenant: TenantName,
    /// Where it leads.
    pub target: Target,
    /// What it wants to hear of.
    pub topics: Vec<MarketTopic>,
    /// What deliveries are signed with.
    pub secret: SigningSecret,
    /// When it was made.
    pub created_at: TimestampMs,
    /// By whom.
    pub created_by: String,
    /// How far it has come.
    pub progress: Progress,
}

/// How far a webhook has come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// Everything up to this event was delivered, given up or is of no concern.
    pub sequence: i64,
    /// Events that were delivered.
    pub delivered: u64,
    /// Events that were given up.
    pub given_up: u64,
    /// What went wrong last, while the next event is not delivered.
    pub failing: Option<Failing>,
    /// When the receiver wanted no more.
    pub switched_off_at: Option<TimestampMs>,
}

/// A delivery that has not succeeded yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Failing {
    /// The event.
    pub sequence: i64,
    /// When it was first tried.
    pub since: TimestampMs,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried again.
    pub next_at: TimestampMs,
    /// What went wrong last.
    pub error: String,
}

/// How a webhook is written to the store.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoredWebhook {
    id: Uuid,
    tenant: TenantName,
    url: String,
    topics: Vec<MarketTopic>,
    secret: String,
    created_at: TimestampMs,
    created_by: String,
    progress: Progress,
}

impl From<&Webhook> for StoredWebhook {
    fn from(webhook: &Webhook) -> Self {
        Self {
            id: webhook.id,
            tenant: webhook.tenant.clone(),
            url: webhook.target.as_str().to_owned(),
            topics: webhook.topics.clone(),
            secret: webhook.secret.expose(),
            created_at: webhook.created_at,
            created_by: webhook.created_by.clone(),
            progress: webhook.progress.clone(),
        }
    }
}

impl TryFrom<StoredWebhook> for Webhook {
    type Error = String;

    fn try_from(stored: StoredWebhook) -> Result<Self, String> {
        let StoredWebhook { id, tenant, url, topics, secret, created_at, created_by, progress } = stored;
        let target = Target::parse(&url).map_err(|error| format!("webhook {id}: {error}"))?;
        let secret = SigningSecret::parse(&secret).ok_or_else(|| format!("webhook {id} has no secret"))?;
        Ok(Self { id, tenant, target, topics, secret, created_at, created_by, progress })
    }
}

impl Webhook {
    /// Whether it is to hear of `event`; `below` are its tenant and all cost centres below.
    #[must_use]
    pub fn wants(&self, event: &OutboxEvent, below: &BTreeSet<TenantName>) -> bool {
        self.topics.contains(&event.topic) && event.tenant.as_ref().is_none_or(|tenant| below.contains(tenant))
    }
}

/// What a receiver gets, as Standard Webhooks has it.
#[derive(Debug, Serialize)]
pub struct Payload<'a> {
    /// What kind of thing happened.
    #[serde(rename = "type")]
    kind: &'a str,
    /// When it happened.
    timestamp: TimestampMs,
    /// What it was.
    data: PayloadData<'a>,
}

/// What happened.
#[derive(Debug, Serialize)]
struct PayloadData<'a> {
    /// The event: the same at every attempt, and in the header `webhook-id`.
    id: Uuid,
    /// Rises with every event of the market.
    sequence: i64,
    /// Whom it concerns; none is everybody.
    tenant: Option<&'a str>,
    /// The order, lease, round or account that it is about.
    subject: &'a str,
    /// Particulars of the topic.
    details: &'a serde_json::Value,
}

impl<'a> From<&'a OutboxEvent> for Payload<'a> {
    fn from(event: &'a OutboxEvent) -> Self {
        let data = PayloadData {
            id: event.id,
            sequence: event.sequence,
            tenant: event.tenant.as_ref().map(TenantName::as_str),
            subject: &event.subject,
            details: &event.data,
        };
        Self { kind: event.topic.as_str(), timestamp: event.at, data }
    }
}
