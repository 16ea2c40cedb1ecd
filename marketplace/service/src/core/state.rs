//! Everything that the market knows and that is not over: what the store holds, as of the last transaction, and the
//! changes of the next one.

use super::{
    indexed::{Found, Indexed},
    table::{Log, Table},
};
use crate::{
    config::MarketConfig,
    model::{
        Account, AccountId, BidOrder, Budget, CostCentre, ExclusiveGroup, IdempotencyKey, Lease, LeaseId, MarketTopic,
        Offer, Organisation, OutboxEvent, PricePoint, Round, RoundId, RoundState, Transfer,
    },
    probe::Point,
};
use forewarm_auction::{OrderId, RoundNumber, Seed};
use forewarm_bus::message::market::Reclaimed;
use forewarm_domain::{
    id::{PersonaName, ReclaimId, TenantName},
    time::TimestampMs,
};
use serde::{Deserialize, Serialize};
use std::{collections::HashMap, sync::Arc};
use uuid::Uuid;

/// A round with what is not told before its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RoundRecord {
    pub round: Round,
    pub seed: Seed,
    /// The last event of its settlement; zero before.
    pub events_through: i64,
}

/// A reclaim that a host asked for, with its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReclaimRecord {
    pub id: ReclaimId,
    pub persona: PersonaName,
    pub units: u32,
    pub answer: Reclaimed,
}

/// What an idempotency key stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyUse {
    pub order: OrderId,
    pub fingerprint: String,
    pub at: TimestampMs,
}

/// A transfer with its place in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Booked {
    pub sequence: i64,
    pub transfer: Transfer,
}

/// The side of the market that a key belongs to: a bid and an offer may have the same one.
pub(crate) type KeyName = (TenantName, bool, IdempotencyKey);

/// What the store gives at the start.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    pub organisations: Vec<Organisation>,
    pub centres: Vec<CostCentre>,
    pub accounts: Vec<Account>,
    pub budgets: Vec<Budget>,
    pub bids: Vec<BidOrder>,
    pub offers: Vec<Offer>,
    pub rounds: Vec<RoundRecord>,
    pub leases: Vec<Lease>,
    pub reclaims: Vec<ReclaimRecord>,
    pub keys: Vec<(KeyName, KeyUse)>,
    /// Orders of rounds that are sealed and not settled.
    pub sealed: Vec<(OrderId, RoundNumber)>,
    pub last_round: u64,
    pub last_transfer: i64,
    pub last_event: i64,
    pub sent_through: i64,
    pub chain: Option<String>,
}

/// What one transaction writes.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub organisations: Vec<Organisation>,
    pub centres: Vec<CostCentre>,
    pub accounts: Vec<Account>,
    pub budgets: Vec<Budget>,
    pub bids: Vec<BidOrder>,
    pub offers: Vec<Offer>,
    pub rounds: Vec<RoundRecord>,
    pub leases: Vec<Lease>,
    pub reclaims: Vec<ReclaimRecord>,
    pub transfers: Vec<Booked>,
    pub events: Vec<OutboxEvent>,
    pub prices: Vec<PricePoint>,
    pub snapshots: Vec<(RoundId, String)>,
    pub sent_through: Option<i64>,
    pub chain: Option<String>,
}

