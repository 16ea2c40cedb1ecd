//! Bids and offers.

use super::{Market, OrderQuery, PriceQuery};
use crate::{
    core::{orders::Placed, state::State},
    error::MarketError,
    model::{BidOrder, Caller, NewBid, NewOffer, Offer, OfferSource, PricePoint, Ticket},
};
use forewarm_auction::OrderId;

/// Rounds that a ticket's estimate looks back at.
const ESTIMATED_FROM: u32 = 50;

impl Market {
    /// Places a bid and sets its money aside. For buyers. The same bid with the same key again gives the first one.
    ///
    /// # Errors
    /// Each check has an error of its own; see [`MarketError`].
    pub async fn place_bid(&self, by: &Caller, new: NewBid) -> Result<BidOrder, MarketError> {
        let (by, now) = (by.clone(), self.now());
        match self.0.actor.change(move |state| state.place_bid(&by, &new, now)).await? {
            Placed::New(bid) => Ok(bid),
            Placed::Known(id) => self.0.store.bid(id).await?.ok_or_else(|| MarketError::not_found("bid", id)),
        }
    }

    /// What a bid would mean, without placing it.
    ///
    /// # Errors
    /// As [`place_bid`](Self::place_bid).
    pub async fn ticket(&self, by: &Caller, new: NewBid) -> Result<Ticket, MarketError> {
        let query = PriceQuery {
            persona: Some(new.persona.clone()),
            class: Some(new.class),
            limit: ESTIMATED_FROM,
            ..PriceQuery::default()
        };
        let history = self.0.store.prices(&query).await?;
        let chance_ppm = chance_ppm(&history, new.limit);
        let (by, now) = (by.clone(), self.now());
        let look = move |state: &mut State| {
            let ticket = state.ticket(&by, &new, now)?;
            // What was tried is not kept.
            state.rollback();
            Ok(ticket)
        };
        Ok(Ticket { chance_ppm, ..self.0.actor.change(look).await? })
    }

    /// Lists capacity. For owners. The same offer with the same key again gives the first one.
    ///
    /// # Errors
    /// Each check has an error of its own; see [`MarketError`].
    pub async fn place_offer(&self, by: &Caller, new: NewOffer) -> Result<Offer, MarketError> {
        let (by, now) = (by.clone(), self.now());
        match self.0.actor.change(move |state| state.place_offer(&by, &new, OfferSource::Manual, now)).await? {
            Placed::New(offer) => Ok(offer),
            Placed::Known(id) => self.0.store.offer(id).await?.ok_or_else(|| MarketError::not_found("offer", id)),
        }
    }

    /// Takes a bid back: what it holds is free again. For buyers.
    ///
    /// # Errors
    /// [`MarketError::OrderSealed`] between seal and settlement, [`MarketError::OrderEnded`], [`MarketError::NotFound`],
    /// [`MarketError::Forbidden`].
    pub async fn cancel_bid(&self, by: &Caller, id: OrderId) -> Result<BidOrder, MarketError> {
        let (caller, now) = (by.clone(), self.now());
        let outcome = self.0.actor.change(move |state| state.cancel_bid(&caller, id, now)).await;
        match outcome {
            // Ended orders are no longer in memory.
            Err(MarketError::NotFound { .. }) => {
                self.bid(by, id).await?;
                Err(MarketError::OrderEnded { order: id })
            }
            outcome => outcome,
        }
    }

    /// Takes an offer back. For owners.
    ///
    /// # Errors
    /// As [`cancel_bid`](Self::cancel_bid).
    pub async fn cancel_offer(&self, by: &Caller, id: OrderId) -> Result<Offer, MarketError> {
        let (caller, now) = (by.clone(), self.now());
        let outcome = self.0.actor.change(move |state| state.cancel_offer(&caller, id, now)).await;
        match outcome {
            Err(MarketError::NotFound { .. }) => {
                let offer = self.offer(by, id).await?;
                let ended = if offer.state.is_open() {
                    MarketError::not_found("offer", id)
                } else {
                    MarketError::OrderEnded { order: id }
                };
                Err(ended)
            }
            outcome => outcome,
        }
    }

    /// One bid.
    ///
    /// # Errors
    /// [`MarketError::NotFound`], also for others'.
    pub async fn bid(&self, by: &Caller, id: OrderId) -> Result<BidOrder, MarketError> {
        let missing = || MarketError::not_found("bid", id);
        let bid = self.0.store.bid(id).await?.ok_or_else(missing)?;
        if self.sees(by, &bid.tenant).await? { Ok(bid) } else { Err(missing()) }
    }

    /// One offer: the caller's, or one that stands.
    ///
    /// # Errors
    /// [`MarketError::NotFound`], also for others' that ended.
    pub async fn offer(&self, by: &Caller, id: OrderId) -> Result<Offer, MarketError> {
        let missing = || MarketError::not_found("offer", id);
        let offer = self.0.store.offer(id).await?.ok_or_else(missing)?;
        if offer.state.is_open() || self.sees(by, &offer.tenant).await? { Ok(offer) } else { Err(missing()) }
    }

    /// The caller's bids, newest first.
    ///
    /// # Errors
    /// [`MarketError::NotFound`] for a tenant that is not the caller's.
    pub async fn bids(&self, by: &Caller, query: OrderQuery) -> Result<Vec<BidOrder>, MarketError> {
        let tenants = self.visible(by, query.tenant.as_ref()).await?;
        self.0.store.bids(&query, tenants.as_deref()).await
    }

    /// The caller's offers and, unless a tenant is named, all that stand; newest first.
    ///
    /// # Errors
    /// [`MarketError::NotFound`] for a tenant that is not the caller's.
    pub async fn offers(&self, by: &Caller, query: OrderQuery) -> Result<Vec<Offer>, MarketError> {
        let tenants = self.visible(by, query.tenant.as_ref()).await?;
        self.0.store.offers(&query, tenants.as_deref()).await
    }
}

/// Of the rounds that traded, the millionths whose price the limit would have paid.
fn chance_ppm(history: &[PricePoint], limit: i64) -> Option<u32> {
    let prices: Vec<i64> = history.iter().filter_map(|point| point.price).map(i64::from).collect();
    let paid = prices.iter().filter(|price| **price <= limit).count();
    let ppm = paid.checked_mul(1_000_000)?.checked_div(prices.len())?;
    u32::try_from(ppm).ok()
}
