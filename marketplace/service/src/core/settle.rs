//! Settling: the result of a round becomes leases, transfers, the states of its orders and events, all in one change.

use super::{
    snapshot::{SealedBook, Snapshot},
    state::{NewEvent, State},
};
use crate::{
    audit::{self, Link, RoundFacts},
    error::MarketError,
    model::{
        AccountId, Currency, EndCause, Lease, LeaseId, LeaseState, MarketTopic, OrderReason, PricePoint, Round,
        RoundId, RoundState, Settlement, TimeInForce, Transfer, TransferKind, TransferRefs, lease_duration,
    },
};
use forewarm_auction::{
    LeaseClass, Leg, MicroCredits, OrderId, OrderResult, Quantity, RoundClearing, RoundNumber, SettlePlan, Terms,
    Trade, TwoClassClearing, settle_plan,
};
use forewarm_domain::time::TimestampMs;
use serde_json::json;
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// What is being settled.
struct Under<'a> {
    round: &'a Round,
    snapshot: &'a Snapshot,
    now: TimestampMs,
}

/// Counted over all books.
#[derive(Default)]
struct Sums {
    trades: u64,
    units: u64,
    turnover: MicroCredits,
    fees: MicroCredits,
}

impl State {
    /// Notes the result of a sealed round. A result that was noted before has to be the same.
    pub(crate) fn note_result(&mut self, number: RoundNumber, clearing: &RoundClearing) -> Result<(), MarketError> {
        match self.round(number)?.round.state.clone() {
            RoundState::Sealed { seal } => self.set_round(number, RoundState::Cleared { seal, result: clearing.hash }),
            RoundState::Cleared { result, .. } if result == clearing.hash => Ok(()),
            other => {
                let state = other.name();
                let found = clearing.hash;
                Err(MarketError::Damaged(format!(
                    "round {number} is {state} and does not come to result {found} again"
                )))
            }
        }
    }

    /// Books the result of a cleared round.
    pub(crate) fn settle(
        &mut self,
        number: RoundNumber,
        snapshot: &Snapshot,
        clearing: &RoundClearing,
        now: TimestampMs,
    ) -> Result<(), MarketError> {
        let record = self.round(number)?.clone();
        let RoundState::Cleared { seal, result } = record.round.state.clone() else {
            return Err(MarketError::Damaged(format!("round {number} is {}, not cleared", record.round.state.name())));
        };
        if result != clearing.hash || snapshot.books.len() != clearing.books.len() {
            return Err(MarketError::Damaged(format!("round {number} was cleared with another result")));
        }
        let under = Under { round: &record.round, snapshot, now };
        let mut sums = Sums::default();
        for (book, cleared) in snapshot.books.iter().zip(&clearing.books) {
            self.settle_book(&under, book, cleared, &mut sums)?;
        }
        self.end_filled_groups(snapshot, now)?;
        snapshot.orders().for_each(|order| self.sealed.put(order, None));
        let data = json!({"round": number, "kind": record.round.kind, "result": result, "trades": sums.trades,
            "units": sums.units, "turnover": sums.turnover});
        let (topic, subject, of) = (MarketTopic::RoundSettled, number.to_string(), String::new());
        self.tell(NewEvent { at: now, topic, tenant: None, subject, of, round: Some(record.round.id), data });
        let previous = self.chain.get(&()).cloned().unwrap_or_default();
        let Sums { trades, units, turnover, fees } = sums;
        let (seed, transfers) = (record.seed, self.transfers_digest());
        let facts = RoundFacts {
            number,
            sealed_at: seal.at,
            snapshot: digest(&seal.snapshot)?,
            result,
            seed,
            trades,
            units,
            turnover,
            fees,
            transfers: transfers.0,
        };
        let chain = audit::link(Link(digest(&previous)?), &facts).to_string();
        self.chain.put((), chain.clone());
        let transfers = transfers.to_string();
        let settlement =
            Settlement { at: now, result, seed, trades, units, turnover, fees, transfers, previous, chain };
        let events_through = self.last_event;
        if let Some(record) = self.rounds.get_mut(&number) {
            record.round.state = RoundState::Settled { seal, settlement };
            record.events_through = events_through;
        }
        Ok(())
    }

    /// Stands for every transfer of the settlement.
    fn transfers_digest(&self) -> Link {
        let mut hash = blake3::Hasher::new_derive_key("forewarm 2026 market settlement's transfers, version 1");
        for booked in self.transfers.fresh() {
            let Transfer { id, debit, credit, amount, currency, kind, .. } = &booked.transfer;
            hash.update(id.as_bytes()).update(format!("|{debit}|{credit}|{amount}|{currency}|{kind}|").as_bytes());
        }
        Link(*hash.finalize().as_bytes())
    }

