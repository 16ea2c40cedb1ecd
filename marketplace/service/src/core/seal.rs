//! Sealing: which orders take part in a round is fixed, together with the terms and the money that any result may take.

use super::{
    snapshot::{SealedBook, Snapshot},
    state::{NewEvent, State},
};
use crate::{
    error::MarketError,
    model::{
        AccountId, BidOrder, DeliveryWindow, MarketKind, MarketTopic, Offer, OrderReason, RoundState, Seal,
        TimeInForce, lease_duration,
    },
};
use forewarm_auction::{
    Ask, Bid, DominantShare, FirmPremium, LeaseClass, MicroCredits, MoneyOverflow, ORDERS_MAX, OrderId, Orders, Price,
    Quantity, RoundNumber, Seed, TwoClassBook, TwoClassOrders,
};
use forewarm_domain::{
    id::{PersonaName, TenantName},
    time::{SECOND_MS, TimestampMs},
};
use serde_json::json;
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

/// The orders that meet.
type BookKey = (PersonaName, DeliveryWindow);

impl State {
    /// Seals a round and opens the next of its kind.
    pub(crate) fn seal(
        &mut self,
        number: RoundNumber,
        next: Seed,
        now: TimestampMs,
    ) -> Result<Arc<Snapshot>, MarketError> {
        let round = self.round(number)?.round.clone();
        // A round that is sealed much too late, after a pause, is sealed as of now.
        let late = now.since(round.seals_at) >= i64::from(self.interval_s(round.kind)) * SECOND_MS;
        let at = if late { now } else { round.seals_at };
        self.expire_orders(at, now)?;
        let books = self.books(number, round.kind, at, now)?;
        let snapshot = Snapshot {
            fee: self.config.fee,
            compensation: self.config.compensation,
            notice_s: self.config.notice_s,
            min_run_s: self.config.min_run_s,
            books,
        };
        let orders: Vec<_> = snapshot.orders().collect();
        orders.iter().for_each(|order| self.sealed.put(*order, Some(number)));
        let text = serde_json::to_string(&snapshot).map_err(|error| MarketError::Damaged(error.to_string()))?;
        let seal = Seal {
            at: now,
            books: snapshot.books.len() as u64,
            orders: orders.len() as u64,
            snapshot: blake3::hash(text.as_bytes()).to_hex().to_string(),
        };
        let data = json!({"round": number, "kind": round.kind, "orders": seal.orders, "books": seal.books});
        self.snapshots.push((round.id, text));
        self.set_round(number, RoundState::Sealed { seal })?;
        let (topic, subject) = (MarketTopic::RoundSealed, number.to_string());
        self.tell(NewEvent { at: now, topic, tenant: None, subject, of: String::new(), round: Some(round.id), data });
        self.open(round.kind, next, now);
        Ok(Arc::new(snapshot))
    }

    /// The books of the round, in the order of persona and window.
    fn books(
        &mut self,
        number: RoundNumber,
        kind: MarketKind,
        at: TimestampMs,
        now: TimestampMs,
    ) -> Result<Vec<SealedBook>, MarketError> {
        let takes = |window: DeliveryWindow, force: TimeInForce| {
            let named = !matches!(force, TimeInForce::Round { number: named } if named != number);
            named && window.from() >= at && self.kind_of(window, at) == kind
        };
        let waits = self.waiting_for_their_group(&takes);
        let mut bids: BTreeMap<BookKey, Vec<OrderId>> = BTreeMap::new();
        let open_bids = self.bids.values().filter(|bid| bid.state.is_open() && takes(bid.window, bid.time_in_force));
        for bid in open_bids.filter(|bid| !waits.contains(&bid.id)) {
            bids.entry((bid.persona.clone(), bid.window)).or_default().push(bid.id);
        }
        let mut offers: BTreeMap<BookKey, Vec<OrderId>> = BTreeMap::new();
        let open_offers = self.offers.values().filter(|offer| offer.state.is_open());
        for offer in open_offers.filter(|offer| takes(offer.window, offer.time_in_force)) {
            offers.entry((offer.persona.clone(), offer.window)).or_default().push(offer.id);
        }
        let shares = self.dominant_shares();
        let mut books = Vec::with_capacity(bids.len());
        for (key, bids) in bids {
            let offers = oldest(offers.remove(&key).unwrap_or_default());
            let bids = oldest(bids);
            books.push(self.book(key, bids, offers, &shares, now)?);
        }
        Ok(books)
    }

    /// Of each exclusive group one bid takes part: the one that tried least, then the oldest. No other does while one of
    /// its group is in a round that is not settled.
    fn waiting_for_their_group(&self, takes: &dyn Fn(DeliveryWindow, TimeInForce) -> bool) -> HashSet<OrderId> {
        let mut groups: HashMap<_, Vec<&BidOrder>> = HashMap::new();
        for bid in self.bids.values().filter(|bid| bid.state.is_open()) {
            if let Some(group) = Self::group_of(bid) {
                groups.entry(group).or_default().push(bid);
            }
        }
        let mut waits = HashSet::new();
        for members in groups.into_values() {
            let busy = members.iter().any(|bid| self.sealed_in(bid.id).is_some());
            let able = members.iter().filter(|bid| takes(bid.window, bid.time_in_force));
            let turn = able.min_by_key(|bid| (bid.rounds_tried, bid.id)).map(|bid| bid.id).filter(|_| !busy);
            waits.extend(members.iter().map(|bid| bid.id).filter(|id| Some(*id) != turn));
        }
        waits
    }

