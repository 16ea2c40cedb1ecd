//! Claims: asking for an instance of a persona, giving it back, and what ends by itself.

use super::Core;
use super::pool::{Changes, NewClaim, Ways};
use crate::store::StoreError;
use forewarm_domain::id::{ClaimId, PersonaName, TenantName};
use forewarm_domain::instance::{Claim, EndCause};
use forewarm_domain::time::{SECOND_MS, TimestampMs};
use tracing::warn;
use uuid::Uuid;

/// The longest idempotency key in bytes.
const MAX_IDEMPOTENCY_KEY_BYTES: usize = 200;

/// What a caller asks for.
#[derive(Debug, Clone)]
pub struct ClaimRequest {
    /// Of what an instance is wanted.
    pub persona: PersonaName,
    /// Who wants it.
    pub tenant: TenantName,
    /// A repeated request with the same key gets the same claim.
    pub idempotency_key: Option<String>,
    /// Ends the claim after so many seconds; `None` leaves it to the persona.
    pub lifetime_s: Option<u32>,
}

/// Why a claim could not be made, found or changed.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// There is no such persona.
    #[error("there is no persona {0}")]
    UnknownPersona(PersonaName),
    /// There is no such claim, or it is another tenant's.
    #[error("there is no claim {0}")]
    UnknownClaim(ClaimId),
    /// The claim has ended.
    #[error("claim {0} has ended: make a new one")]
    Ended(ClaimId),
    /// The claim serves a lease.
    #[error("claim {0} serves a lease and ends with it: it can be released, not renewed")]
    Leased(ClaimId),
    /// The key was used for something else.
    #[error("the idempotency key was used before for a claim on {0}: use a new key for another request")]
    KeyReused(PersonaName),
    /// The key is not usable.
    #[error("an idempotency key has 1 to {MAX_IDEMPOTENCY_KEY_BYTES} bytes, this one has {0}")]
    KeyLength(usize),
    /// Too many wait already.
    #[error("{waiting} claims on {persona} wait already, and no more may: try again later")]
    TooManyWaiting {
        /// Which persona.
        persona: PersonaName,
        /// How many wait.
        waiting: usize,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Core {
    /// Gives the caller a warm instance at once, or else a place in the queue with an honest expectation. When this
    /// returns, the claim is durable.
    ///
    /// # Errors
    /// [`ClaimError`]; nothing is claimed then.
    pub async fn claim(&self, request: ClaimRequest) -> Result<Claim, ClaimError> {
        let persona = self.catalog.get(&request.persona).ok_or(ClaimError::UnknownPersona(request.persona.clone()))?;
        if let Some(known) = self.claimed_before(&request).await? {
            return Ok(known);
        }
        let now = self.clock.now();
        let policy = persona.spec.claims;
        let lifetime = request.lifetime_s.unwrap_or(policy.lifetime_s);
        let new = NewClaim {
            id: ClaimId(Uuid::now_v7()),
            persona: request.persona.clone(),
            tenant: request.tenant.clone(),
            idempotency_key: request.idempotency_key.clone(),
            expires_at: expiry(now, lifetime),
            driver: persona.spec.plugins.driver.clone(),
            max_instances: persona.spec.scaling.max,
            max_waiting: policy.max_waiting,
        };
        let id = new.id;
        let answer = self
            .change(|pool| {
                // Another request with the same key may have come in between.
                if let Some(known) =
                    request.idempotency_key.as_ref().and_then(|key| pool.claim_by_key(&request.tenant, key))
                {
                    return (Ok(known.clone()), Changes::default());
                }
                let mut room = self.room(pool, &persona, now);
                let ways = || {
                    let ways = self.ways(&persona);
                    let wait_ms = self.shortage_ms(&persona, now);
                    Ways { boot_ms: ways.boot_ms + wait_ms, ..ways }
                };
                let answer = pool.claim_instance(new, &mut room, now, ways);
                self.shortages.tried(&persona, room.taken(), now);
                match answer {
                    Ok((claim, changes)) => (Ok(claim), changes),
                    Err(full) => (Err(full), Changes::default()),
                }
            })
            .await;
        match answer {
            Ok(Ok(claim)) => same_persona(claim, &request),
            Ok(Err(full)) => Err(ClaimError::TooManyWaiting { persona: request.persona, waiting: full.waiting }),
            Err(error) => {
                self.undo(id).await;
                Err(error.into())
            }
        }
    }

    async fn claimed_before(&self, request: &ClaimRequest) -> Result<Option<Claim>, ClaimError> {
        let Some(key) = &request.idempotency_key else { return Ok(None) };
        if !(1..=MAX_IDEMPOTENCY_KEY_BYTES).contains(&key.len()) {
            return Err(ClaimError::KeyLength(key.len()));
        }
        let open = self.pool().claim_by_key(&request.tenant, key).cloned();
        let known = match open {
            Some(claim) => Some(claim),
            None => self.store.claim_by_key(&request.tenant, key).await?,
        };
        known.map(|claim| same_persona(claim, request)).transpose()
    }

    /// A claim that could not be made durable was not made: what it held is given back.
    async fn undo(&self, id: ClaimId) {
        let now = self.clock.now();
        let undone = self
            .change(|pool| ((), pool.end_claim(id, EndCause::Released, now).map(|ended| ended.1).unwrap_or_default()))
            .await;
        if let Err(error) = undone {
            warn!(%id, %error, "the end of a claim is saved later");
        }
    }

    /// Gives an instance back, or leaves the queue. Releasing what has ended already changes nothing. `tenant` limits
    /// it to that tenant's claims.
    ///
    /// # Errors
    /// [`ClaimError::UnknownClaim`] where there is none, or it is another tenant's; or the store's.
    pub async fn release(&self, id: ClaimId, tenant: Option<&TenantName>) -> Result<Claim, ClaimError> {
        let now = self.clock.now();
        let ended = self
            .change(|pool| {
                let owned = pool.claim(id).is_some_and(|claim| belongs(claim, tenant));
                match owned.then(|| pool.end_claim(id, EndCause::Released, now)).flatten() {
                    Some((claim, changes)) => (Some(claim), changes),
                    None => (None, Changes::default()),
                }
            })
            .await?;
        match ended {
            Some(claim) => Ok(claim),
            None => self.find_claim(id, tenant).await,
        }
    }

    /// Lets a claim live `lifetime_s` seconds from now; 0 means until it is released.
    ///
    /// # Errors
    /// [`ClaimError::UnknownClaim`], [`ClaimError::Ended`] or the store's.
    pub async fn renew(&self, id: ClaimId, tenant: Option<&TenantName>, lifetime_s: u32) -> Result<Claim, ClaimError> {
        let expires_at = expiry(self.clock.now(), lifetime_s);
        if self.pool().claim(id).is_some_and(|claim| belongs(claim, tenant) && claim.lease.is_some()) {
            return Err(ClaimError::Leased(id));
        }
        let renewed = self
            .change(|pool| {
                let owned = pool.claim(id).is_some_and(|claim| belongs(claim, tenant));
                (owned.then(|| pool.renew(id, expires_at)).flatten(), Changes::default())
            })
            .await?;
        match renewed {
            Some(claim) => Ok(claim),
            None => Err(ClaimError::Ended(self.find_claim(id, tenant).await?.id)),
        }
    }

    /// One claim, open or ended.
    ///
    /// # Errors
    /// [`ClaimError::UnknownClaim`] where there is none, or it is another tenant's; or the store's.
    pub async fn find_claim(&self, id: ClaimId, tenant: Option<&TenantName>) -> Result<Claim, ClaimError> {
        let open = self.pool().claim(id).cloned();
        let found = match open {
            Some(claim) => Some(claim),
            None => self.store.claim(id).await?,
        };
        found.filter(|claim| belongs(claim, tenant)).ok_or(ClaimError::UnknownClaim(id))
    }

    /// Ends claims that have expired or waited too long.
    ///
    /// # Errors
    /// [`StoreError`]; what could not be saved is saved with the next change.
    pub async fn sweep(&self) -> Result<(), StoreError> {
        let moment = self.clock.moment();
        let now = moment.at;
        let patience = |persona: &PersonaName| {
            self.catalog.get(persona).map(|persona| i64::from(persona.spec.claims.max_wait_s) * SECOND_MS)
        };
        let overdue = self.pool().overdue(&moment, patience);
        for (id, cause) in overdue {
            self.change(|pool| ((), pool.end_claim(id, cause, now).map(|ended| ended.1).unwrap_or_default())).await?;
        }
        Ok(())
    }
}

fn expiry(now: TimestampMs, lifetime_s: u32) -> Option<TimestampMs> {
    (lifetime_s > 0).then(|| now + i64::from(lifetime_s) * SECOND_MS)
}

fn belongs(claim: &Claim, tenant: Option<&TenantName>) -> bool {
    tenant.is_none_or(|tenant| claim.tenant == *tenant)
}

fn same_persona(claim: Claim, request: &ClaimRequest) -> Result<Claim, ClaimError> {
    if claim.persona == request.persona { Ok(claim) } else { Err(ClaimError::KeyReused(claim.persona)) }
}
