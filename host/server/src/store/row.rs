//! From the domain's values to rows and back. Nested values are JSON text, the same in both databases.

use super::entity::{calendar, chunk, claim, instance, intent, journal, lent, outcome, persona, plan, series, token};
use super::error::StoreError;
use super::lent::Lent;
use super::record::{ChunkRecord, Intent, JournalRecord, Scope, SeriesRecord, TokenRecord};
use forewarm_domain::calendar::{Entry, Spanned};
use forewarm_domain::instance::{Claim, ClaimState, Instance};
use forewarm_domain::outcome::Outcome;
use forewarm_domain::persona::Persona;
use forewarm_domain::plan::Plan;
use forewarm_domain::series::SeriesKey;
use forewarm_domain::time::TimestampMs;
use serde::Serialize;
use serde::de::DeserializeOwned;

fn json<T: Serialize>(what: &str, value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Refused(format!("{what} has no JSON form: {error}")))
}

pub(crate) fn parse<T: DeserializeOwned>(what: &str, body: &str) -> Result<T, StoreError> {
    serde_json::from_str(body).map_err(|error| StoreError::corrupt(what, error))
}

/// The names of a claim's states, as in the column `state`.
pub(crate) const WAITING: &str = "waiting";
pub(crate) const SERVED: &str = "served";
pub(crate) const ENDED: &str = "ended";

fn claim_state(state: &ClaimState) -> &'static str {
    match state {
        ClaimState::Waiting { .. } => WAITING,
        ClaimState::Served { .. } => SERVED,
        ClaimState::Ended { .. } => ENDED,
    }
}

pub(crate) fn from_persona(persona: &Persona) -> Result<persona::Model, StoreError> {
    Ok(persona::Model {
        name: persona.spec.name.to_string(),
        version: persona.version.into(),
        applied_at: persona.applied_at.0,
        applied_by: persona.applied_by.clone(),
        spec: json("a persona", &persona.spec)?,
    })
}

pub(crate) fn to_persona(row: persona::Model) -> Result<Persona, StoreError> {
    let what = || format!("version {} of persona {}", row.version, row.name);
    Ok(Persona {
        version: u32::try_from(row.version).map_err(|error| StoreError::corrupt(what(), error))?,
        applied_at: TimestampMs(row.applied_at),
        spec: parse(&what(), &row.spec)?,
        applied_by: row.applied_by,
    })
}

pub(crate) fn from_instance(instance: &Instance) -> Result<instance::Model, StoreError> {
    Ok(instance::Model {
        id: instance.id.0,
        persona: instance.persona.to_string(),
        state: instance.state.as_str().to_owned(),
        body: json("an instance", instance)?,
        placement: instance.placement.as_ref().map(ToString::to_string),
    })
}

pub(crate) fn from_claim(claim: &Claim) -> Result<claim::Model, StoreError> {
    Ok(claim::Model {
        id: claim.id.0,
        persona: claim.persona.to_string(),
        tenant: claim.tenant.to_string(),
        idempotency_key: claim.idempotency_key.clone(),
        state: claim_state(&claim.state).to_owned(),
        requested_at: claim.requested_at.0,
        body: json("a claim", claim)?,
    })
}

pub(crate) fn to_claim(row: &claim::Model) -> Result<Claim, StoreError> {
    parse(&format!("claim {}", row.id), &row.body)
}

pub(crate) fn from_lent(lent: &Lent) -> Result<lent::Model, StoreError> {
    Ok(lent::Model {
        lease: lent.lease.0,
        persona: lent.persona.to_string(),
        // It is not over before everything of it is told.
        ended_at: lent.ended_at.filter(|_| lent.untold.is_empty()).map(|at| at.0),
        body: json("a lease", lent)?,
    })
}

pub(crate) fn to_lent(row: &lent::Model) -> Result<Lent, StoreError> {
    parse(&format!("lease {}", row.lease), &row.body)
}

pub(crate) fn from_intent(intent: &Intent) -> Result<intent::Model, StoreError> {
    Ok(intent::Model {
        token: intent.token.0,
        instance: intent.instance.0,
        persona: intent.persona.to_string(),
        next_attempt_at: intent.next_attempt_at.0,
        body: json("an intent", intent)?,
    })
}

