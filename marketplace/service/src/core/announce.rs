//! What hosts tell the market and ask of it: what they can spare becomes offers, and what they need back becomes notices.

use super::state::{ReclaimRecord, State};
use crate::{
    error::MarketError,
    model::{
        Caller, DeliveryWindow, EndCause, Lease, LeaseState, MarketKind, NewOffer, Offer, OfferSource, Role,
        TimeInForce,
    },
};
use forewarm_auction::{FirmPremium, LeaseClass, OrderId, Price, Quantity};
use forewarm_bus::message::market::{
    AnnounceCall, PreviewCall, ReclaimCall, ReclaimCandidate, ReclaimPreview, Reclaimed, Sold, Surplus,
};
use forewarm_domain::{
    id::PersonaName,
    lending::{Moment, Odds, PRICE_MAX, firm_premium, reserve_price},
    time::{SECOND_MS, TimestampMs},
};
use std::collections::BTreeMap;

/// An offer as the forecast wants it.
struct Wanted {
    units: u32,
    reserve: Price,
    premium: FirmPremium,
}

impl State {
    /// The windows for which hosts list what they can spare, soonest first.
    pub(crate) fn listed_windows(&self, now: TimestampMs) -> Result<Vec<DeliveryWindow>, MarketError> {
        let (_, seals_at) = self.open_round(MarketKind::NearTerm)?;
        let length = i64::from(self.config.listed_window_s) * SECOND_MS;
        let earliest = seals_at.max(now);
        let first = earliest.floor(length) + if earliest.floor(length) < earliest { length } else { 0 };
        let window = |place: u32| {
            let from = first + i64::from(place) * length;
            DeliveryWindow::new(from, from + length).ok()
        };
        Ok((0..self.config.listed_windows).filter_map(window).collect())
    }

    /// Replaces the offers that a persona's forecast made. Those that take part in a round now stay as they are: the next
    /// announcement changes what is left of them.
    pub(crate) fn announce(&mut self, call: &AnnounceCall, now: TimestampMs) -> Result<(), MarketError> {
        if self.announced.get(&call.persona).is_some_and(|newest| *newest > call.made_at) {
            return Ok(());
        }
        let by = Caller::of(call.owner.clone(), "forecast", [Role::Owner]);
        self.allow(&by, &call.owner, &[Role::Owner])?;
        let mut wanted: BTreeMap<(DeliveryWindow, LeaseClass), Wanted> = BTreeMap::new();
        for surplus in call.surplus.iter().filter(|surplus| surplus.units > 0) {
            if let Some(offer) = self.wanted(surplus) {
                wanted.insert((surplus.window, surplus.class), offer);
            }
        }
        let of_forecast = |offer: &&Offer| {
            offer.state.is_open() && offer.source == OfferSource::Forecast && offer.persona == call.persona
        };
        let existing: Vec<Offer> = self.offers.values().filter(of_forecast).cloned().collect();
        for offer in existing {
            let key = (offer.window, offer.class);
            if self.sealed_in(offer.id).is_some() {
                wanted.remove(&key);
            } else if wanted.get(&key).is_some_and(|wanted| same(&offer, wanted)) {
                wanted.remove(&key);
                self.prolong(offer.id, call.valid_until);
            } else {
                self.end_offer(offer.id, EndCause::Withdrawn, now)?;
            }
        }
        for ((window, class), wanted) in wanted {
            let time_in_force = TimeInForce::Until { at: call.valid_until };
            if self.admit(window, time_in_force, now).is_err() {
                // Its last round is over, or the announcement with it: nothing to list.
                continue;
            }
            let new = NewOffer {
                tenant: call.owner.clone(),
                persona: call.persona.clone(),
                window,
                class,
                quantity: wanted.units.into(),
                reserve: wanted.reserve.into(),
                firm_premium: Some(wanted.premium.into()),
                time_in_force,
                idempotency_key: None,
            };
            self.place_offer(&by, &new, OfferSource::Forecast, now)?;
        }
        self.announced.insert(call.persona.clone(), call.made_at);
        Ok(())
    }

