//! The schema, step by step: a released step is never changed, a new release adds steps. Each step is one transaction.
//! The steps that were taken are noted in a table of the market's own, so that it can share a database with a host.

mod m0001_first;
mod m0002_records;

use sea_orm::{DynIden, sea_query::IntoIden};
use sea_orm_migration::{MigrationTrait, MigratorTrait};

pub(crate) struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(m0001_first::Migration), Box::new(m0002_records::Migration)]
    }

    fn migration_table_name() -> DynIden {
        "market_migration".into_iden()
    }
}
