//! Carries out the writes of one transaction: many rows per statement, one kind after the other.

use super::entity::{
    chunk, claim, instance, intent, journal, outcome, persona, plan, plugin_state, series, setting, token,
};
use super::error::StoreError;
use super::row;
use super::write::{Grouped, Prune};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveModelBehavior, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, IdenStatic, IntoActiveModel,
    Iterable, PrimaryKeyToColumn, QueryFilter,
};

/// Rows per statement. Always the same number as far as it goes, so that prepared statements are found again, and few
/// enough for either database's limit of bound values (32,766 and 65,535).
const ROWS: usize = 250;

/// Writes everything inside `tx`.
pub(crate) async fn apply(tx: &DatabaseTransaction, writes: &Grouped<'_>) -> Result<(), StoreError> {
    let personas: Result<_, _> = writes.personas.iter().map(|persona| row::from_persona(persona)).collect();
    insert::<persona::Entity>(tx, personas?).await?;
    apply_instances(tx, writes).await?;
    let claims: Result<_, _> = writes.claims.values().map(|claim| row::from_claim(claim)).collect();
    upsert::<claim::Entity>(tx, claims?).await?;
    apply_intents(tx, writes).await?;
    let plans: Result<_, _> = writes.plans.values().map(|plan| row::from_plan(plan)).collect();
    upsert::<plan::Entity>(tx, plans?).await?;
    let outcomes: Result<_, _> = writes.outcomes.values().map(|outcome| row::from_outcome(outcome)).collect();
    upsert::<outcome::Entity>(tx, outcomes?).await?;
    apply_tokens(tx, writes).await?;
    apply_values(tx, writes).await?;
    apply_series(tx, writes).await?;
    for what in &writes.prunes {
        prune(tx, what).await?;
    }
    Ok(())
}

async fn apply_instances(tx: &DatabaseTransaction, writes: &Grouped<'_>) -> Result<(), StoreError> {
    let kept: Result<_, _> = writes.instances.values().flatten().map(|instance| row::from_instance(instance)).collect();
    upsert::<instance::Entity>(tx, kept?).await?;
    let gone: Vec<_> = writes.instances.iter().filter(|(_, kept)| kept.is_none()).map(|(id, _)| id.0).collect();
    for some in gone.chunks(ROWS) {
        instance::Entity::delete_many().filter(instance::Column::Id.is_in(some.iter().copied())).exec(tx).await?;
    }
    Ok(())
}

async fn apply_intents(tx: &DatabaseTransaction, writes: &Grouped<'_>) -> Result<(), StoreError> {
    let open: Result<_, _> = writes.intents.values().flatten().map(|intent| row::from_intent(intent)).collect();
    upsert::<intent::Entity>(tx, open?).await?;
    let done: Vec<_> = writes.intents.iter().filter(|(_, open)| open.is_none()).map(|(token, _)| token.0).collect();
    for some in done.chunks(ROWS) {
        intent::Entity::delete_many().filter(intent::Column::Token.is_in(some.iter().copied())).exec(tx).await?;
    }
    Ok(())
}

async fn apply_tokens(tx: &DatabaseTransaction, writes: &Grouped<'_>) -> Result<(), StoreError> {
    insert::<token::Entity>(tx, writes.tokens.iter().map(|token| row::from_token(token)).collect()).await?;
    for (name, at) in &writes.revoked {
        token::Entity::update_many()
            .col_expr(token::Column::RevokedAt, Expr::value(at.0))
            .filter(token::Column::Name.eq(*name))
            .filter(token::Column::RevokedAt.is_null())
            .exec(tx)
            .await?;
    }
    Ok(())
}

async fn apply_values(tx: &DatabaseTransaction, writes: &Grouped<'_>) -> Result<(), StoreError> {
    let mut states = Vec::new();
    for ((plugin, key), value) in &writes.plugin_state {
        match value {
            Some(value) => {
                let (plugin, key, value) = (plugin.to_string(), (*key).to_owned(), value.to_vec());
                states.push(plugin_state::Model { plugin, key, value });
            }
            None => {
                let id = (plugin.to_string(), (*key).to_owned());
                plugin_state::Entity::delete_by_id(id).exec(tx).await?;
            }
        }
    }
    upsert::<plugin_state::Entity>(tx, states).await?;
    let mut settings = Vec::new();
    for (key, value) in &writes.settings {
        match value {
            Some(value) => settings.push(setting::Model { key: (*key).to_owned(), value: (*value).to_owned() }),
            None => {
                setting::Entity::delete_by_id((*key).to_owned()).exec(tx).await?;
            }
        }
    }
    upsert::<setting::Entity>(tx, settings).await
}

