//! The schema, step by step.

use crate::Fault;
use sea_orm::{DatabaseConnection, DbErr, EntityTrait, Schema};
use sea_orm_migration::{MigratorTrait, SchemaManager};
use std::collections::HashSet;

/// Why the schema could not be brought up to date.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MigrateError {
    /// A newer release has already changed it.
    #[error("a newer release wrote this database (it knows `{found}`): run that release, or restore a backup")]
    Newer {
        /// The first step that this release does not know.
        found: String,
    },
    /// The database refused.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<DbErr> for MigrateError {
    fn from(error: DbErr) -> Self {
        Self::Fault(error.into())
    }
}

/// Takes the steps that were not taken yet.
///
/// # Errors
/// [`MigrateError`].
pub async fn migrate<M: MigratorTrait>(writer: &DatabaseConnection) -> Result<(), MigrateError> {
    M::install(writer).await?;
    let known: HashSet<String> = M::migrations().iter().map(|step| step.name().to_owned()).collect();
    let applied = M::get_migration_models(writer).await?;
    if let Some(unknown) = applied.into_iter().find(|step| !known.contains(&step.version)) {
        return Err(MigrateError::Newer { found: unknown.version });
    }
    Ok(M::up(writer, None).await?)
}

/// Makes the table of an entity, as a step of the schema. The columns' types follow the entity of this release; a later
/// change of an entity comes with a step of its own.
///
/// # Errors
/// What the database says.
pub async fn create_table<E: EntityTrait>(manager: &SchemaManager<'_>, entity: E) -> Result<(), DbErr> {
    let table = Schema::new(manager.get_database_backend()).create_table_from_entity(entity);
    manager.create_table(table).await
}
