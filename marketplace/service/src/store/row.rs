//! Between the market's types and rows.

use super::entity::{account, bid, lease, offer, outbox, price, round, transfer};
use crate::{
    core::state::{Booked, RoundRecord},
    error::MarketError,
    model::{Account, BidOrder, Lease, Offer, OutboxEvent, PricePoint, RoundId, Transfer, TransferKind, TransferRefs},
};
use forewarm_auction::{LeaseClass, MicroCredits, OrderId};
use forewarm_domain::{id::LeaseId, time::TimestampMs};
use serde::{Serialize, de::DeserializeOwned};

/// A document.
pub(super) fn text(what: &impl Serialize) -> Result<String, MarketError> {
    serde_json::to_string(what).map_err(|error| MarketError::Damaged(error.to_string()))
}

/// A document, read back.
pub(super) fn parse<T: DeserializeOwned>(what: &str, text: &str) -> Result<T, MarketError> {
    serde_json::from_str(text).map_err(|error| MarketError::Damaged(format!("{what}: {error}")))
}

pub(super) fn class_name(class: LeaseClass) -> &'static str {
    class.as_str()
}

/// Numbers of rounds and the like fit: they are counted from one.
pub(super) fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

pub(super) fn from_account(account: &Account) -> account::Model {
    account::Model {
        id: account.id.to_string(),
        currency: account.currency.to_string(),
        balance: account.balance.0,
        held: account.held.0,
        credit_limit: account.credit_limit.0,
        alert_below: account.alert_below.map(|alert| alert.0),
    }
}

pub(super) fn to_account(row: &account::Model) -> Result<Account, MarketError> {
    let damaged = |error: String| MarketError::Damaged(format!("account {}: {error}", row.id));
    Ok(Account {
        id: row.id.parse().map_err(|error: crate::model::InvalidAccountId| damaged(error.to_string()))?,
        currency: row.currency.parse().map_err(|error: crate::model::InvalidCurrency| damaged(error.to_string()))?,
        balance: MicroCredits(row.balance),
        held: MicroCredits(row.held),
        credit_limit: MicroCredits(row.credit_limit),
        alert_below: row.alert_below.map(MicroCredits),
    })
}

pub(super) fn from_bid(bid: &BidOrder) -> Result<bid::Model, MarketError> {
    Ok(bid::Model {
        id: bid.id.0,
        tenant: bid.tenant.to_string(),
        persona: bid.persona.to_string(),
        open: bid.state.is_open(),
        has_key: bid.idempotency_key.is_some(),
        body: text(bid)?,
    })
}

pub(super) fn from_offer(offer: &Offer) -> Result<offer::Model, MarketError> {
    Ok(offer::Model {
        id: offer.id.0,
        tenant: offer.tenant.to_string(),
        persona: offer.persona.to_string(),
        open: offer.state.is_open(),
        has_key: offer.idempotency_key.is_some(),
        body: text(offer)?,
    })
}

pub(super) fn from_round(record: &RoundRecord) -> Result<round::Model, MarketError> {
    Ok(round::Model {
        number: number(record.round.number.0),
        kind: record.round.kind.as_str().to_owned(),
        state: record.round.state.name().to_owned(),
        body: text(record)?,
    })
}

pub(super) fn from_lease(lease: &Lease) -> Result<lease::Model, MarketError> {
    Ok(lease::Model {
        id: lease.id.0,
        buyer: lease.buyer.to_string(),
        seller: lease.seller.to_string(),
        live: !lease.state.is_over(),
        granted_at: lease.granted_at.0,
        body: text(lease)?,
    })
}

pub(super) fn from_transfer(Booked { sequence, transfer }: &Booked) -> transfer::Model {
    transfer::Model {
        sequence: *sequence,
        id: transfer.id,
        at: transfer.at.0,
        debit: transfer.debit.to_string(),
        credit: transfer.credit.to_string(),
        amount: transfer.amount.0,
        currency: transfer.currency.to_string(),
        kind: transfer.kind.as_str().to_owned(),
        round: transfer.refs.round.map(|round| round.0),
        bid: transfer.refs.bid.map(|bid| bid.0),
        lease: transfer.refs.lease.map(|lease| lease.0),
    }
}

pub(super) fn to_transfer(row: &transfer::Model) -> Result<Booked, MarketError> {
    let damaged = |what: &str| MarketError::Damaged(format!("transfer {}: its {what} can't be read", row.id));
    let transfer = Transfer {
        id: row.id,
        at: TimestampMs(row.at),
        debit: row.debit.parse().map_err(|_| damaged("debit"))?,
        credit: row.credit.parse().map_err(|_| damaged("credit"))?,
        amount: MicroCredits(row.amount),
        currency: row.currency.parse().map_err(|_| damaged("currency"))?,
        kind: TransferKind::named(&row.kind).ok_or_else(|| damaged("kind"))?,
        refs: TransferRefs { round: row.round.map(RoundId), bid: row.bid.map(OrderId), lease: row.lease.map(LeaseId) },
    };
    Ok(Booked { sequence: row.sequence, transfer })
}

pub(super) fn from_price(point: &PricePoint) -> Result<price::Model, MarketError> {
    Ok(price::Model {
        round: number(point.round.0),
        persona: point.persona.to_string(),
        from_ms: point.window.from().0,
        until_ms: point.window.until().0,
        class: class_name(point.class).to_owned(),
        body: text(point)?,
    })
}

pub(super) fn from_event(event: &OutboxEvent) -> Result<outbox::Model, MarketError> {
    Ok(outbox::Model {
        sequence: event.sequence,
        id: event.id,
        tenant: event.tenant.as_ref().map(ToString::to_string),
        body: text(event)?,
    })
}
