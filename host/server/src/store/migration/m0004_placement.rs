//! Where instances were created.

use crate::store::entity::instance;
use async_trait::async_trait;
use sea_orm::DbErr;
use sea_orm::sea_query::{ColumnDef, Table};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0004_placement"
    }
}

#[async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    /// A table that this release has made has the column already: it follows the entity.
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.has_column("instance", "placement").await? {
            return Ok(());
        }
        let mut column = ColumnDef::new(instance::Column::Placement);
        manager.alter_table(Table::alter().table(instance::Entity).add_column(column.string().null()).take()).await
    }
}
