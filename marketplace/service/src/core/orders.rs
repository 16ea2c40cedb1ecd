//! Bids, and what bids and offers have in common: windows, time in force, keys, and how they end.

use super::state::{KeyName, KeyUse, NewEvent, State};
use crate::{
    error::MarketError,
    model::{
        AccountId, BidOrder, Caller, DeliveryWindow, EndCause, IdempotencyKey, MarketKind, MarketTopic, NewBid,
        OrderState, Role, Ticket, TimeInForce, lease_duration,
    },
};
use forewarm_auction::{LeaseDuration, MicroCredits, OrderId, Price, Quantity, RoundNumber};
use forewarm_domain::{
    id::TenantName,
    time::{SECOND_MS, TimestampMs},
};
use serde::Serialize;
use serde_json::json;
use uuid::{NoContext, Timestamp, Uuid};

/// A new order, or the one that was placed before with the same key.
pub(crate) enum Placed<T> {
    /// Placed now.
    New(T),
    /// Placed before.
    Known(OrderId),
}

/// The round that takes an order first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub kind: MarketKind,
    pub round: RoundNumber,
    pub seals_at: TimestampMs,
    pub duration: LeaseDuration,
}

impl State {
    /// Places a bid: all is checked, then its money is set aside.
    pub(crate) fn place_bid(
        &mut self,
        by: &Caller,
        new: &NewBid,
        now: TimestampMs,
    ) -> Result<Placed<BidOrder>, MarketError> {
        let organisation = self.allow(by, &new.tenant, &[Role::Buyer])?.organisation.clone();
        let fingerprint = fingerprint(new);
        if let Some(known) = self.known(&new.tenant, true, new.idempotency_key.as_ref(), &fingerprint)? {
            return Ok(Placed::Known(known));
        }
        let (quantity, limit) = (Quantity::try_from(new.quantity)?, Price::try_from(new.limit)?);
        let min_fill = new.min_fill.map(Quantity::try_from).transpose()?;
        if let Some(min_fill) = min_fill.filter(|least| *least > quantity) {
            return Err(MarketError::MinFillOverQuantity { min_fill, quantity });
        }
        let place = self.admit(new.window, new.time_in_force, now)?;
        let (currency, rate) = {
            let organisation = self.organisation_of(&new.tenant)?;
            (organisation.currency.clone(), organisation.rate)
        };
        let held = rate.up(limit.cost(quantity, place.duration.seconds())?)?;
        let budgets = self.budgets_of(&new.tenant, now);
        self.charge(&budgets, held)?;
        let account = AccountId::Tenant(new.tenant.clone());
        self.hold(&account, held, now)?;
        self.count_order(&new.tenant)?;
        let bid = BidOrder {
            id: order_id(now),
            tenant: new.tenant.clone(),
            organisation,
            persona: new.persona.clone(),
            window: new.window,
            class: new.class,
            quantity,
            filled: 0,
            limit,
            min_fill,
            time_in_force: new.time_in_force,
            exclusive_group: new.exclusive_group.clone(),
            idempotency_key: new.idempotency_key.clone(),
            fingerprint,
            entry_round: RoundNumber(self.last_round),
            rounds_tried: 0,
            placed_at: now,
            placed_by: by.name.clone(),
            account,
            currency,
            rate,
            held,
            paid: MicroCredits::ZERO,
            spent: MicroCredits::ZERO,
            budgets,
            state: OrderState::Open,
            last_reason: None,
        };
        self.remember(&bid.tenant, true, bid.idempotency_key.as_ref(), &bid.fingerprint, bid.id, now);
        self.bids.put(bid.id, bid.clone());
        Ok(Placed::New(bid))
    }

    /// What a bid would mean: it is placed here, and whoever asked takes that back.
    pub(crate) fn ticket(&mut self, by: &Caller, new: &NewBid, now: TimestampMs) -> Result<Ticket, MarketError> {
        let account = AccountId::Tenant(new.tenant.clone());
        self.allow(by, &new.tenant, &[Role::Buyer])?;
        let available = self.account(&account)?.available()?;
        let fresh = NewBid { idempotency_key: None, ..new.clone() };
        let Placed::New(bid) = self.place_bid(by, &fresh, now)? else { return Err(MarketError::KeyReused) };
        let seals_at = self.admit(new.window, new.time_in_force, now)?.seals_at;
        Ok(Ticket {
            hold: bid.held,
            available,
            available_after: available.checked_sub(bid.held)?,
            currency: bid.currency,
            chance_ppm: None,
            seals_at,
            notice_s: self.config.notice_s,
            min_run_s: self.config.min_run_s,
            compensation_ppm: self.config.compensation.get(),
        })
    }

