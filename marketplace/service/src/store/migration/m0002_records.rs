//! The table of tokens and webhooks.

use crate::store::entity::record;
use async_trait::async_trait;
use forewarm_database::schema::create_table;
use sea_orm::DbErr;
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0002_records"
    }
}

#[async_trait]
impl MigrationTrait for Migration {
    /// The table or nothing: a market killed half-way has to start again.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_table(manager, record::Entity).await
    }
}
