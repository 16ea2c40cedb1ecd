//! The statements of one transaction: many rows per statement, one table after the other.

use super::{
    entity::{
        Row, account, bid, budget, cost_centre, lease, offer, organisation, outbox, price, reclaim, round, setting,
        snapshot, transfer,
    },
    row,
};
use crate::{core::state::Changes, error::MarketError};
use sea_orm::{DbBackend, EntityTrait, IdenStatic, Iterable, PrimaryKeyToColumn, Statement};
use std::{collections::BTreeMap, sync::Arc};

/// Rows per statement. Always the same number as far as it goes, so that prepared statements are found again, and few
/// enough for either database's limit of bound values (32,766 and 65,535).
const ROWS: usize = 250;

/// A statement that is put together when its turn comes.
pub(super) type Pending = Box<dyn FnOnce() -> Result<Statement, MarketError> + Send>;

/// The key of the audit chain's newest link.
pub(super) const CHAIN: &str = "chain";
/// The key of the last event that has left.
pub(super) const SENT_THROUGH: &str = "sent_through";

/// What writes everything, in order.
pub(super) fn statements(backend: DbBackend, changes: Changes) -> Vec<Pending> {
    let mut script = Script { backend, statements: Vec::new() };
    let to = &mut script;
    upsert::<organisation::Entity, _>(to, changes.organisations, |one| {
        Ok(organisation::Model { name: one.name.to_string(), body: row::text(one)? })
    });
    upsert::<cost_centre::Entity, _>(to, changes.centres, |one| {
        Ok(cost_centre::Model { name: one.name.to_string(), body: row::text(one)? })
    });
    upsert::<account::Entity, _>(to, changes.accounts, |one| Ok(row::from_account(one)));
    upsert::<budget::Entity, _>(to, changes.budgets, |one| {
        Ok(budget::Model { id: one.id, tenant: one.tenant.to_string(), body: row::text(one)? })
    });
    upsert::<bid::Entity, _>(to, changes.bids, row::from_bid);
    upsert::<offer::Entity, _>(to, changes.offers, row::from_offer);
    upsert::<round::Entity, _>(to, changes.rounds, row::from_round);
    upsert::<lease::Entity, _>(to, changes.leases, row::from_lease);
    upsert::<reclaim::Entity, _>(to, changes.reclaims, |one| {
        Ok(reclaim::Model { id: one.id.0, body: row::text(one)? })
    });
    // Added and never changed: one that is there already fails the transaction.
    insert::<transfer::Entity, _>(to, changes.transfers, |one| Ok(row::from_transfer(one)));
    insert::<price::Entity, _>(to, changes.prices, row::from_price);
    insert::<outbox::Entity, _>(to, changes.events, row::from_event);
    insert::<snapshot::Entity, _>(to, changes.snapshots, |(round, body)| {
        Ok(snapshot::Model { round: round.0, body: body.clone() })
    });
    let sent = changes.sent_through.map(|sequence| (SENT_THROUGH, sequence.to_string()));
    let chain = changes.chain.map(|link| (CHAIN, link));
    let settings: BTreeMap<_, _> = sent.into_iter().chain(chain).collect();
    upsert::<setting::Entity, _>(to, settings.into_iter().collect(), |(key, value)| {
        Ok(setting::Model { key: (*key).to_owned(), value: value.clone() })
    });
    script.statements
}

/// The statements so far.
struct Script {
    backend: DbBackend,
    statements: Vec<Pending>,
}

/// What becomes a row.
type ToRow<T, E> = fn(&T) -> Result<<E as EntityTrait>::Model, MarketError>;

/// Adds rows; one that exists fails the transaction.
fn insert<E, T>(to: &mut Script, rows: Vec<T>, row: ToRow<T, E>)
where
    E: EntityTrait<Model: Row>,
    T: Send + Sync + 'static,
{
    write_rows::<E, T>(to, rows, row, String::new());
}

/// Adds rows or replaces those with the same primary key. No key may come twice.
fn upsert<E, T>(to: &mut Script, rows: Vec<T>, row: ToRow<T, E>)
where
    E: EntityTrait<Model: Row>,
    T: Send + Sync + 'static,
{
    let keys: Vec<_> = E::PrimaryKey::iter().map(|key| key.into_column().as_str()).collect();
    let replaced = E::Model::COLUMNS.iter().filter(|column| !keys.contains(column));
    let replaced: Vec<_> = replaced.map(|column| format!(r#""{column}" = excluded."{column}""#)).collect();
    let tail = format!(r#" ON CONFLICT ("{}") DO UPDATE SET {}"#, keys.join(r#"", ""#), replaced.join(", "));
    write_rows::<E, T>(to, rows, row, tail);
}

fn write_rows<E, T>(to: &mut Script, rows: Vec<T>, row: ToRow<T, E>, tail: String)
where
    E: EntityTrait<Model: Row>,
    T: Send + Sync + 'static,
{
    let (backend, count) = (to.backend, rows.len());
    let (rows, tail): (Arc<[T]>, Arc<str>) = (rows.into(), tail.into());
    for from in (0..count).step_by(ROWS) {
        let (rows, tail) = (Arc::clone(&rows), Arc::clone(&tail));
        to.statements.push(Box::new(move || {
            let part = rows.iter().skip(from).take(ROWS);
            let mut values = Vec::with_capacity(part.len() * E::Model::COLUMNS.len());
            let sql = text::<E::Model>(backend, part.len(), &tail);
            for one in part {
                row(one)?.bind(&mut values);
            }
            Ok(Statement::from_sql_and_values(backend, sql, values))
        }));
    }
}

/// The text that adds so many rows.
fn text<R: Row>(backend: DbBackend, rows: usize, tail: &str) -> String {
    let columns = R::COLUMNS.len();
    let mut sql = String::with_capacity(200 + tail.len() + rows * columns * 7);
    sql.push_str(&format!(r#"INSERT INTO "{}" ("{}") VALUES "#, R::TABLE, R::COLUMNS.join(r#"", ""#)));
    for place in 0..rows * columns {
        sql.push_str(match (place % columns, place) {
            (0, 0) => "(",
            (0, _) => "), (",
            _ => ", ",
        });
        match backend {
            DbBackend::Postgres => sql.push_str(&format!("${}", place + 1)),
            _ => sql.push('?'),
        }
    }
    sql.push(')');
    sql.push_str(tail);
    sql
}

#[cfg(test)]
mod tests {
    use super::*;
    use sea_orm::Value;

    #[test]
    fn rows_are_added_or_replaced_by_key() {
        let changes = Changes { sent_through: Some(7), chain: Some("abc".into()), ..Changes::default() };
        let mut built = statements(DbBackend::Postgres, changes).into_iter().map(|pending| pending().expect("built"));
        let statement = built.next().expect("a statement");
        assert_eq!(
            statement.sql,
            r#"INSERT INTO "market_setting" ("key", "value") VALUES ($1, $2), ($3, $4) ON CONFLICT ("key") DO UPDATE SET "value" = excluded."value""#
        );
        let values = ["chain", "abc", "sent_through", "7"].map(Value::from);
        assert_eq!(statement.values.map(|values| values.0), Some(values.to_vec()));
        assert!(built.next().is_none());
        let sqlite = text::<setting::Model>(DbBackend::Sqlite, 2, "");
        assert_eq!(sqlite, r#"INSERT INTO "market_setting" ("key", "value") VALUES (?, ?), (?, ?)"#);
    }
}