    fn settle_book(
        &mut self,
        under: &Under<'_>,
        book: &SealedBook,
        cleared: &TwoClassClearing,
        sums: &mut Sums,
    ) -> Result<(), MarketError> {
        let duration = lease_duration(book.window)?;
        let terms = Terms { duration, fee: under.snapshot.fee, compensation: under.snapshot.compensation };
        let plan =
            settle_plan(&book.orders, cleared, terms).map_err(|error| MarketError::Damaged(error.to_string()))?;
        let results: HashMap<OrderId, &OrderResult> = cleared.results.iter().map(|told| (told.order, told)).collect();
        let asks = || book.orders.firm().asks().iter().chain(book.orders.reclaimable().asks());
        asks().try_for_each(|ask| self.release_guarantee(ask.id))?;
        for hold in &plan.holds {
            let traded = results.get(&hold.bid).is_some_and(|told| told.filled > 0);
            self.free_bid(hold.bid, traded)?;
        }
        let mut leases: HashMap<OrderId, Vec<LeaseId>> = HashMap::new();
        for trade in &plan.trades {
            let lease = self.trade(under, book, trade, terms)?;
            leases.entry(trade.bid).or_default().push(lease);
            leases.entry(trade.ask).or_default().push(lease);
        }
        for hold in &plan.holds {
            let Some(told) = results.get(&hold.bid) else { continue };
            self.close_bid(under, told, leases.remove(&hold.bid), duration.seconds())?;
        }
        for ask in asks() {
            let Some(told) = results.get(&ask.id) else { continue };
            self.close_offer(under, told, leases.remove(&ask.id))?;
        }
        self.note_prices(under, book, cleared);
        sums.add(&plan)
    }

    /// Gives back what a bid holds, before its trades are paid.
    fn free_bid(&mut self, id: OrderId, traded: bool) -> Result<(), MarketError> {
        if !traded {
            return Ok(());
        }
        let Some(bid) = self.bids.get_mut(&id) else { return Err(MarketError::Damaged(format!("bid {id} is gone"))) };
        let held = std::mem::take(&mut bid.held);
        let (account, budgets) = (bid.account.clone(), bid.budgets.clone());
        self.release(&account, held)?;
        self.uncharge(&budgets, held)
    }

    /// Pays for a trade, holds its security and makes its lease.
    fn trade(
        &mut self,
        under: &Under<'_>,
        book: &SealedBook,
        trade: &Trade,
        terms: Terms,
    ) -> Result<LeaseId, MarketError> {
        let round = under.round.id;
        let id = lease_id(round, trade.bid, trade.ask);
        let offer = self.offers.get_mut(&trade.ask);
        let Some(offer) = offer else { return Err(MarketError::Damaged(format!("offer {} is gone", trade.ask))) };
        offer.sold = offer.sold.saturating_add(trade.units.get());
        let seller = offer.tenant.clone();
        let Some(bid) = self.bids.get_mut(&trade.bid) else {
            return Err(MarketError::Damaged(format!("bid {} is gone", trade.bid)));
        };
        let spent = bid.spent.checked_add(trade.cost)?;
        // Rounded over all that the bid spent, so that its parts never come to more than what it held.
        let paid = bid.rate.up(spent)?.checked_sub(bid.rate.up(bid.spent)?)?;
        bid.spent = spent;
        bid.paid = bid.paid.checked_add(paid)?;
        bid.filled = bid.filled.saturating_add(trade.units.get());
        let (buyer, buyer_account, budgets) = (bid.tenant.clone(), bid.account.clone(), bid.budgets.clone());
        let (currency, rate) = (bid.currency.clone(), bid.rate);
        let refs = TransferRefs { round: Some(round), bid: Some(trade.bid), lease: Some(id) };
        self.charge(&budgets, paid)?;
        self.pay_trade(under, trade, paid, (&buyer_account, &currency), &AccountId::Tenant(seller.clone()), &refs)?;
        let security = match trade.class {
            LeaseClass::Reclaimable => trade.security,
            // Should the instances never come, what was paid goes back.
            LeaseClass::Firm => trade.proceeds,
        };
        self.hold(&AccountId::Tenant(seller.clone()), security, under.now)?;
        let lease = Lease {
            id,
            round,
            bid: trade.bid,
            offer: trade.ask,
            persona: book.persona.clone(),
            window: book.window,
            class: trade.class,
            units: trade.units,
            price: trade.price,
            cost: trade.cost,
            terms,
            notice_s: under.snapshot.notice_s,
            min_run_s: under.snapshot.min_run_s,
            buyer,
            seller,
            buyer_account,
            currency,
            rate,
            budgets,
            security,
            instances: Vec::new(),
            granted_at: under.now,
            active_at: None,
            next_attempt_at: self.hand_over_at(book.window),
            attempts: 0,
            state: LeaseState::Granted,
        };
        self.leases.put(id, lease);
        Ok(id)
    }

