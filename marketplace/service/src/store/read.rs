//! What callers read: committed rows, newest or oldest first, never more than a page.

use super::{
    Store,
    entity::{bid, lease, offer, outbox, price, round, transfer},
    error::of,
    row::{self, class_name, number, parse},
    statements::SENT_THROUGH,
};
use crate::{
    core::state::{Booked, RoundRecord},
    error::MarketError,
    market::{EventQuery, LeaseQuery, LedgerQuery, OrderQuery, PriceQuery, Side},
    model::{AccountId, BidOrder, Lease, LeaseId, MarketKind, Offer, OutboxEvent, PricePoint, Round, Transfer},
};
use forewarm_auction::{OrderId, RoundNumber};
use forewarm_domain::{id::TenantName, time::TimestampMs};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use std::collections::HashMap;
use uuid::Uuid;

/// The most rows of a page.
const PAGE_MAX: u32 = 1_000;

fn page(limit: u32) -> u64 {
    u64::from(limit.clamp(1, PAGE_MAX))
}

fn names(tenants: &[TenantName]) -> impl Iterator<Item = &str> {
    tenants.iter().map(TenantName::as_str)
}

/// Every function reads what was committed when it was called.
impl Store {
    pub(crate) async fn transfer(&self, id: Uuid) -> Result<Option<Transfer>, MarketError> {
        let row = transfer::Entity::find().filter(transfer::Column::Id.eq(id)).one(self.reader()).await.map_err(of)?;
        row.map(|row| row::to_transfer(&row).map(|booked| booked.transfer)).transpose()
    }

    pub(crate) async fn bid(&self, id: OrderId) -> Result<Option<BidOrder>, MarketError> {
        let row = bid::Entity::find_by_id(id.0).one(self.reader()).await.map_err(of)?;
        row.map(|row| parse("a bid", &row.body)).transpose()
    }

    pub(crate) async fn offer(&self, id: OrderId) -> Result<Option<Offer>, MarketError> {
        let row = offer::Entity::find_by_id(id.0).one(self.reader()).await.map_err(of)?;
        row.map(|row| parse("an offer", &row.body)).transpose()
    }

    pub(crate) async fn lease(&self, id: LeaseId) -> Result<Option<Lease>, MarketError> {
        let row = lease::Entity::find_by_id(id.0).one(self.reader()).await.map_err(of)?;
        row.map(|row| parse("a lease", &row.body)).transpose()
    }

    pub(crate) async fn round(&self, round: RoundNumber) -> Result<Option<Round>, MarketError> {
        let row = round::Entity::find_by_id(number(round.0)).one(self.reader()).await.map_err(of)?;
        row.map(|row| parse("a round", &row.body).map(|record: RoundRecord| record.round)).transpose()
    }

    /// Bids of these cost centres, or of all.
    pub(crate) async fn bids(
        &self,
        query: &OrderQuery,
        tenants: Option<&[TenantName]>,
    ) -> Result<Vec<BidOrder>, MarketError> {
        let mut find = bid::Entity::find().order_by_desc(bid::Column::Id).limit(page(query.limit));
        if let Some(tenants) = tenants {
            find = find.filter(bid::Column::Tenant.is_in(names(tenants)));
        }
        if let Some(persona) = &query.persona {
            find = find.filter(bid::Column::Persona.eq(persona.as_str()));
        }
        if query.open_only {
            find = find.filter(bid::Column::Open.eq(true));
        }
        if let Some(before) = query.before {
            find = find.filter(bid::Column::Id.lt(before.0));
        }
        find.all(self.reader()).await.map_err(of)?.iter().map(|row| parse("a bid", &row.body)).collect()
    }

    /// Offers of these cost centres and those that stand, or all.
    pub(crate) async fn offers(
        &self,
        query: &OrderQuery,
        tenants: Option<&[TenantName]>,
    ) -> Result<Vec<Offer>, MarketError> {
        let mut find = offer::Entity::find().order_by_desc(offer::Column::Id).limit(page(query.limit));
        if let Some(tenants) = tenants {
            let own = offer::Column::Tenant.is_in(names(tenants));
            let public = query.tenant.is_none().then(|| offer::Column::Open.eq(true));
            find = find.filter(Condition::any().add(own).add_option(public));
        }
        if let Some(persona) = &query.persona {
            find = find.filter(offer::Column::Persona.eq(persona.as_str()));
        }
        if query.open_only {
            find = find.filter(offer::Column::Open.eq(true));
        }
        if let Some(before) = query.before {
            find = find.filter(offer::Column::Id.lt(before.0));
        }
        find.all(self.reader()).await.map_err(of)?.iter().map(|row| parse("an offer", &row.body)).collect()
    }

    /// Leases of these cost centres, or of all.
    pub(crate) async fn leases(
        &self,
        query: &LeaseQuery,
        tenants: Option<&[TenantName]>,
    ) -> Result<Vec<Lease>, MarketError> {
        let mut find = lease::Entity::find()
            .order_by_desc(lease::Column::GrantedAt)
            .order_by_desc(lease::Column::Id)
            .limit(page(query.limit));
        if let Some(tenants) = tenants {
            let column = match query.side {
                Side::Buyer => lease::Column::Buyer,
                Side::Seller => lease::Column::Seller,
            };
            find = find.filter(column.is_in(names(tenants)));
        }
        if query.live_only {
            find = find.filter(lease::Column::Live.eq(true));
        }
        find.all(self.reader()).await.map_err(of)?.iter().map(|row| parse("a lease", &row.body)).collect()
    }