/// The journal is cleared before it is added to: a rewrite of what is still open is one transaction.
async fn apply_series(tx: &DatabaseTransaction, writes: &Grouped<'_>) -> Result<(), StoreError> {
    insert::<series::Entity>(tx, writes.series.iter().map(|series| row::from_series(series)).collect()).await?;
    insert::<chunk::Entity>(tx, writes.chunks.iter().map(|chunk| row::from_chunk(chunk)).collect()).await?;
    if let Some(through) = writes.journal_done {
        journal::Entity::delete_many().filter(journal::Column::Seq.lte(through)).exec(tx).await?;
    }
    for record in &writes.journal {
        // One by one: each is large.
        journal::Entity::insert(row::from_journal(record).into_active_model()).exec_without_returning(tx).await?;
    }
    Ok(())
}

async fn prune(tx: &DatabaseTransaction, what: &Prune) -> Result<(), StoreError> {
    if let Some(before) = what.claims_before {
        claim::Entity::delete_many()
            .filter(claim::Column::State.eq(row::ENDED))
            .filter(claim::Column::RequestedAt.lt(before.0))
            .exec(tx)
            .await?;
    }
    if let Some(before) = what.plans_before {
        plan::Entity::delete_many().filter(plan::Column::At.lt(before.0)).exec(tx).await?;
    }
    if let Some(before) = what.outcomes_before {
        outcome::Entity::delete_many().filter(outcome::Column::Hour.lt(before.0)).exec(tx).await?;
    }
    if let Some(before) = what.chunks_before {
        chunk::Entity::delete_many().filter(chunk::Column::End.lt(before.0)).exec(tx).await?;
    }
    Ok(())
}

/// Adds rows; one that exists fails the transaction.
async fn insert<E>(tx: &DatabaseTransaction, rows: Vec<E::Model>) -> Result<(), StoreError>
where
    E: EntityTrait,
    E::Model: IntoActiveModel<E::ActiveModel>,
    E::ActiveModel: ActiveModelBehavior + Send,
{
    write_rows::<E>(tx, rows, None).await
}

/// Adds rows or replaces those with the same primary key. No key may come twice.
async fn upsert<E>(tx: &DatabaseTransaction, rows: Vec<E::Model>) -> Result<(), StoreError>
where
    E: EntityTrait,
    E::Model: IntoActiveModel<E::ActiveModel>,
    E::ActiveModel: ActiveModelBehavior + Send,
{
    let keys: Vec<E::Column> = E::PrimaryKey::iter().map(PrimaryKeyToColumn::into_column).collect();
    let is_key = |column: &E::Column| keys.iter().any(|key| key.as_str() == column.as_str());
    let replaced: Vec<E::Column> = E::Column::iter().filter(|column| !is_key(column)).collect();
    let replace = OnConflict::columns(keys.iter().copied()).update_columns(replaced).to_owned();
    write_rows::<E>(tx, rows, Some(replace)).await
}

async fn write_rows<E>(
    tx: &impl ConnectionTrait,
    rows: Vec<E::Model>,
    conflict: Option<OnConflict>,
) -> Result<(), StoreError>
where
    E: EntityTrait,
    E::Model: IntoActiveModel<E::ActiveModel>,
    E::ActiveModel: ActiveModelBehavior + Send,
{
    let mut rows = rows.into_iter().map(IntoActiveModel::into_active_model).peekable();
    while rows.peek().is_some() {
        let mut statement = E::insert_many(rows.by_ref().take(ROWS));
        if let Some(conflict) = &conflict {
            statement = statement.on_conflict(conflict.clone());
        }
        statement.exec_without_returning(tx).await?;
    }
    Ok(())
}