    fn pay_trade(
        &mut self,
        under: &Under<'_>,
        trade: &Trade,
        paid: MicroCredits,
        (buyer, currency): (&AccountId, &Currency),
        seller: &AccountId,
        refs: &TransferRefs,
    ) -> Result<(), MarketError> {
        let (round, at) = (under.round.id.0, under.now);
        let credit = Currency::credit();
        let fees = AccountId::Fees(credit.clone());
        let leg = |leg: Leg| leg.transfer_id(round, trade.bid, trade.ask);
        let mut payer = buyer.clone();
        if !currency.is_credit() {
            let id = derived(under.round.id, trade.bid, trade.ask, "payment");
            let to = AccountId::Exchange(currency.clone());
            let (amount, kind) = (paid, TransferKind::Payment);
            let (debit, currency, refs) = (payer, currency.clone(), refs.clone());
            self.post(Transfer { id, at, debit, credit: to, amount, currency, kind, refs })?;
            payer = AccountId::Exchange(credit.clone());
        }
        let legs = [
            (Leg::Proceeds, seller.clone(), trade.proceeds, TransferKind::Proceeds),
            (Leg::Fee, fees, trade.fee, TransferKind::Fee),
        ];
        for (which, to, amount, kind) in legs.into_iter().filter(|(_, _, amount, _)| *amount > MicroCredits::ZERO) {
            let (debit, currency, refs) = (payer.clone(), credit.clone(), refs.clone());
            self.post(Transfer { id: leg(which), at, debit, credit: to, amount, currency, kind, refs })?;
        }
        Ok(())
    }

    /// A bid after its trades: over, or holding the money for what it still wants.
    fn close_bid(
        &mut self,
        under: &Under<'_>,
        told: &OrderResult,
        leases: Option<Vec<LeaseId>>,
        seconds: u32,
    ) -> Result<(), MarketError> {
        let id = told.order;
        let reason = OrderReason::from(told.reason);
        let Some(bid) = self.bids.get(&id) else { return Err(MarketError::Damaged(format!("bid {id} is gone"))) };
        let (left, force, known) = (bid.open_quantity(), bid.time_in_force, bid.last_reason);
        if known != Some(reason)
            && let Some(bid) = self.bids.get_mut(&id)
        {
            bid.last_reason = Some(reason);
        }
        if let Some(leases) = leases {
            self.tell_filled(under, id, "bid", told, &leases);
        }
        if left == 0 {
            return self.end_bid(id, EndCause::Filled, under.now);
        }
        if told.filled > 0 {
            self.hold_rest(id, left, seconds, under.now)?;
        }
        match force {
            TimeInForce::NextRound | TimeInForce::Round { .. } => self.end_bid(id, EndCause::Expired, under.now),
            TimeInForce::Until { .. } | TimeInForce::UntilWindow => Ok(()),
        }
    }

    fn hold_rest(&mut self, id: OrderId, left: u32, seconds: u32, at: TimestampMs) -> Result<(), MarketError> {
        let Some(bid) = self.bids.get_mut(&id) else { return Ok(()) };
        let rest = bid.limit.cost(Quantity::try_from(i64::from(left))?, seconds)?;
        let held = bid.rate.up(bid.spent.checked_add(rest)?)?.checked_sub(bid.rate.up(bid.spent)?)?;
        bid.held = held;
        let (account, budgets) = (bid.account.clone(), bid.budgets.clone());
        self.charge(&budgets, held)?;
        self.hold(&account, held, at)
    }