    /// The transfers of an account, oldest first, with the leases behind them.
    pub(crate) async fn ledger(
        &self,
        account: &AccountId,
        query: &LedgerQuery,
    ) -> Result<Vec<(Booked, Option<Lease>)>, MarketError> {
        let name = account.to_string();
        let own = Condition::any().add(transfer::Column::Debit.eq(&name)).add(transfer::Column::Credit.eq(&name));
        let mut find = transfer::Entity::find()
            .filter(own)
            .filter(transfer::Column::Sequence.gt(query.after))
            .order_by_asc(transfer::Column::Sequence)
            .limit(page(query.limit));
        if let Some(from) = query.from {
            find = find.filter(transfer::Column::At.gte(from.0));
        }
        if let Some(to) = query.to {
            find = find.filter(transfer::Column::At.lt(to.0));
        }
        let rows = find.all(self.reader()).await.map_err(of)?;
        let ids: Vec<Uuid> = rows.iter().filter_map(|row| row.lease).collect();
        let leases = lease::Entity::find().filter(lease::Column::Id.is_in(ids)).all(self.reader()).await.map_err(of)?;
        let read = |row: &lease::Model| parse("a lease", &row.body).map(|lease: Lease| (row.id, lease));
        let leases = leases.iter().map(read).collect::<Result<HashMap<_, _>, _>>()?;
        rows.into_iter()
            .map(|row| {
                let lease = row.lease.and_then(|id| leases.get(&id).cloned());
                row::to_transfer(&row).map(|booked| (booked, lease))
            })
            .collect()
    }

    /// What an account paid less what it got back since an instant.
    pub(crate) async fn spent_since(&self, account: &AccountId, since: TimestampMs) -> Result<i128, MarketError> {
        let name = account.to_string();
        let own = Condition::any().add(transfer::Column::Debit.eq(&name)).add(transfer::Column::Credit.eq(&name));
        let kinds = ["proceeds", "fee", "payment", "refund", "payout"];
        let find = transfer::Entity::find().filter(own).filter(transfer::Column::At.gte(since.0));
        let find = find.filter(transfer::Column::Kind.is_in(kinds));
        let columns = find.select_only().column(transfer::Column::Debit).column(transfer::Column::Amount);
        let columns = columns.column(transfer::Column::Kind);
        let rows: Vec<(String, i64, String)> = columns.into_tuple().all(self.reader()).await.map_err(of)?;
        let paid = |(debit, amount, kind): &(String, i64, String)| {
            let back = matches!(kind.as_str(), "refund" | "payout");
            match (*debit == name, back) {
                (true, false) => i128::from(*amount),
                (false, true) => -i128::from(*amount),
                // What it sells, and what it pays back as a seller.
                (true, true) | (false, false) => 0,
            }
        };
        Ok(rows.iter().map(paid).sum())
    }

    pub(crate) async fn rounds(
        &self,
        kind: Option<MarketKind>,
        before: Option<RoundNumber>,
        limit: u32,
    ) -> Result<Vec<Round>, MarketError> {
        let mut find = round::Entity::find().order_by_desc(round::Column::Number).limit(page(limit));
        if let Some(kind) = kind {
            find = find.filter(round::Column::Kind.eq(kind.as_str()));
        }
        if let Some(before) = before {
            find = find.filter(round::Column::Number.lt(number(before.0)));
        }
        let rows = find.all(self.reader()).await.map_err(of)?;
        rows.iter().map(|row| parse("a round", &row.body).map(|record: RoundRecord| record.round)).collect()
    }

    pub(crate) async fn prices(&self, query: &PriceQuery) -> Result<Vec<PricePoint>, MarketError> {
        let mut find = price::Entity::find()
            .order_by_desc(price::Column::Round)
            .order_by_asc(price::Column::Persona)
            .order_by_asc(price::Column::FromMs)
            .order_by_asc(price::Column::UntilMs)
            .order_by_asc(price::Column::Class)
            .limit(page(query.limit));
        if let Some(persona) = &query.persona {
            find = find.filter(price::Column::Persona.eq(persona.as_str()));
        }
        if let Some(class) = query.class {
            find = find.filter(price::Column::Class.eq(class_name(class)));
        }
        if let Some(window) = query.window {
            find = find.filter(price::Column::FromMs.eq(window.from().0));
            find = find.filter(price::Column::UntilMs.eq(window.until().0));
        }
        if let Some(before) = query.before {
            find = find.filter(price::Column::Round.lt(number(before.0)));
        }
        find.all(self.reader()).await.map_err(of)?.iter().map(|row| parse("a price", &row.body)).collect()
    }

    /// Events after a sequence number, oldest first.
    pub(crate) async fn events(&self, query: &EventQuery) -> Result<Vec<OutboxEvent>, MarketError> {
        let find = outbox::Entity::find()
            .filter(outbox::Column::Sequence.gt(query.after))
            .order_by_asc(outbox::Column::Sequence)
            .limit(page(query.limit));
        find.all(self.reader()).await.map_err(of)?.iter().map(|row| parse("an event", &row.body)).collect()
    }

    /// The last event that has left; zero before the first.
    pub(crate) async fn sent_through(&self) -> Result<i64, MarketError> {
        let value = self.setting(SENT_THROUGH).await?;
        let parsed = value.map(|value| value.parse::<i64>()).transpose();
        Ok(parsed.map_err(|error| MarketError::Damaged(format!("{SENT_THROUGH}: {error}")))?.unwrap_or(0))
    }
}
