//! The schema, step by step: a released step is never changed, a new release adds steps.

mod m0001_first;

use super::error::StoreError;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr};
use sea_orm_migration::{MigrationTrait, MigratorTrait};
use std::collections::HashSet;

/// Any number that no other program on the same database server is likely to lock.
const ADVISORY_LOCK: i64 = 0x666f_7265_7761_726d;

pub(crate) struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(m0001_first::Migration)]
    }
}

/// Brings the schema up to date. `writer` holds a single connection, so that a lock taken on it is held throughout.
pub(crate) async fn migrate(writer: &DatabaseConnection) -> Result<(), StoreError> {
    lock(writer, "pg_advisory_lock").await?;
    let outcome = migrate_locked(writer).await;
    lock(writer, "pg_advisory_unlock").await?;
    outcome
}

/// Hosts that start together on one PostgreSQL take turns; a SQLite file has one host anyway.
async fn lock(writer: &DatabaseConnection, function: &str) -> Result<(), DbErr> {
    if writer.get_database_backend() == DbBackend::Postgres {
        writer.execute_unprepared(&format!("SELECT {function}({ADVISORY_LOCK})")).await?;
    }
    Ok(())
}

async fn migrate_locked(writer: &DatabaseConnection) -> Result<(), StoreError> {
    Migrator::install(writer).await?;
    let known: HashSet<String> = Migrator::migrations().iter().map(|step| step.name().to_owned()).collect();
    let applied = Migrator::get_migration_models(writer).await?;
    if let Some(unknown) = applied.into_iter().find(|step| !known.contains(&step.version)) {
        return Err(StoreError::NewerSchema { found: unknown.version });
    }
    Ok(Migrator::up(writer, None).await?)
}
