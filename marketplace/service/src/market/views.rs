//! Looks at rounds, prices and events, and what a caller may see.

use super::{EventQuery, Market, PriceQuery};
use crate::{
    core::state::RoundRecord,
    error::MarketError,
    model::{Caller, MarketKind, OutboxEvent, PricePoint, Round, RoundState},
};
use forewarm_auction::RoundNumber;
use forewarm_domain::id::TenantName;

impl Market {
    /// One round.
    ///
    /// # Errors
    /// [`MarketError::NotFound`].
    pub async fn round(&self, number: RoundNumber) -> Result<Round, MarketError> {
        self.0.store.round(number).await?.ok_or_else(|| MarketError::not_found("round", number))
    }

    /// The rounds that take orders, the next to be sealed first.
    ///
    /// # Errors
    /// [`MarketError::Closed`].
    pub async fn open_rounds(&self) -> Result<Vec<Round>, MarketError> {
        self.0
            .actor
            .change(|state| {
                let open = |record: &&RoundRecord| record.round.state == RoundState::Open;
                let mut rounds: Vec<_> = state.rounds.values().filter(open).map(|one| one.round.clone()).collect();
                rounds.sort_by_key(|round| (round.seals_at, round.number));
                Ok(rounds)
            })
            .await
    }

    /// Rounds, newest first; those before `before`, at most `limit` (1 to 1,000).
    ///
    /// # Errors
    /// [`MarketError::Unavailable`].
    pub async fn rounds(
        &self,
        kind: Option<MarketKind>,
        before: Option<RoundNumber>,
        limit: u32,
    ) -> Result<Vec<Round>, MarketError> {
        self.0.store.rounds(kind, before, limit).await
    }

    /// What was traded at which price, newest first.
    ///
    /// # Errors
    /// [`MarketError::Unavailable`].
    pub async fn prices(&self, query: PriceQuery) -> Result<Vec<PricePoint>, MarketError> {
        self.0.store.prices(&query).await
    }

    /// Events in the order of their sequence, whomever they concern: whoever passes them on looks at their tenant.
    ///
    /// # Errors
    /// [`MarketError::Unavailable`].
    pub async fn events(&self, query: EventQuery) -> Result<Vec<OutboxEvent>, MarketError> {
        self.0.store.events(&query).await
    }

    /// The sequence of the newest event; zero before the first.
    ///
    /// # Errors
    /// [`MarketError::Unavailable`].
    pub async fn last_event(&self) -> Result<i64, MarketError> {
        self.0.store.last_event().await
    }

    /// Whether something of this tenant is the caller's to see.
    ///
    /// # Errors
    /// [`MarketError::Closed`].
    pub async fn sees(&self, by: &Caller, tenant: &TenantName) -> Result<bool, MarketError> {
        let (by, tenant) = (by.clone(), tenant.clone());
        self.0.actor.change(move |state| Ok(state.sees(&by, &tenant))).await
    }

    /// The caller's cost centres, those below `within` if given; none where it may see all.
    pub(super) async fn visible(
        &self,
        by: &Caller,
        within: Option<&TenantName>,
    ) -> Result<Option<Vec<TenantName>>, MarketError> {
        let (by, within) = (by.clone(), within.cloned());
        self.0.actor.change(move |state| state.visible(&by, within.as_ref())).await
    }
}
