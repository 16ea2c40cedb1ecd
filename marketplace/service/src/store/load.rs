//! What is read at the start: everything that is not over.

use super::{
    Store,
    entity::{
        account, bid, budget, cost_centre, lease, offer, organisation, outbox, reclaim, round, setting, snapshot,
        transfer,
    },
    error::of,
    row::{self, parse},
    statements::CHAIN,
};
use crate::{
    config::MarketConfig,
    core::{
        snapshot::Snapshot,
        state::{KeyName, KeyUse, Loaded, RoundRecord},
    },
    error::MarketError,
    model::{BidOrder, Offer, RoundId, RoundState},
};
use forewarm_auction::{OrderId, RoundNumber};
use forewarm_domain::time::{HOUR_MS, TimestampMs};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::{NoContext, Timestamp, Uuid};

impl Store {
    /// Everything that is not over.
    pub(crate) async fn load(&self, config: &MarketConfig) -> Result<Loaded, MarketError> {
        let mut loaded = Loaded::default();
        self.load_people(&mut loaded).await?;
        self.load_orders(config, &mut loaded).await?;
        self.load_rounds(&mut loaded).await?;
        let db = self.reader();
        let leases = lease::Entity::find().filter(lease::Column::Live.eq(true)).all(db).await.map_err(of)?;
        loaded.leases = leases.iter().map(|row| parse("a lease", &row.body)).collect::<Result<_, _>>()?;
        let reclaims = reclaim::Entity::find().all(db).await.map_err(of)?;
        loaded.reclaims = reclaims.iter().map(|row| parse("a reclaim", &row.body)).collect::<Result<_, _>>()?;
        let newest = transfer::Entity::find().order_by_desc(transfer::Column::Sequence).limit(1);
        loaded.last_transfer = newest.one(db).await.map_err(of)?.map_or(0, |row| row.sequence);
        loaded.last_event = self.last_event().await?;
        loaded.sent_through = self.sent_through().await?;
        loaded.chain = self.setting(CHAIN).await?;
        Ok(loaded)
    }

    async fn load_people(&self, loaded: &mut Loaded) -> Result<(), MarketError> {
        let db = self.reader();
        let organisations = organisation::Entity::find().all(db).await.map_err(of)?;
        loaded.organisations =
            organisations.iter().map(|row| parse("an organisation", &row.body)).collect::<Result<_, _>>()?;
        let centres = cost_centre::Entity::find().all(db).await.map_err(of)?;
        loaded.centres = centres.iter().map(|row| parse("a cost centre", &row.body)).collect::<Result<_, _>>()?;
        let accounts = account::Entity::find().all(db).await.map_err(of)?;
        loaded.accounts = accounts.iter().map(row::to_account).collect::<Result<_, _>>()?;
        let budgets = budget::Entity::find().all(db).await.map_err(of)?;
        loaded.budgets = budgets.iter().map(|row| parse("a budget", &row.body)).collect::<Result<_, _>>()?;
        Ok(())
    }

