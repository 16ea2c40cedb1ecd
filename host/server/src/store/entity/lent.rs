//! Leases of instances on the capacity market, ended ones included until they are pruned.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "lent")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub lease: Uuid,
    pub persona: String,
    pub ended_at: Option<i64>,
    pub body: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