    /// The offer for a surplus; none where no price is enough.
    fn wanted(&self, surplus: &Surplus) -> Option<Wanted> {
        let odds = Odds { reclaim_ppm: surplus.reclaim_ppm, unused_ppm: surplus.unused_ppm };
        let carried = reserve_price(surplus.carrying_cost, odds, self.config.compensation.get())?;
        let reserve = carried.max(surplus.reserve_floor).clamp(1, PRICE_MAX);
        let premium = firm_premium(odds, surplus.shortage_cost).max(self.config.firm_premium.get());
        Some(Wanted {
            units: surplus.units.min(Quantity::MAX.get()),
            reserve: Price::try_from(i64::from(reserve)).ok()?,
            premium: FirmPremium::try_from(i64::from(premium)).ok()?,
        })
    }

    fn prolong(&mut self, id: OrderId, until: TimestampMs) {
        if let Some(offer) = self.offers.get_mut(&id) {
            offer.time_in_force = TimeInForce::Until { at: until };
        }
    }

    /// What is sold of a persona and not handed over yet, by window: its host has it ready by then.
    pub(crate) fn sold(&self, persona: &PersonaName) -> Vec<Sold> {
        let waits = |lease: &&Lease| {
            lease.persona == *persona && matches!(lease.state, LeaseState::Granted | LeaseState::HandingOver { .. })
        };
        let of = |lease: &Lease| Sold { lease: lease.id, window: lease.window, units: lease.units.get() };
        let mut sold: Vec<Sold> = self.leases.values().filter(waits).map(of).collect();
        sold.sort_by_key(|one| (one.window, one.lease));
        sold
    }

    /// What getting instances back would cost.
    pub(crate) fn preview_for_host(&self, call: &PreviewCall, now: TimestampMs) -> Result<ReclaimPreview, MarketError> {
        let units = Quantity::try_from(i64::from(call.units))?;
        let chosen = self.choose_reclaims(&call.persona, None, units, now)?;
        Ok(ReclaimPreview { candidates: self.candidates(&chosen)? })
    }

    /// Calls instances back for a host, as long as that costs no more than it allows. The same reclaim again gives the
    /// same answer; none when it was asked for before with other terms.
    pub(crate) fn reclaim_for_host(
        &mut self,
        call: &ReclaimCall,
        now: &Moment,
    ) -> Result<Option<Reclaimed>, MarketError> {
        if let Some(known) = self.reclaims.get(&call.reclaim) {
            let same = known.persona == call.persona && known.units == call.units;
            return Ok(same.then(|| known.answer.clone()));
        }
        let units = Quantity::try_from(i64::from(call.units))?;
        let mut chosen = self.choose_reclaims(&call.persona, None, units, now.at)?;
        let in_time = |deadline: TimestampMs| call.needed_by.is_none_or(|needed| deadline <= needed);
        let mut left = i128::from(call.cost_most);
        chosen.leases.retain(|one| {
            let cost = i128::from(one.refund.0) + i128::from(one.compensation.0);
            let take = in_time(one.deadline) && cost <= left;
            left -= if take { cost } else { 0 };
            take
        });
        let leases = self.candidates(&chosen)?;
        self.give_notice(&chosen, &call.reason, now);
        let answer = Reclaimed { reclaim: call.reclaim, leases };
        let record = ReclaimRecord {
            id: call.reclaim,
            persona: call.persona.clone(),
            units: call.units,
            answer: answer.clone(),
        };
        self.reclaims.put(call.reclaim, record);
        Ok(Some(answer))
    }

    fn candidates(&self, chosen: &crate::model::ReclaimPreview) -> Result<Vec<ReclaimCandidate>, MarketError> {
        let candidate = |one: &crate::model::Reclaimed| {
            let notice_ms = i64::from(self.lease(one.lease)?.notice_s) * SECOND_MS;
            let cost = one.refund.checked_add(one.compensation)?.0;
            Ok(ReclaimCandidate { lease: one.lease, units: one.units, cost, notice_ms })
        };
        chosen.leases.iter().map(candidate).collect()
    }
}

fn same(offer: &Offer, wanted: &Wanted) -> bool {
    offer.open_quantity() == wanted.units && offer.reserve == wanted.reserve && offer.firm_premium == wanted.premium
}