    /// Open orders, and the keys of all that are recent.
    async fn load_orders(&self, config: &MarketConfig, loaded: &mut Loaded) -> Result<(), MarketError> {
        let db = self.reader();
        let bids = bid::Entity::find().filter(bid::Column::Open.eq(true)).all(db).await.map_err(of)?;
        loaded.bids = bids.iter().map(|row| parse("a bid", &row.body)).collect::<Result<_, _>>()?;
        let offers = offer::Entity::find().filter(offer::Column::Open.eq(true)).all(db).await.map_err(of)?;
        loaded.offers = offers.iter().map(|row| parse("an offer", &row.body)).collect::<Result<_, _>>()?;
        let newest = bid::Entity::find().order_by_desc(bid::Column::Id).limit(1).one(db).await.map_err(of)?;
        let newest: Option<BidOrder> = newest.map(|row| parse("a bid", &row.body)).transpose()?;
        let newest_offer = offer::Entity::find().order_by_desc(offer::Column::Id).limit(1).one(db).await.map_err(of)?;
        let newest_offer: Option<Offer> = newest_offer.map(|row| parse("an offer", &row.body)).transpose()?;
        let at = newest.map(|bid| bid.placed_at).max(newest_offer.map(|offer| offer.placed_at)).unwrap_or_default();
        let since = first_id(at - i64::from(config.key_memory_h) * HOUR_MS);
        let keyed = bid::Entity::find().filter(bid::Column::HasKey.eq(true)).filter(bid::Column::Id.gte(since));
        for row in keyed.all(db).await.map_err(of)? {
            let bid: BidOrder = parse("a bid", &row.body)?;
            let used = KeyUse { order: bid.id, fingerprint: bid.fingerprint, at: bid.placed_at };
            loaded.keys.extend(bid.idempotency_key.map(|key| -> (KeyName, KeyUse) { ((bid.tenant, true, key), used) }));
        }
        let keyed = offer::Entity::find().filter(offer::Column::HasKey.eq(true)).filter(offer::Column::Id.gte(since));
        for row in keyed.all(db).await.map_err(of)? {
            let offer: Offer = parse("an offer", &row.body)?;
            let used = KeyUse { order: offer.id, fingerprint: offer.fingerprint, at: offer.placed_at };
            loaded.keys.extend(offer.idempotency_key.map(|key| ((offer.tenant, false, key), used)));
        }
        Ok(())
    }

    /// Rounds that are not published, and the orders that are sealed in them.
    async fn load_rounds(&self, loaded: &mut Loaded) -> Result<(), MarketError> {
        let db = self.reader();
        let rounds = round::Entity::find().filter(round::Column::State.ne("published")).all(db).await.map_err(of)?;
        loaded.rounds =
            rounds.iter().map(|row| parse("a round", &row.body)).collect::<Result<Vec<RoundRecord>, _>>()?;
        let newest = round::Entity::find().order_by_desc(round::Column::Number).limit(1);
        let newest = newest.one(db).await.map_err(of)?.map_or(0, |row| row.number);
        loaded.last_round = u64::try_from(newest).unwrap_or(0);
        let mut sealed: Vec<(OrderId, RoundNumber)> = Vec::new();
        for record in &loaded.rounds {
            if matches!(record.round.state, RoundState::Sealed { .. } | RoundState::Cleared { .. }) {
                let snapshot = self.snapshot(record.round.id).await?;
                sealed.extend(snapshot.orders().map(|order| (order, record.round.number)));
            }
        }
        loaded.sealed = sealed;
        Ok(())
    }

    /// What was sealed in a round.
    pub(crate) async fn snapshot(&self, round: RoundId) -> Result<Snapshot, MarketError> {
        let row = snapshot::Entity::find_by_id(round.0).one(self.reader()).await.map_err(of)?;
        let row = row.ok_or_else(|| MarketError::Damaged(format!("the snapshot of round {round} is missing")))?;
        parse("a snapshot", &row.body)
    }

    /// The sequence of the newest event; zero before the first.
    pub(crate) async fn last_event(&self) -> Result<i64, MarketError> {
        let newest = outbox::Entity::find().order_by_desc(outbox::Column::Sequence).limit(1);
        Ok(newest.one(self.reader()).await.map_err(of)?.map_or(0, |row| row.sequence))
    }

    /// A setting of the market's own.
    pub(super) async fn setting(&self, key: &str) -> Result<Option<String>, MarketError> {
        let row = setting::Entity::find_by_id(key.to_owned()).one(self.reader()).await.map_err(of)?;
        Ok(row.map(|row| row.value))
    }
}

/// An id below all that were made from this instant on.
fn first_id(at: TimestampMs) -> Uuid {
    let ms = u64::try_from(at.0).unwrap_or(0);
    let nanos = u32::try_from(ms % 1_000).unwrap_or(0) * 1_000_000;
    let id = Uuid::new_v7(Timestamp::from_unix(NoContext, ms / 1_000, nanos));
    // The first 48 bits are the time; the rest is chance.
    Uuid::from_u128(id.as_u128() & (u128::MAX << 80))
}