/// Everything that is not over.
#[derive(Debug)]
pub(crate) struct State {
    pub config: Arc<MarketConfig>,
    pub organisations: Table<TenantName, Organisation>,
    pub centres: Table<TenantName, CostCentre>,
    pub accounts: Table<AccountId, Account>,
    /// Found by whose they are.
    pub budgets: Indexed<Uuid, Budget>,
    pub bids: Table<OrderId, BidOrder>,
    pub offers: Table<OrderId, Offer>,
    pub rounds: Table<RoundNumber, RoundRecord>,
    /// Found by when something is due.
    pub leases: Indexed<LeaseId, Lease>,
    pub reclaims: Table<ReclaimId, ReclaimRecord>,
    /// Remembered for a while; not stored, since the orders are.
    pub keys: Table<KeyName, KeyUse>,
    /// Open orders per cost centre; not stored.
    pub open_orders: Table<TenantName, u32>,
    /// Orders that take part in a round between seal and settlement.
    pub sealed: Table<OrderId, Option<RoundNumber>>,
    /// When hosts last announced what they can spare; not stored, since they repeat it.
    pub announced: HashMap<PersonaName, TimestampMs>,
    pub transfers: Log<Booked>,
    pub events: Log<OutboxEvent>,
    pub prices: Log<PricePoint>,
    pub snapshots: Log<(RoundId, String)>,
    /// How far events have left, if that is to be noted.
    pub sent_through: Option<i64>,
    /// How far events have left.
    pub sent: i64,
    pub last_round: u64,
    pub last_transfer: i64,
    pub last_event: i64,
    /// The audit chain's newest link.
    pub chain: Table<(), String>,
    /// Where the probe is told that all rows are sent and nothing is committed.
    pub before_commit: Option<Point>,
}

/// The link that the audit chain begins with.
const CHAIN_BEGIN: &str = "0000000000000000000000000000000000000000000000000000000000000000";

impl State {
    /// What was loaded, with nothing changed.
    pub(crate) fn new(config: Arc<MarketConfig>, loaded: Loaded) -> Self {
        let mut open: HashMap<TenantName, u32> = HashMap::new();
        let tenants = loaded.bids.iter().map(|bid| &bid.tenant).chain(loaded.offers.iter().map(|offer| &offer.tenant));
        tenants.for_each(|tenant| *open.entry(tenant.clone()).or_default() += 1);
        let chain = loaded.chain.unwrap_or_else(|| CHAIN_BEGIN.to_owned());
        Self {
            config,
            organisations: Table::of(loaded.organisations.into_iter().map(|row| (row.name.clone(), row))),
            centres: Table::of(loaded.centres.into_iter().map(|row| (row.name.clone(), row))),
            accounts: Table::of(loaded.accounts.into_iter().map(|row| (row.id.clone(), row))),
            budgets: Indexed::of(loaded.budgets.into_iter().map(|row| (row.id, row))),
            bids: Table::of(loaded.bids.into_iter().map(|row| (row.id, row))),
            offers: Table::of(loaded.offers.into_iter().map(|row| (row.id, row))),
            rounds: Table::of(loaded.rounds.into_iter().map(|row| (row.round.number, row))),
            leases: Indexed::of(loaded.leases.into_iter().map(|row| (row.id, row))),
            reclaims: Table::of(loaded.reclaims.into_iter().map(|row| (row.id, row))),
            keys: Table::of(loaded.keys),
            open_orders: Table::of(open),
            sealed: Table::of(loaded.sealed.into_iter().map(|(order, round)| (order, Some(round)))),
            announced: HashMap::new(),
            transfers: Log::default(),
            events: Log::default(),
            prices: Log::default(),
            snapshots: Log::default(),
            sent_through: None,
            sent: loaded.sent_through,
            last_round: loaded.last_round,
            last_transfer: loaded.last_transfer,
            last_event: loaded.last_event,
            chain: Table::of([((), chain)]),
            before_commit: None,
        }
    }

    /// What was changed so far is taken.
    pub(crate) fn savepoint(&mut self) {
        self.each(|rows| rows.savepoint());
    }

    /// What was changed since the last savepoint is refused. Numbers that were given out stay used.
    pub(crate) fn rollback(&mut self) {
        self.each(|rows| rows.rollback());
    }

    fn each(&mut self, what: impl Fn(&mut dyn Tracked)) {
        let all: [&mut dyn Tracked; 17] = [
            &mut self.organisations,
            &mut self.centres,
            &mut self.accounts,
            &mut self.budgets,
            &mut self.bids,
            &mut self.offers,
            &mut self.rounds,
            &mut self.leases,
            &mut self.reclaims,
            &mut self.keys,
            &mut self.open_orders,
            &mut self.sealed,
            &mut self.chain,
            &mut self.transfers,
            &mut self.events,
            &mut self.prices,
            &mut self.snapshots,
        ];
        all.into_iter().for_each(what);
    }

