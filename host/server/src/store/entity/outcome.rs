//! What became of the decisions, per persona and hour.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "outcome")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub persona: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub hour: i64,
    pub body: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
