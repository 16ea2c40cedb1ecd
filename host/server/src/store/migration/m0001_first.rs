//! The tables of the first release.

use crate::store::entity::{
    chunk, claim, instance, intent, journal, outcome, persona, plan, plugin_state, series, setting, token,
};
use async_trait::async_trait;
use sea_orm::sea_query::{Index, IndexCreateStatement};
use sea_orm::{DbErr, EntityTrait, Schema};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0001_first"
    }
}

#[async_trait]
impl MigrationTrait for Migration {
    /// All tables or none: SQLite's default is none, and a host killed half-way could not start again.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create(manager, persona::Entity).await?;
        create(manager, instance::Entity).await?;
        create(manager, claim::Entity).await?;
        create(manager, intent::Entity).await?;
        create(manager, plan::Entity).await?;
        create(manager, outcome::Entity).await?;
        create(manager, token::Entity).await?;
        create(manager, plugin_state::Entity).await?;
        create(manager, setting::Entity).await?;
        create(manager, series::Entity).await?;
        create(manager, chunk::Entity).await?;
        create(manager, journal::Entity).await?;
        for index in indexes() {
            manager.create_index(index).await?;
        }
        Ok(())
    }
}

/// Column types follow the entity of this release; a later change of an entity comes with a step of its own.
async fn create<E: EntityTrait>(manager: &SchemaManager<'_>, entity: E) -> Result<(), DbErr> {
    let table = Schema::new(manager.get_database_backend()).create_table_from_entity(entity);
    manager.create_table(table).await
}

fn indexes() -> [IndexCreateStatement; 5] {
    [
        Index::create().name("claim_state").table(claim::Entity).col(claim::Column::State).take(),
        Index::create()
            .name("claim_persona")
            .table(claim::Entity)
            .col(claim::Column::Persona)
            .col(claim::Column::RequestedAt)
            .take(),
        Index::create()
            .name("claim_key")
            .table(claim::Entity)
            .col(claim::Column::Tenant)
            .col(claim::Column::IdempotencyKey)
            .unique()
            .take(),
        Index::create()
            .name("series_key")
            .table(series::Entity)
            .col(series::Column::Resource)
            .col(series::Column::Metric)
            .unique()
            .take(),
        Index::create().name("instance_persona").table(instance::Entity).col(instance::Column::Persona).take(),
    ]
}
