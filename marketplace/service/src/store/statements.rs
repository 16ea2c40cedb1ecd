//! The statements of one transaction: many rows per statement, one table after the other.

use super::{
    entity::{
        account, bid, budget, cost_centre, lease, offer, organisation, outbox, price, reclaim, round, setting,
        snapshot, transfer,
    },
    row,
};
use crate::{core::state::Changes, error::MarketError};
use forewarm_database::Script;
use sea_orm::DatabaseConnection;
use std::collections::BTreeMap;

/// The key of the audit chain's newest link.
pub(super) const CHAIN: &str = "chain";
/// The key of the last event that has left.
pub(super) const SENT_THROUGH: &str = "sent_through";

/// What writes everything, in order.
pub(super) fn script(db: &DatabaseConnection, changes: Changes) -> Result<Script, MarketError> {
    let mut script = Script::new(db);
    let to = &mut script;
    people(to, &changes)?;
    orders(to, &changes)?;
    to.upsert::<lease::Entity>(all(&changes.leases, row::from_lease)?);
    let reclaims = all(&changes.reclaims, |one| Ok(reclaim::Model { id: one.id.0, body: row::text(one)? }))?;
    to.upsert::<reclaim::Entity>(reclaims);
    // Added and never changed: one that is there already fails the transaction.
    to.insert::<transfer::Entity>(changes.transfers.iter().map(row::from_transfer).collect());
    to.insert::<price::Entity>(all(&changes.prices, row::from_price)?);
    to.insert::<outbox::Entity>(all(&changes.events, row::from_event)?);
    let snapshots = changes.snapshots.into_iter().map(|(round, body)| snapshot::Model { round: round.0, body });
    to.insert::<snapshot::Entity>(snapshots.collect());
    let sent = changes.sent_through.map(|sequence| (SENT_THROUGH, sequence.to_string()));
    let chain = changes.chain.map(|link| (CHAIN, link));
    let settings: BTreeMap<_, _> = sent.into_iter().chain(chain).collect();
    let setting = |(key, value): (&str, String)| setting::Model { key: key.to_owned(), value };
    to.upsert::<setting::Entity>(settings.into_iter().map(setting).collect());
    Ok(script)
}

fn people(to: &mut Script, changes: &Changes) -> Result<(), MarketError> {
    let organisation = |one: &crate::model::Organisation| {
        Ok(organisation::Model { name: one.name.to_string(), body: row::text(one)? })
    };
    to.upsert::<organisation::Entity>(all(&changes.organisations, organisation)?);
    let centre =
        |one: &crate::model::CostCentre| Ok(cost_centre::Model { name: one.name.to_string(), body: row::text(one)? });
    to.upsert::<cost_centre::Entity>(all(&changes.centres, centre)?);
    to.upsert::<account::Entity>(changes.accounts.iter().map(row::from_account).collect());
    let budget = |one: &crate::model::Budget| {
        Ok(budget::Model { id: one.id, tenant: one.tenant.to_string(), body: row::text(one)? })
    };
    to.upsert::<budget::Entity>(all(&changes.budgets, budget)?);
    Ok(())
}

fn orders(to: &mut Script, changes: &Changes) -> Result<(), MarketError> {
    to.upsert::<bid::Entity>(all(&changes.bids, row::from_bid)?);
    to.upsert::<offer::Entity>(all(&changes.offers, row::from_offer)?);
    to.upsert::<round::Entity>(all(&changes.rounds, row::from_round)?);
    Ok(())
}

fn all<T, R>(rows: &[T], row: impl Fn(&T) -> Result<R, MarketError>) -> Result<Vec<R>, MarketError> {
    rows.iter().map(row).collect()
}