    /// Takes a bid back.
    pub(crate) fn cancel_bid(&mut self, by: &Caller, id: OrderId, now: TimestampMs) -> Result<BidOrder, MarketError> {
        let bid = self.bids.get(&id).ok_or_else(|| MarketError::not_found("bid", id))?;
        let tenant = bid.tenant.clone();
        self.allow(by, &tenant, &[Role::Buyer]).map_err(|error| foreign(error, "bid", id))?;
        self.not_sealed(id)?;
        self.end_bid(id, EndCause::Cancelled, now)?;
        self.bids.get(&id).cloned().ok_or_else(|| MarketError::not_found("bid", id))
    }

    /// Ends an open bid: what it still holds is free again, on the account and in its budgets.
    pub(crate) fn end_bid(&mut self, id: OrderId, cause: EndCause, at: TimestampMs) -> Result<(), MarketError> {
        let bid = self.bids.get_mut(&id).ok_or_else(|| MarketError::not_found("bid", id))?;
        if !bid.state.is_open() {
            return Err(MarketError::OrderEnded { order: id });
        }
        let held = std::mem::take(&mut bid.held);
        bid.state = OrderState::Ended { at, cause };
        let (account, budgets, tenant) = (bid.account.clone(), bid.budgets.clone(), bid.tenant.clone());
        let data = json!({"side": "bid", "cause": cause, "filled": bid.filled, "quantity": bid.quantity});
        self.release(&account, held)?;
        self.uncharge(&budgets, held)?;
        self.order_gone(&tenant);
        if cause != EndCause::Filled {
            self.tell_ended(tenant, id, data, at);
        }
        Ok(())
    }

    /// Tells a tenant that its order ended without trading all of it.
    pub(crate) fn tell_ended(&mut self, tenant: TenantName, id: OrderId, data: serde_json::Value, at: TimestampMs) {
        let topic = MarketTopic::OrderEnded;
        let (subject, of) = (id.to_string(), String::new());
        self.tell(NewEvent { at, topic, tenant: Some(tenant), subject, of, round: None, data });
    }

    /// Refuses what would change an order between seal and settlement.
    pub(crate) fn not_sealed(&self, order: OrderId) -> Result<(), MarketError> {
        match self.sealed_in(order) {
            Some(number) => Err(MarketError::OrderSealed { order, number }),
            None => Ok(()),
        }
    }

    /// The round that takes an order for the window first.
    pub(crate) fn admit(
        &self,
        window: DeliveryWindow,
        time_in_force: TimeInForce,
        now: TimestampMs,
    ) -> Result<Place, MarketError> {
        let duration = lease_duration(window)?;
        let grid_s = self.config.window_grid_s;
        let grid = i64::from(grid_s) * SECOND_MS;
        let (from, until) = (window.from(), window.until());
        if from.0.rem_euclid(grid) != 0 || until.0.rem_euclid(grid) != 0 {
            return Err(MarketError::WindowOffGrid { from, until, grid_s });
        }
        let latest = now + i64::from(self.config.horizon_s) * SECOND_MS;
        if from > latest {
            return Err(MarketError::WindowTooFar { start: from, latest });
        }
        let (near, near_seals) = self.open_round(MarketKind::NearTerm)?;
        let earliest = near_seals.max(now);
        if from < earliest {
            return Err(MarketError::WindowPast { start: from, earliest });
        }
        let place = self.first_round(window, (near, near_seals), now)?;
        let place = Place { duration, ..place };
        self.check_time_in_force(place, time_in_force, from)?;
        Ok(place)
    }

    fn first_round(
        &self,
        window: DeliveryWindow,
        (near, near_seals): (RoundNumber, TimestampMs),
        now: TimestampMs,
    ) -> Result<Place, MarketError> {
        let duration = lease_duration(window)?;
        let soon = MarketKind::NearTerm;
        let near_at = near_seals.max(now);
        if self.kind_of(window, near_at) == soon {
            return Ok(Place { kind: soon, round: near, seals_at: near_at, duration });
        }
        let (day, day_seals) = self.open_round(MarketKind::DayAhead)?;
        let day_at = day_seals.max(now);
        if self.kind_of(window, day_at) == MarketKind::DayAhead {
            return Ok(Place { kind: MarketKind::DayAhead, round: day, seals_at: day_at, duration });
        }
        // Too far for the near-term round that is open, too near for the next day-ahead seal: a later near-term round.
        let step = i64::from(self.config.near_term_interval_s) * SECOND_MS;
        let begins = window.from() - i64::from(self.config.near_term_horizon_s) * SECOND_MS;
        let rounds = (begins.since(near_at) + step - 1) / step;
        Ok(Place { kind: soon, round: near, seals_at: near_at + rounds * step, duration })
    }

