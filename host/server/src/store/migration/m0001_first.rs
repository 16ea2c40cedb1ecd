//! The tables of the first release.

use crate::store::entity::{
    chunk, claim, instance, intent, journal, outcome, persona, plan, plugin_state, series, setting, token,
};
use async_trait::async_trait;
use forewarm_database::schema::create_table;
use sea_orm::DbErr;
use sea_orm::sea_query::{Index, IndexCreateStatement};
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
        create_table(manager, persona::Entity).await?;
        create_table(manager, instance::Entity).await?;
        create_table(manager, claim::Entity).await?;
        create_table(manager, intent::Entity).await?;
        create_table(manager, plan::Entity).await?;
        create_table(manager, outcome::Entity).await?;
        create_table(manager, token::Entity).await?;
        create_table(manager, plugin_state::Entity).await?;
        create_table(manager, setting::Entity).await?;
        create_table(manager, series::Entity).await?;
        create_table(manager, chunk::Entity).await?;
        create_table(manager, journal::Entity).await?;
        for index in indexes() {
            manager.create_index(index).await?;
        }
        Ok(())
    }
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
