//! The schema, step by step: a released step is never changed, a new release adds steps. Each step is one transaction.

mod m0001_first;
mod m0002_lending;
mod m0003_calendar;
mod m0004_placement;

use super::error::StoreError;
use sea_orm::DatabaseConnection;
use sea_orm_migration::{MigrationTrait, MigratorTrait};
use std::collections::HashSet;

pub(crate) struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_first::Migration),
            Box::new(m0002_lending::Migration),
            Box::new(m0003_calendar::Migration),
            Box::new(m0004_placement::Migration),
        ]
    }
}

/// Brings the schema up to date. The store is held by this host alone.
pub(crate) async fn migrate(writer: &DatabaseConnection) -> Result<(), StoreError> {
    Migrator::install(writer).await?;
    let known: HashSet<String> = Migrator::migrations().iter().map(|step| step.name().to_owned()).collect();
    let applied = Migrator::get_migration_models(writer).await?;
    if let Some(unknown) = applied.into_iter().find(|step| !known.contains(&step.version)) {
        return Err(StoreError::NewerSchema { found: unknown.version });
    }
    Ok(Migrator::up(writer, None).await?)
}
