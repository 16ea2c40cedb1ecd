//! Driver operations that were decided and are not known to be done.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "intent")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub token: Uuid,
    pub instance: Uuid,
    pub persona: String,
    pub next_attempt_at: i64,
    pub body: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
