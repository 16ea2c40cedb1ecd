//! Leases.

use super::{LeaseQuery, Market};
use crate::{
    error::MarketError,
    model::{Caller, Lease, LeaseId, ReclaimPreview, ReclaimRequest, Role},
};
use forewarm_auction::Quantity;

impl Market {
    /// One lease, for its buyer and its seller.
    ///
    /// # Errors
    /// [`MarketError::NotFound`], also for others'.
    pub async fn lease(&self, by: &Caller, id: LeaseId) -> Result<Lease, MarketError> {
        let missing = || MarketError::not_found("lease", id);
        let lease = self.0.store.lease(id).await?.ok_or_else(missing)?;
        let shown = self.sees(by, &lease.buyer).await? || self.sees(by, &lease.seller).await?;
        if shown { Ok(lease) } else { Err(missing()) }
    }

    /// The caller's leases, newest first.
    ///
    /// # Errors
    /// [`MarketError::NotFound`] for a tenant that is not the caller's.
    pub async fn leases(&self, by: &Caller, query: LeaseQuery) -> Result<Vec<Lease>, MarketError> {
        let tenants = self.visible(by, query.tenant.as_ref()).await?;
        self.0.store.leases(&query, tenants.as_deref()).await
    }

    /// Gives a lease back early. For buyers. Under notice of a reclaim the unused time is refunded from now on.
    ///
    /// # Errors
    /// [`MarketError::LeaseState`] when it is over, [`MarketError::NotFound`], [`MarketError::Forbidden`].
    pub async fn release(&self, by: &Caller, id: LeaseId) -> Result<Lease, MarketError> {
        let (caller, now) = (by.clone(), self.now());
        let outcome = self.0.actor.change(move |state| state.give_back(&caller, id, now)).await;
        match outcome {
            Err(MarketError::NotFound { .. }) => {
                let lease = self.lease(by, id).await?;
                Err(MarketError::LeaseState { lease: id, state: lease.state.name() })
            }
            outcome => outcome,
        }
    }

    /// What calling capacity back would cost. For owners.
    ///
    /// # Errors
    /// [`MarketError::NotFound`], [`MarketError::Forbidden`], [`MarketError::Quantity`].
    pub async fn reclaim_preview(&self, by: &Caller, request: ReclaimRequest) -> Result<ReclaimPreview, MarketError> {
        let (by, now) = (by.clone(), self.now());
        self.0
            .actor
            .change(move |state| {
                state.allow(&by, &request.seller, &[Role::Owner])?;
                let units = Quantity::try_from(request.units)?;
                state.choose_reclaims(&request.persona, Some(&request.seller), units, now)
            })
            .await
    }

    /// Calls capacity back: notice is given at once, and the instances are free at its end. For owners. What could not be
    /// called back is missing from the answer.
    ///
    /// # Errors
    /// As [`reclaim_preview`](Self::reclaim_preview).
    pub async fn reclaim(&self, by: &Caller, request: ReclaimRequest) -> Result<ReclaimPreview, MarketError> {
        let (by, moment) = (by.clone(), self.0.parts.clock.moment());
        let chosen = self.0.actor.change(move |state| state.reclaim(&by, &request, &moment)).await?;
        self.0.parts.probe.reached(crate::probe::Point::Reclaiming);
        Ok(chosen)
    }
}