    fn close_offer(
        &mut self,
        under: &Under<'_>,
        told: &OrderResult,
        leases: Option<Vec<LeaseId>>,
    ) -> Result<(), MarketError> {
        let id = told.order;
        let reason = OrderReason::from(told.reason);
        let Some(offer) = self.offers.get(&id) else { return Err(MarketError::Damaged(format!("offer {id} is gone"))) };
        let (left, force, known) = (offer.open_quantity(), offer.time_in_force, offer.last_reason);
        // That a part was not covered tells the owner more than what became of the rest.
        if known != Some(reason)
            && (known != Some(OrderReason::BudgetHold) || left == 0)
            && let Some(offer) = self.offers.get_mut(&id)
        {
            offer.last_reason = Some(reason);
        }
        if let Some(leases) = leases {
            self.tell_filled(under, id, "offer", told, &leases);
        }
        match force {
            _ if left == 0 => self.end_offer(id, EndCause::Filled, under.now),
            TimeInForce::NextRound | TimeInForce::Round { .. } => self.end_offer(id, EndCause::Expired, under.now),
            TimeInForce::Until { .. } | TimeInForce::UntilWindow => Ok(()),
        }
    }

    fn tell_filled(&mut self, under: &Under<'_>, id: OrderId, side: &str, told: &OrderResult, leases: &[LeaseId]) {
        let tenant = match side {
            "bid" => self.bids.get(&id).map(|bid| bid.tenant.clone()),
            _ => self.offers.get(&id).map(|offer| offer.tenant.clone()),
        };
        let price = leases.first().and_then(|lease| self.leases.get(lease)).map(|lease| lease.price);
        let data = json!({"side": side, "filled": told.filled, "price": price, "leases": leases});
        let (topic, at, of) = (MarketTopic::OrderFilled, under.now, under.round.number.to_string());
        let round = Some(under.round.id);
        self.tell(NewEvent { at, topic, tenant, subject: id.to_string(), of, round, data });
    }

    /// Ends the other bids of every group of which one traded.
    fn end_filled_groups(&mut self, snapshot: &Snapshot, now: TimestampMs) -> Result<(), MarketError> {
        let traded = |id: OrderId| self.bids.get(&id).filter(|bid| bid.filled > 0).and_then(Self::group_of);
        let groups: HashSet<_> = snapshot.orders().filter_map(traded).collect();
        if groups.is_empty() {
            return Ok(());
        }
        let others = self.bids.values().filter(|bid| bid.state.is_open() && bid.filled == 0);
        let others = others.filter(|bid| Self::group_of(bid).is_some_and(|group| groups.contains(&group)));
        let ids: Vec<_> = others.map(|bid| bid.id).collect();
        ids.into_iter().try_for_each(|id| self.end_bid(id, EndCause::GroupFilled, now))
    }

    fn note_prices(&mut self, under: &Under<'_>, book: &SealedBook, cleared: &TwoClassClearing) {
        let at = under.round.state.seal().map_or(under.now, |seal| seal.at);
        for (class, orders) in
            [(LeaseClass::Firm, book.orders.firm()), (LeaseClass::Reclaimable, book.orders.reclaimable())]
        {
            let outcome = cleared.outcome(class);
            if orders.bids().is_empty() && orders.asks().is_empty() && outcome.volume == 0 {
                continue;
            }
            self.prices.push(PricePoint {
                round: under.round.number,
                at,
                kind: under.round.kind,
                persona: book.persona.clone(),
                window: book.window,
                class,
                price: outcome.price,
                volume: outcome.volume,
                unfilled_demand: outcome.unfilled_demand,
                regime: PricePoint::regime_name(cleared.regime).to_owned(),
            });
        }
    }
}

impl Sums {
    fn add(&mut self, plan: &SettlePlan) -> Result<(), MarketError> {
        self.trades += plan.trades.len() as u64;
        self.units += plan.trades.iter().map(|trade| u64::from(trade.units.get())).sum::<u64>();
        self.turnover = self.turnover.checked_add(plan.turnover)?;
        self.fees = self.fees.checked_add(plan.fees)?;
        Ok(())
    }
}

/// The id of a trade's lease: settling the same round again gives the same one.
pub(crate) fn lease_id(round: RoundId, bid: OrderId, ask: OrderId) -> LeaseId {
    LeaseId(derived(round, bid, ask, "lease"))
}

fn derived(round: RoundId, bid: OrderId, ask: OrderId, name: &str) -> Uuid {
    Uuid::new_v5(&round.0, &[bid.0.as_bytes().as_slice(), ask.0.as_bytes(), name.as_bytes()].concat())
}

/// The bytes of a hash that was written down.
fn digest(text: &str) -> Result<[u8; 32], MarketError> {
    Link::parse(text).map(|link| link.0).ok_or_else(|| MarketError::Damaged(format!("`{text}` is no hash")))
}
