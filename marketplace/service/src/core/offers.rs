//! Offers, by hand and from what hosts can spare.

use super::{
    orders::{Placed, fingerprint, foreign, order_id},
    state::State,
};
use crate::{
    error::MarketError,
    model::{AccountId, Caller, EndCause, NewOffer, Offer, OfferSource, OrderState, OrganisationKind, Role},
};
use forewarm_auction::{FirmPremium, MicroCredits, OrderId, Price, Quantity, RoundNumber};
use forewarm_domain::time::TimestampMs;
use serde_json::json;

impl State {
    /// Lists capacity.
    pub(crate) fn place_offer(
        &mut self,
        by: &Caller,
        new: &NewOffer,
        source: OfferSource,
        now: TimestampMs,
    ) -> Result<Placed<Offer>, MarketError> {
        let organisation = self.allow(by, &new.tenant, &[Role::Owner])?.organisation.clone();
        if self.organisation_of(&new.tenant)?.kind != OrganisationKind::Internal {
            return Err(MarketError::NotAnOwner { tenant: new.tenant.clone() });
        }
        let fingerprint = fingerprint(new);
        if let Some(known) = self.known(&new.tenant, false, new.idempotency_key.as_ref(), &fingerprint)? {
            return Ok(Placed::Known(known));
        }
        let (quantity, reserve) = (Quantity::try_from(new.quantity)?, Price::try_from(new.reserve)?);
        let own = new.firm_premium.map(FirmPremium::try_from).transpose()?;
        let firm_premium = own.unwrap_or(self.config.firm_premium);
        self.admit(new.window, new.time_in_force, now)?;
        self.count_order(&new.tenant)?;
        let offer = Offer {
            id: order_id(now),
            tenant: new.tenant.clone(),
            organisation,
            persona: new.persona.clone(),
            window: new.window,
            class: new.class,
            quantity,
            sold: 0,
            reserve,
            firm_premium,
            time_in_force: new.time_in_force,
            idempotency_key: new.idempotency_key.clone(),
            fingerprint,
            source,
            entry_round: RoundNumber(self.last_round),
            placed_at: now,
            placed_by: by.name.clone(),
            guarantee: MicroCredits::ZERO,
            state: OrderState::Open,
            last_reason: None,
        };
        self.remember(&offer.tenant, false, offer.idempotency_key.as_ref(), &offer.fingerprint, offer.id, now);
        self.offers.put(offer.id, offer.clone());
        Ok(Placed::New(offer))
    }

    /// Takes an offer back.
    pub(crate) fn cancel_offer(&mut self, by: &Caller, id: OrderId, now: TimestampMs) -> Result<Offer, MarketError> {
        let offer = self.offers.get(&id).ok_or_else(|| MarketError::not_found("offer", id))?;
        let tenant = offer.tenant.clone();
        self.allow(by, &tenant, &[Role::Owner]).map_err(|error| foreign(error, "offer", id))?;
        self.not_sealed(id)?;
        self.end_offer(id, EndCause::Cancelled, now)?;
        self.offers.get(&id).cloned().ok_or_else(|| MarketError::not_found("offer", id))
    }

    /// Ends an open offer.
    pub(crate) fn end_offer(&mut self, id: OrderId, cause: EndCause, at: TimestampMs) -> Result<(), MarketError> {
        self.release_guarantee(id)?;
        let offer = self.offers.get_mut(&id).ok_or_else(|| MarketError::not_found("offer", id))?;
        if !offer.state.is_open() {
            return Err(MarketError::OrderEnded { order: id });
        }
        offer.state = OrderState::Ended { at, cause };
        let tenant = offer.tenant.clone();
        let data = json!({"side": "offer", "cause": cause, "sold": offer.sold, "quantity": offer.quantity});
        let quiet = cause == EndCause::Filled || offer.source == OfferSource::Forecast;
        self.order_gone(&tenant);
        if !quiet {
            self.tell_ended(tenant, id, data, at);
        }
        Ok(())
    }

    /// Gives back what was set aside for an offer's securities.
    pub(crate) fn release_guarantee(&mut self, id: OrderId) -> Result<(), MarketError> {
        let Some(offer) = self.offers.get(&id).filter(|offer| offer.guarantee > MicroCredits::ZERO) else {
            return Ok(());
        };
        let (account, amount) = (AccountId::Tenant(offer.tenant.clone()), offer.guarantee);
        self.release(&account, amount)?;
        if let Some(offer) = self.offers.get_mut(&id) {
            offer.guarantee = MicroCredits::ZERO;
        }
        Ok(())
    }
}
