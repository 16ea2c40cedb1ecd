//! The statements of one transaction: many rows per statement, one kind after the other.

use super::entity::{
    calendar, chunk, claim, instance, intent, journal, lent, outcome, persona, plan, plugin_state, series, setting,
    token,
};
use super::error::StoreError;
use super::row;
use super::write::{Grouped, Prune};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveModelBehavior, ColumnTrait, DbBackend, EntityTrait, IdenStatic, IntoActiveModel, Iterable,
    PrimaryKeyToColumn, QueryFilter, QueryTrait, Statement,
};

/// Rows per statement. Always the same number as far as it goes, so that prepared statements are found again, and few
/// enough for either database's limit of bound values (32,766 and 65,535).
const ROWS: usize = 250;

/// What writes everything, in order.
///
/// # Errors
/// When something can't be stored as a row.
pub(crate) fn statements(backend: DbBackend, writes: &Grouped<'_>) -> Result<Vec<Statement>, StoreError> {
    let mut script = Script { backend, statements: Vec::new() };
    let to = &mut script;
    let personas: Result<_, _> = writes.personas.iter().map(|persona| row::from_persona(persona)).collect();
    insert::<persona::Entity>(to, personas?);
    add_instances(to, writes)?;
    let claims: Result<_, _> = writes.claims.values().map(|claim| row::from_claim(claim)).collect();
    upsert::<claim::Entity>(to, claims?);
    let lent: Result<_, _> = writes.lent.values().map(|lent| row::from_lent(lent)).collect();
    upsert::<lent::Entity>(to, lent?);
    add_intents(to, writes)?;
    let plans: Result<_, _> = writes.plans.values().map(|plan| row::from_plan(plan)).collect();
    upsert::<plan::Entity>(to, plans?);
    let outcomes: Result<_, _> = writes.outcomes.values().map(|outcome| row::from_outcome(outcome)).collect();
    upsert::<outcome::Entity>(to, outcomes?);
    add_tokens(to, writes);
    add_values(to, writes);
    add_calendar(to, writes)?;
    add_series(to, writes);
    writes.prunes.iter().for_each(|what| prune(to, what));
    Ok(script.statements)
}

/// The statements so far.
struct Script {
    backend: DbBackend,
    statements: Vec<Statement>,
}

impl Script {
    fn add(&mut self, query: &impl QueryTrait) {
        self.statements.push(query.build(self.backend));
    }
}

fn add_instances(to: &mut Script, writes: &Grouped<'_>) -> Result<(), StoreError> {
    let kept: Result<_, _> = writes.instances.values().flatten().map(|instance| row::from_instance(instance)).collect();
    upsert::<instance::Entity>(to, kept?);
    let gone: Vec<_> = writes.instances.iter().filter(|(_, kept)| kept.is_none()).map(|(id, _)| id.0).collect();
    for some in gone.chunks(ROWS) {
        to.add(&instance::Entity::delete_many().filter(instance::Column::Id.is_in(some.iter().copied())));
    }
    Ok(())
}

fn add_intents(to: &mut Script, writes: &Grouped<'_>) -> Result<(), StoreError> {
    let open: Result<_, _> = writes.intents.values().flatten().map(|intent| row::from_intent(intent)).collect();
    upsert::<intent::Entity>(to, open?);
    let done: Vec<_> = writes.intents.iter().filter(|(_, open)| open.is_none()).map(|(token, _)| token.0).collect();
    for some in done.chunks(ROWS) {
        to.add(&intent::Entity::delete_many().filter(intent::Column::Token.is_in(some.iter().copied())));
    }
    Ok(())
}

fn add_tokens(to: &mut Script, writes: &Grouped<'_>) {
    insert::<token::Entity>(to, writes.tokens.iter().map(|token| row::from_token(token)).collect());
    for (name, at) in &writes.revoked {
        let live = token::Column::RevokedAt.is_null();
        let revoke = token::Entity::update_many().col_expr(token::Column::RevokedAt, Expr::value(at.0));
        to.add(&revoke.filter(token::Column::Name.eq(*name)).filter(live));
    }
}

fn add_values(to: &mut Script, writes: &Grouped<'_>) {
    let mut states = Vec::new();
    for ((plugin, key), value) in &writes.plugin_state {
        match value {
            Some(value) => {
                let (plugin, key, value) = (plugin.to_string(), (*key).to_owned(), value.to_vec());
                states.push(plugin_state::Model { plugin, key, value });
            }
            None => {
                let id = (plugin.to_string(), (*key).to_owned());
                to.add(
                    &plugin_state::Entity::delete_many()
                        .filter(plugin_state::Column::Plugin.eq(id.0))
                        .filter(plugin_state::Column::Key.eq(id.1)),
                );
            }
        }
    }
    upsert::<plugin_state::Entity>(to, states);
    let mut settings = Vec::new();
    for (key, value) in &writes.settings {
        match value {
            Some(value) => settings.push(setting::Model { key: (*key).to_owned(), value: (*value).to_owned() }),
            None => {
                to.add(&setting::Entity::delete_many().filter(setting::Column::Key.eq(*key)));
            }
        }
    }
    upsert::<setting::Entity>(to, settings);
}

fn add_calendar(to: &mut Script, writes: &Grouped<'_>) -> Result<(), StoreError> {
    let kept: Result<_, _> = writes.calendar.values().flatten().map(|entry| row::from_entry(entry)).collect();
    upsert::<calendar::Entity>(to, kept?);
    for (kind, name) in writes.calendar.iter().filter(|(_, kept)| kept.is_none()).map(|(key, _)| key) {
        to.add(
            &calendar::Entity::delete_many()
                .filter(calendar::Column::Kind.eq(kind.as_str()))
                .filter(calendar::Column::Name.eq(name.as_str())),
        );
    }
    Ok(())
}

/// The journal is cleared before it is added to: a rewrite of what is still open is one transaction.
fn add_series(to: &mut Script, writes: &Grouped<'_>) {
    insert::<series::Entity>(to, writes.series.iter().map(|series| row::from_series(series)).collect());
    insert::<chunk::Entity>(to, writes.chunks.iter().map(|chunk| row::from_chunk(chunk)).collect());
    if let Some(through) = writes.journal_done {
        to.add(&journal::Entity::delete_many().filter(journal::Column::Seq.lte(through)));
    }
    for record in &writes.journal {
        // One by one: each is large.
        to.add(&journal::Entity::insert(row::from_journal(record).into_active_model()));
    }
}

fn prune(to: &mut Script, what: &Prune) {
    if let Some(before) = what.claims_before {
        let ended = claim::Entity::delete_many().filter(claim::Column::State.eq(row::ENDED));
        to.add(&ended.filter(claim::Column::RequestedAt.lt(before.0)));
    }
    if let Some(before) = what.leases_before {
        to.add(&lent::Entity::delete_many().filter(lent::Column::EndedAt.lt(before.0)));
    }
    if let Some(before) = what.plans_before {
        to.add(&plan::Entity::delete_many().filter(plan::Column::At.lt(before.0)));
    }
    if let Some(before) = what.outcomes_before {
        to.add(&outcome::Entity::delete_many().filter(outcome::Column::Hour.lt(before.0)));
    }
    if let Some(before) = what.calendar_before {
        to.add(&calendar::Entity::delete_many().filter(calendar::Column::Until.lt(before.0)));
    }
    if let Some(before) = what.chunks_before {
        to.add(&chunk::Entity::delete_many().filter(chunk::Column::End.lt(before.0)));
    }
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
        to.add(&statement);
    }
}