    /// What each organisation leases of all that is leased.
    fn dominant_shares(&self) -> HashMap<TenantName, DominantShare> {
        let mut units: HashMap<TenantName, u64> = HashMap::new();
        for lease in self.leases.values().filter(|lease| !lease.state.is_over()) {
            if let Some(centre) = self.centres.get(&lease.buyer) {
                *units.entry(centre.organisation.clone()).or_default() += u64::from(lease.units.get());
            }
        }
        let all = units.values().sum::<u64>().max(1);
        let share = |units| DominantShare::new(units, all).unwrap_or(DominantShare::NONE);
        units.into_iter().map(|(name, units)| (name, share(units))).collect()
    }

    fn book(
        &mut self,
        (persona, window): BookKey,
        bids: Vec<OrderId>,
        offers: Vec<OrderId>,
        shares: &HashMap<TenantName, DominantShare>,
        now: TimestampMs,
    ) -> Result<SealedBook, MarketError> {
        let mut orders = TwoClassOrders::default();
        let mut highest = Price::try_from(1)?;
        for id in bids {
            let Some(bid) = self.bids.get_mut(&id) else { continue };
            if bid.exclusive_group.is_some() {
                bid.rounds_tried = bid.rounds_tried.saturating_add(1);
            }
            highest = highest.max(bid.limit);
            let share = shares.get(&bid.organisation).copied().unwrap_or(DominantShare::NONE);
            side(&mut orders, bid.class).bids.push(sealed_bid(bid, share)?);
        }
        let seconds = lease_duration(window)?.seconds();
        let mut premium = FirmPremium::default();
        for id in offers {
            let Some(covered) = self.guarantee(id, highest, seconds, now)? else { continue };
            let Some(offer) = self.offers.get(&id) else { continue };
            premium = premium.max(offer.firm_premium);
            side(&mut orders, offer.class).asks.push(sealed_ask(offer, covered));
        }
        orders.premium = premium;
        let orders = TwoClassBook::try_from(orders).map_err(|error| MarketError::Damaged(error.to_string()))?;
        Ok(SealedBook { persona, window, orders })
    }

    /// Sets aside what the securities of an offer may take beyond its proceeds, for as many instances as the owner can
    /// pay for; none when it can for none.
    fn guarantee(
        &mut self,
        id: OrderId,
        highest: Price,
        seconds: u32,
        now: TimestampMs,
    ) -> Result<Option<Quantity>, MarketError> {
        let Some(offer) = self.offers.get(&id) else { return Ok(None) };
        let account = AccountId::Tenant(offer.tenant.clone());
        let (open, known) = (offer.open_quantity(), offer.last_reason);
        let available = self.account(&account)?.available()?;
        let needs = |units: u32| self.guarantee_for(units, highest, seconds);
        let fits = |units: u32| needs(units).is_ok_and(|amount| amount <= available);
        let covered = if fits(open) { open } else { largest(open, fits) };
        if covered < open
            && known != Some(OrderReason::BudgetHold)
            && let Some(offer) = self.offers.get_mut(&id)
        {
            offer.last_reason = Some(OrderReason::BudgetHold);
        }
        let Ok(quantity) = Quantity::try_from(i64::from(covered)) else { return Ok(None) };
        let amount = self.guarantee_for(covered, highest, seconds)?;
        if amount > MicroCredits::ZERO {
            self.hold(&account, amount, now)?;
            if let Some(offer) = self.offers.get_mut(&id) {
                offer.guarantee = amount;
            }
        }
        Ok(Some(quantity))
    }

    /// Security less proceeds is compensation and fee. Each trade rounds both, and there are at most as many as units.
    fn guarantee_for(&self, units: u32, highest: Price, seconds: u32) -> Result<MicroCredits, MoneyOverflow> {
        let Ok(quantity) = Quantity::try_from(i64::from(units)) else { return Ok(MicroCredits::ZERO) };
        let cost = highest.cost(quantity, seconds)?;
        let (compensation, fee) = (self.config.compensation, self.config.fee);
        let rounding = if compensation.get() == 0 { 0 } else { i64::from(units) };
        let both = compensation.of_rounded_up(cost).checked_add(fee.of_rounded_up(cost))?;
        // Nobody may owe more than an amount can hold, refund included.
        cost.checked_add(both)?;
        both.checked_add(MicroCredits(rounding))
    }
}

/// As many orders as a book takes of one side; the newest wait for the next round.
fn oldest(mut orders: Vec<OrderId>) -> Vec<OrderId> {
    orders.sort_unstable();
    orders.truncate(ORDERS_MAX / 2);
    orders
}

/// The most of `all` for which a rule holds that holds for less if it holds for more.
fn largest(all: u32, fits: impl Fn(u32) -> bool) -> u32 {
    let (mut good, mut bad) = (0, all);
    while bad - good > 1 {
        let middle = good + (bad - good) / 2;
        if fits(middle) { good = middle } else { bad = middle }
    }
    good
}

fn side(orders: &mut TwoClassOrders, class: LeaseClass) -> &mut Orders {
    match class {
        LeaseClass::Firm => &mut orders.firm,
        LeaseClass::Reclaimable => &mut orders.reclaimable,
    }
}

fn sealed_bid(bid: &BidOrder, dominant_share: DominantShare) -> Result<Bid, MarketError> {
    Ok(Bid {
        id: bid.id,
        limit: bid.limit,
        quantity: Quantity::try_from(i64::from(bid.open_quantity()))?,
        // Once so many are leased, more of any number are of use.
        min_fill: bid.min_fill.filter(|_| bid.filled == 0),
        entry_round: bid.entry_round,
        organisation: bid.organisation.clone(),
        dominant_share,
    })
}

fn sealed_ask(offer: &Offer, quantity: Quantity) -> Ask {
    Ask {
        id: offer.id,
        reserve: offer.reserve,
        quantity,
        entry_round: offer.entry_round,
        organisation: offer.organisation.clone(),
    }
}
