//! The schema, step by step: a released step is never changed, a new release adds steps. Each step is one transaction.
//! The steps that were taken are noted in a table of the market's own, so that it can share a database with a host.

mod m0001_first;
mod m0002_records;

use crate::error::MarketError;
use sea_orm::{DatabaseConnection, DynIden, sea_query::IntoIden};
use sea_orm_migration::{MigrationTrait, MigratorTrait};
use std::collections::HashSet;

pub(crate) struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(m0001_first::Migration), Box::new(m0002_records::Migration)]
    }

    fn migration_table_name() -> DynIden {
        "market_migration".into_iden()
    }
}

/// Brings the schema up to date. The store is held by this market alone.
pub(super) async fn migrate(writer: &DatabaseConnection) -> Result<(), MarketError> {
    Migrator::install(writer).await.map_err(super::error::of)?;
    let known: HashSet<String> = Migrator::migrations().iter().map(|step| step.name().to_owned()).collect();
    let applied = Migrator::get_migration_models(writer).await.map_err(super::error::of)?;
    if let Some(unknown) = applied.into_iter().find(|step| !known.contains(&step.version)) {
        let found = unknown.version;
        let told = format!("a newer release wrote the market's store (it knows `{found}`): run that release");
        return Err(MarketError::Damaged(told));
    }
    Migrator::up(writer, None).await.map_err(super::error::of)
}