    fn check_time_in_force(&self, place: Place, force: TimeInForce, from: TimestampMs) -> Result<(), MarketError> {
        match force {
            TimeInForce::NextRound | TimeInForce::UntilWindow => Ok(()),
            TimeInForce::Until { at } if at > place.seals_at => Ok(()),
            TimeInForce::Until { at } => {
                Err(MarketError::EndsBeforeRound { until: at.min(from), seals_at: place.seals_at })
            }
            TimeInForce::Round { number } if number == place.round => Ok(()),
            TimeInForce::Round { number } => {
                let open =
                    self.rounds.get(&number).is_some_and(|one| one.round.state == crate::model::RoundState::Open);
                if number.0 <= self.last_round && !open {
                    Err(MarketError::RoundSealed { number, next: place.round })
                } else {
                    Err(MarketError::WrongRound { number, kind: place.kind, open: place.round })
                }
            }
        }
    }

    /// The order that a key stands for.
    ///
    /// # Errors
    /// [`MarketError::KeyReused`] when it stands for another request.
    pub(crate) fn known(
        &self,
        tenant: &TenantName,
        is_bid: bool,
        key: Option<&IdempotencyKey>,
        fingerprint: &str,
    ) -> Result<Option<OrderId>, MarketError> {
        let Some(key) = key else { return Ok(None) };
        let name: KeyName = (tenant.clone(), is_bid, key.clone());
        match self.keys.get(&name) {
            None => Ok(None),
            Some(used) if used.fingerprint == fingerprint => Ok(Some(used.order)),
            Some(_) => Err(MarketError::KeyReused),
        }
    }

    /// Remembers what a key stands for.
    pub(crate) fn remember(
        &mut self,
        tenant: &TenantName,
        is_bid: bool,
        key: Option<&IdempotencyKey>,
        fingerprint: &str,
        order: OrderId,
        at: TimestampMs,
    ) {
        if let Some(key) = key {
            let used = KeyUse { order, fingerprint: fingerprint.to_owned(), at };
            self.keys.put((tenant.clone(), is_bid, key.clone()), used);
        }
    }

    /// One more open order of the cost centre.
    pub(crate) fn count_order(&mut self, tenant: &TenantName) -> Result<(), MarketError> {
        let open = self.open_orders.get(tenant).copied().unwrap_or(0);
        if open >= self.config.open_orders_max {
            return Err(MarketError::TooManyOrders { tenant: tenant.clone(), open });
        }
        self.open_orders.put(tenant.clone(), open + 1);
        Ok(())
    }

    /// One open order of the cost centre less.
    pub(crate) fn order_gone(&mut self, tenant: &TenantName) {
        let open = self.open_orders.get(tenant).copied().unwrap_or(0);
        self.open_orders.put(tenant.clone(), open.saturating_sub(1));
    }

    /// Ends what has run out by the time of a seal.
    pub(crate) fn expire_orders(&mut self, at: TimestampMs, now: TimestampMs) -> Result<(), MarketError> {
        let over = |window: DeliveryWindow, force: TimeInForce| match force {
            _ if window.from() < at => Some(EndCause::WindowBegan),
            TimeInForce::Until { at: until } if until <= at => Some(EndCause::Expired),
            TimeInForce::Round { number } if self.rounds.get(&number).is_none() => Some(EndCause::Expired),
            _ => None,
        };
        let free = |id: OrderId, state: OrderState| state.is_open() && self.sealed_in(id).is_none();
        let bids = self.bids.values().filter(|bid| free(bid.id, bid.state));
        let bids: Vec<_> = bids.filter_map(|bid| Some((bid.id, over(bid.window, bid.time_in_force)?))).collect();
        let offers = self.offers.values().filter(|one| free(one.id, one.state));
        let offers: Vec<_> = offers.filter_map(|one| Some((one.id, over(one.window, one.time_in_force)?))).collect();
        bids.into_iter().try_for_each(|(id, cause)| self.end_bid(id, cause, now))?;
        offers.into_iter().try_for_each(|(id, cause)| self.end_offer(id, cause, now))
    }
}

/// What is told of another tenant's order: that there is none.
pub(crate) fn foreign(error: MarketError, kind: &'static str, id: OrderId) -> MarketError {
    if matches!(error, MarketError::NotFound { .. }) { MarketError::not_found(kind, id) } else { error }
}

/// A fresh id; ids rise with time.
pub(crate) fn order_id(now: TimestampMs) -> OrderId {
    let ms = u64::try_from(now.0).unwrap_or(0);
    let nanos = u32::try_from(ms % 1_000).unwrap_or(0) * 1_000_000;
    OrderId(Uuid::new_v7(Timestamp::from_unix(NoContext, ms / 1_000, nanos)))
}

/// Stands for all that was asked for.
pub(crate) fn fingerprint(new: &impl Serialize) -> String {
    let text = serde_json::to_vec(new).unwrap_or_default();
    blake3::hash(&text).to_hex().to_string()
}
