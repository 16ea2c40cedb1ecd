//! The statements of one transaction: many rows per statement, one table after the other.

use super::{
    entity::{
        account, bid, budget, cost_centre, lease, offer, organisation, outbox, price, reclaim, round, setting,
        snapshot, transfer,
    },
    row,
};
use crate::{core::state::Changes, error::MarketError};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelBehavior, DbBackend, EntityTrait, IdenStatic, IntoActiveModel, Iterable, PrimaryKeyToColumn, QueryTrait,
    Statement,
};
use std::collections::BTreeMap;

/// Rows per statement. Always the same number as far as it goes, so that prepared statements are found again, and few
/// enough for either database's limit of bound values (32,766 and 65,535).
const ROWS: usize = 250;

/// The key of the audit chain's newest link.
pub(super) const CHAIN: &str = "chain";
/// The key of the last event that has left.
pub(super) const SENT_THROUGH: &str = "sent_through";

/// What writes everything, in order.
pub(super) fn statements(backend: DbBackend, changes: Changes) -> Result<Vec<Statement>, MarketError> {
    let mut script = Script { backend, statements: Vec::new() };
    let to = &mut script;
    people(to, &changes)?;
    orders(to, &changes)?;
    upsert::<lease::Entity>(to, all(&changes.leases, row::from_lease)?);
    let reclaims = all(&changes.reclaims, |one| Ok(reclaim::Model { id: one.id.0, body: row::text(one)? }))?;
    upsert::<reclaim::Entity>(to, reclaims);
    // Added and never changed: one that is there already fails the transaction.
    insert::<transfer::Entity>(to, changes.transfers.iter().map(row::from_transfer).collect());
    insert::<price::Entity>(to, all(&changes.prices, row::from_price)?);
    insert::<outbox::Entity>(to, all(&changes.events, row::from_event)?);
    let snapshots = changes.snapshots.into_iter().map(|(round, body)| snapshot::Model { round: round.0, body });
    insert::<snapshot::Entity>(to, snapshots.collect());
    let sent = changes.sent_through.map(|sequence| (SENT_THROUGH, sequence.to_string()));
    let chain = changes.chain.map(|link| (CHAIN, link));
    let settings: BTreeMap<_, _> = sent.into_iter().chain(chain).collect();
    let setting = |(key, value): (&str, String)| setting::Model { key: key.to_owned(), value };
    upsert::<setting::Entity>(to, settings.into_iter().map(setting).collect());
    Ok(script.statements)
}

fn people(to: &mut Script, changes: &Changes) -> Result<(), MarketError> {
    let organisation = |one: &crate::model::Organisation| {
        Ok(organisation::Model { name: one.name.to_string(), body: row::text(one)? })
    };
    upsert::<organisation::Entity>(to, all(&changes.organisations, organisation)?);
    let centre =
        |one: &crate::model::CostCentre| Ok(cost_centre::Model { name: one.name.to_string(), body: row::text(one)? });
    upsert::<cost_centre::Entity>(to, all(&changes.centres, centre)?);
    upsert::<account::Entity>(to, changes.accounts.iter().map(row::from_account).collect());
    let budget = |one: &crate::model::Budget| {
        Ok(budget::Model { id: one.id, tenant: one.tenant.to_string(), body: row::text(one)? })
    };
    upsert::<budget::Entity>(to, all(&changes.budgets, budget)?);
    Ok(())
}

fn orders(to: &mut Script, changes: &Changes) -> Result<(), MarketError> {
    upsert::<bid::Entity>(to, all(&changes.bids, row::from_bid)?);
    upsert::<offer::Entity>(to, all(&changes.offers, row::from_offer)?);
    upsert::<round::Entity>(to, all(&changes.rounds, row::from_round)?);
    Ok(())
}

fn all<T, R>(rows: &[T], row: impl Fn(&T) -> Result<R, MarketError>) -> Result<Vec<R>, MarketError> {
    rows.iter().map(row).collect()
}

/// The statements so far.
struct Script {
    backend: DbBackend,
    statements: Vec<Statement>,
}

/// Adds rows; one that exists fails the transaction.
fn insert<E>(to: &mut Script, rows: Vec<E::Model>)
where
    E: EntityTrait,
    E::Model: IntoActiveModel<E::ActiveModel>,
    E::ActiveModel: ActiveModelBehavior + Send,
{
    write_rows::<E>(to, rows, None);
}

/// Adds rows or replaces those with the same primary key. No key may come twice.
fn upsert<E>(to: &mut Script, rows: Vec<E::Model>)
where
    E: EntityTrait,
    E::Model: IntoActiveModel<E::ActiveModel>,
    E::ActiveModel: ActiveModelBehavior + Send,
{
    let keys: Vec<E::Column> = E::PrimaryKey::iter().map(PrimaryKeyToColumn::into_column).collect();
    let is_key = |column: &E::Column| keys.iter().any(|key| key.as_str() == column.as_str());
    let replaced: Vec<E::Column> = E::Column::iter().filter(|column| !is_key(column)).collect();
    let replace = OnConflict::columns(keys.iter().copied()).update_columns(replaced).to_owned();
    write_rows::<E>(to, rows, Some(&replace));
}

fn write_rows<E>(to: &mut Script, rows: Vec<E::Model>, conflict: Option<&OnConflict>)
where
    E: EntityTrait,
    E::Model: IntoActiveModel<E::ActiveModel>,
    E::ActiveModel: ActiveModelBehavior + Send,
{
    let mut rows = rows.into_iter().map(IntoActiveModel::into_active_model).peekable();
    while rows.peek().is_some() {
        let mut statement = E::insert_many(rows.by_ref().take(ROWS));
        if let Some(conflict) = conflict {
            statement = statement.on_conflict(conflict.clone());
        }
        to.statements.push(statement.build(to.backend));
    }
}