    /// What changed since the last transaction. What is over leaves memory.
    pub(crate) fn drain(&mut self) -> Changes {
        // Not stored: they follow from the orders and the rounds.
        self.keys.written();
        drop(self.open_orders.drain(|open| *open == 0));
        drop(self.sealed.drain(Option::is_none));
        Changes {
            organisations: self.organisations.drain(|_| false),
            centres: self.centres.drain(|_| false),
            accounts: self.accounts.drain(|_| false),
            budgets: self.budgets.drain(|_| false),
            bids: self.bids.drain(|bid| !bid.state.is_open()),
            offers: self.offers.drain(|offer| !offer.state.is_open()),
            rounds: self.rounds.drain(|record| matches!(record.round.state, RoundState::Published { .. })),
            leases: self.leases.drain(|lease| lease.state.is_over()),
            reclaims: self.reclaims.drain(|_| false),
            transfers: self.transfers.drain(),
            events: self.events.drain(),
            prices: self.prices.drain(),
            snapshots: self.snapshots.drain(),
            sent_through: self.sent_through.take(),
            chain: self.chain.drain(|_| false).pop(),
        }
    }

    /// The round in which an order is sealed and not yet settled.
    pub(crate) fn sealed_in(&self, order: OrderId) -> Option<RoundNumber> {
        self.sealed.get(&order).copied().flatten()
    }

    /// Adds an event to the outbox. Its id is derived from `of`, which names what happened.
    pub(crate) fn tell(&mut self, event: NewEvent) {
        self.last_event += 1;
        let name = format!("{}/{}/{}", event.topic, event.subject, event.of);
        let id = Uuid::new_v5(&EVENTS, name.as_bytes());
        let NewEvent { at, topic, tenant, subject, round, data, .. } = event;
        self.events.push(OutboxEvent { sequence: self.last_event, id, at, topic, tenant, subject, round, data });
    }

    /// Forgets keys that are older than they are remembered.
    pub(crate) fn forget_keys(&mut self, now: TimestampMs) {
        let oldest = now - i64::from(self.config.key_memory_h) * forewarm_domain::time::HOUR_MS;
        self.keys.forget(|key| key.at < oldest);
    }

    /// The exclusive group of a bid.
    pub(crate) fn group_of(bid: &BidOrder) -> Option<(TenantName, ExclusiveGroup)> {
        bid.exclusive_group.clone().map(|group| (bid.tenant.clone(), group))
    }
}

/// The name space of events.
const EVENTS: Uuid = Uuid::from_u128(0x666f_7265_7761_726d_6576_656e_7473_0001);

/// An event before it has a place.
pub(crate) struct NewEvent {
    pub at: TimestampMs,
    pub topic: MarketTopic,
    pub tenant: Option<TenantName>,
    pub subject: String,
    /// Tells events of the same topic and subject apart.
    pub of: String,
    pub round: Option<RoundId>,
    pub data: serde_json::Value,
}

/// What can take back its changes.
trait Tracked {
    fn savepoint(&mut self);
    fn rollback(&mut self);
}

impl<K: Clone + Eq + std::hash::Hash, V: Clone> Tracked for Table<K, V> {
    fn savepoint(&mut self) {
        Table::savepoint(self);
    }
    fn rollback(&mut self) {
        Table::rollback(self);
    }
}

impl<K: Clone + Ord + std::hash::Hash, V: Found> Tracked for Indexed<K, V> {
    fn savepoint(&mut self) {
        Indexed::savepoint(self);
    }
    fn rollback(&mut self) {
        Table::rollback(self);
    }
}

impl<V> Tracked for Log<V> {
    fn savepoint(&mut self) {
        Log::savepoint(self);
    }
    fn rollback(&mut self) {
        Log::rollback(self);
    }
}
