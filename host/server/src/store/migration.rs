//! The schema, step by step: a released step is never changed, a new release adds steps. Each step is one transaction.

mod m0001_first;
mod m0002_lending;
mod m0003_calendar;
mod m0004_placement;

use sea_orm_migration::{MigrationTrait, MigratorTrait};

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
