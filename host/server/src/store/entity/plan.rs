//! Every plan, without its levels.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "plan")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub persona: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub at: i64,
    pub body: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
