//! The statements of one transaction: many rows per statement, one kind after the other.

use super::entity::{
    calendar, chunk, claim, instance, intent, journal, lent, outcome, persona, plan, plugin_state, series, setting,
    token,
};
use super::error::StoreError;
use super::row;
use super::write::{Grouped, Prune};
use forewarm_database::script::{ROWS, Script};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, DatabaseConnection, EntityTrait, IntoActiveModel, QueryFilter};

/// What writes everything, in order.
///
/// # Errors
/// When something can't be stored as a row.
pub(crate) fn script(db: &DatabaseConnection, writes: &Grouped<'_>) -> Result<Script, StoreError> {
    let mut script = Script::new(db);
    let to = &mut script;
    let personas: Result<_, _> = writes.personas.iter().map(|persona| row::from_persona(persona)).collect();
    to.insert::<persona::Entity>(personas?);
    add_instances(to, writes)?;
    let claims: Result<_, _> = writes.claims.values().map(|claim| row::from_claim(claim)).collect();
    to.upsert::<claim::Entity>(claims?);
    let lent: Result<_, _> = writes.lent.values().map(|lent| row::from_lent(lent)).collect();
    to.upsert::<lent::Entity>(lent?);
    add_intents(to, writes)?;
    let plans: Result<_, _> = writes.plans.values().map(|plan| row::from_plan(plan)).collect();
    to.upsert::<plan::Entity>(plans?);
    let outcomes: Result<_, _> = writes.outcomes.values().map(|outcome| row::from_outcome(outcome)).collect();
    to.upsert::<outcome::Entity>(outcomes?);
    add_tokens(to, writes);
    add_values(to, writes);
    add_calendar(to, writes)?;
    add_series(to, writes);
    writes.prunes.iter().for_each(|what| prune(to, what));
    Ok(script)
}

fn add_instances(to: &mut Script, writes: &Grouped<'_>) -> Result<(), StoreError> {
    let kept: Result<_, _> = writes.instances.values().flatten().map(|instance| row::from_instance(instance)).collect();
    to.upsert::<instance::Entity>(kept?);
    let gone: Vec<_> = writes.instances.iter().filter(|(_, kept)| kept.is_none()).map(|(id, _)| id.0).collect();
    for some in gone.chunks(ROWS) {
        to.add(&instance::Entity::delete_many().filter(instance::Column::Id.is_in(some.iter().copied())));
    }
    Ok(())
}

fn add_intents(to: &mut Script, writes: &Grouped<'_>) -> Result<(), StoreError> {
    let open: Result<_, _> = writes.intents.values().flatten().map(|intent| row::from_intent(intent)).collect();
    to.upsert::<intent::Entity>(open?);
    let done: Vec<_> = writes.intents.iter().filter(|(_, open)| open.is_none()).map(|(token, _)| token.0).collect();
    for some in done.chunks(ROWS) {
        to.add(&intent::Entity::delete_many().filter(intent::Column::Token.is_in(some.iter().copied())));
    }
    Ok(())
}

fn add_tokens(to: &mut Script, writes: &Grouped<'_>) {
    to.insert::<token::Entity>(writes.tokens.iter().map(|token| row::from_token(token)).collect());
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
    to.upsert::<plugin_state::Entity>(states);
    let mut settings = Vec::new();
    for (key, value) in &writes.settings {
        match value {
            Some(value) => settings.push(setting::Model { key: (*key).to_owned(), value: (*value).to_owned() }),
            None => {
                to.add(&setting::Entity::delete_many().filter(setting::Column::Key.eq(*key)));
            }
        }
    }
    to.upsert::<setting::Entity>(settings);
}

fn add_calendar(to: &mut Script, writes: &Grouped<'_>) -> Result<(), StoreError> {
    let kept: Result<_, _> = writes.calendar.values().flatten().map(|entry| row::from_entry(entry)).collect();
    to.upsert::<calendar::Entity>(kept?);
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
    to.insert::<series::Entity>(writes.series.iter().map(|series| row::from_series(series)).collect());
    to.insert::<chunk::Entity>(writes.chunks.iter().map(|chunk| row::from_chunk(chunk)).collect());
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