pub(crate) fn from_plan(plan: &Plan) -> Result<plan::Model, StoreError> {
    let lean = Plan {
        levels: Vec::new(),
        reasons: plan.reasons.clone(),
        persona: plan.persona.clone(),
        placements: plan.placements.clone(),
        ..*plan
    };
    Ok(plan::Model { persona: plan.persona.to_string(), at: plan.at.0, body: json("a plan", &lean)? })
}

pub(crate) fn from_outcome(outcome: &Outcome) -> Result<outcome::Model, StoreError> {
    let body = json("an outcome", outcome)?;
    Ok(outcome::Model { persona: outcome.persona.to_string(), hour: outcome.hour.0, body })
}

pub(crate) fn from_token(token: &TokenRecord) -> token::Model {
    token::Model {
        name: token.name.clone(),
        sha256: token.sha256.to_vec(),
        scope: token.scope.as_str().to_owned(),
        tenant: token.tenant.as_ref().map(ToString::to_string),
        created_at: token.created_at.0,
        expires_at: token.expires_at.map(|at| at.0),
        revoked_at: token.revoked_at.map(|at| at.0),
    }
}

pub(crate) fn to_token(row: token::Model) -> Result<TokenRecord, StoreError> {
    let corrupt = |detail: &str| StoreError::corrupt(format!("token {}", row.name), detail);
    let sha256 = row.sha256.as_slice().try_into().map_err(|_| corrupt("its digest is not of 32 bytes"))?;
    let scope = Scope::parse(&row.scope).ok_or_else(|| corrupt("its scope is unknown"))?;
    let tenant = row.tenant.as_deref().map(str::parse).transpose().map_err(|_| corrupt("its tenant is no name"))?;
    Ok(TokenRecord {
        sha256,
        scope,
        tenant,
        created_at: TimestampMs(row.created_at),
        expires_at: row.expires_at.map(TimestampMs),
        revoked_at: row.revoked_at.map(TimestampMs),
        name: row.name,
    })
}

pub(crate) fn from_entry(entry: &Entry) -> Result<calendar::Model, StoreError> {
    Ok(calendar::Model {
        kind: entry.what.kind().as_str().to_owned(),
        name: entry.name.to_string(),
        until: entry.what.until().0,
        body: json("an entry of the calendar", entry)?,
    })
}

pub(crate) fn from_series(series: &SeriesRecord) -> series::Model {
    series::Model {
        id: series.id.into(),
        resource: series.key.resource.to_string(),
        metric: series.key.metric.to_string(),
    }
}

pub(crate) fn to_series(row: &series::Model) -> Result<SeriesRecord, StoreError> {
    let what = || format!("series {}", row.id);
    let resource = row.resource.parse().map_err(|error| StoreError::corrupt(what(), error))?;
    let metric = row.metric.parse().map_err(|error| StoreError::corrupt(what(), error))?;
    Ok(SeriesRecord { id: series_id(row.id)?, key: SeriesKey { resource, metric } })
}

pub(crate) fn series_id(id: i64) -> Result<u32, StoreError> {
    u32::try_from(id).map_err(|error| StoreError::corrupt(format!("series {id}"), error))
}

pub(crate) fn from_chunk(chunk: &ChunkRecord) -> chunk::Model {
    chunk::Model {
        series: chunk.series.into(),
        start: chunk.start.0,
        end: chunk.end.0,
        measured: chunk.measured.into(),
        data: chunk.data.clone(),
    }
}

pub(crate) fn to_chunk(row: chunk::Model) -> Result<ChunkRecord, StoreError> {
    let measured = u32::try_from(row.measured);
    Ok(ChunkRecord {
        series: series_id(row.series)?,
        start: TimestampMs(row.start),
        end: TimestampMs(row.end),
        measured: measured.map_err(|error| StoreError::corrupt("a chunk", error))?,
        data: row.data,
    })
}

pub(crate) fn from_journal(journal: &JournalRecord) -> journal::Model {
    journal::Model { seq: journal.seq, data: journal.data.clone() }
}
