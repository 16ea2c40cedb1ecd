//! Rows that have no type in the domain: intents, tokens, and what the series' storage is made of.

use forewarm_domain::id::{IdempotencyToken, InstanceId, PersonaName, PluginName, TenantName};
use forewarm_domain::plugin::DriverOperation;
use forewarm_domain::series::SeriesKey;
use forewarm_domain::time::TimestampMs;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A driver operation that is recorded before it is sent, so that a host killed at any point repeats it under the same
/// token instead of forgetting or doubling it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Intent {
    /// Names the operation to the driver.
    #[schema(value_type = String, format = Uuid)]
    pub token: IdempotencyToken,
    /// The instance that it acts on.
    pub instance: InstanceId,
    /// What the instance is an instance of.
    pub persona: PersonaName,
    /// Who carries it out.
    pub driver: PluginName,
    /// What is to be done.
    pub operation: DriverOperation,
    /// When it was decided.
    pub created_at: TimestampMs,
    /// How often it was sent so far.
    pub attempts: u32,
    /// When it is sent next, at the earliest.
    pub next_attempt_at: TimestampMs,
    /// What the last attempt failed with, if one did.
    pub last_error: Option<String>,
}

/// An access token as it is kept: its secret only as a digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenRecord {
    /// Its name, unique in one installation.
    pub name: String,
    /// The SHA-256 digest of the secret.
    pub sha256: [u8; 32],
    /// What it allows.
    pub scope: Scope,
    /// The one tenant that it speaks for; `None` for all.
    pub tenant: Option<TenantName>,
    /// When it was made.
    pub created_at: TimestampMs,
    /// When it stops being valid by itself, if it does.
    pub expires_at: Option<TimestampMs>,
    /// When it was revoked, if it was.
    pub revoked_at: Option<TimestampMs>,
}

/// What an access token allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Everything, tokens included.
    Admin,
    /// Personas, plugins, ingest and all claims.
    Operator,
    /// Claims of one tenant.
    Tenant,
    /// Looking only.
    Read,
}

impl Scope {
    /// The name used in the API and in the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Operator => "operator",
            Self::Tenant => "tenant",
            Self::Read => "read",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Admin, Self::Operator, Self::Tenant, Self::Read].into_iter().find(|scope| scope.as_str() == text)
    }
}

/// The number by which journal and chunks call a series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeriesRecord {
    /// The number, unique in one store.
    pub id: u32,
    /// The series.
    pub key: SeriesKey,
}

/// A sealed span of one series: never changed once written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkRecord {
    /// Whose.
    pub series: u32,
    /// The beginning of its first step.
    pub start: TimestampMs,
    /// The end of its last step.
    pub end: TimestampMs,
    /// How many of its steps were measured.
    pub measured: u32,
    /// Its values, encoded, compressed and with a checksum.
    pub data: Vec<u8>,
}

/// What is sealed of one series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealedSpan {
    /// Whose.
    pub series: u32,
    /// The beginning of the first sealed step.
    pub start: TimestampMs,
    /// The end of the last sealed step.
    pub end: TimestampMs,
    /// Sealed steps that were measured.
    pub measured: u64,
}

/// Samples of one group of batches, acknowledged together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalRecord {
    /// Its place in the order of acknowledgement, rising.
    pub seq: i64,
    /// The samples, encoded and with a checksum.
    pub data: Vec<u8>,
}
