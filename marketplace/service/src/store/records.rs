//! The records of the market's rim: tokens, webhooks.

use super::entity::record;
use super::{Store, error};
use crate::error::MarketError;
use crate::records::RecordStore;
use async_trait::async_trait;
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

#[async_trait]
impl RecordStore for Store {
    async fn all(&self, kind: &'static str) -> Result<Vec<String>, MarketError> {
        let found = record::Entity::find().filter(record::Column::Kind.eq(kind)).order_by_asc(record::Column::Id);
        let rows = found.all(self.reader()).await.map_err(error::of)?;
        Ok(rows.into_iter().map(|row| row.document).collect())
    }

    async fn insert(&self, kind: &'static str, id: &str, document: String) -> Result<(), MarketError> {
        let row = record::ActiveModel { kind: Set(kind.to_owned()), id: Set(id.to_owned()), document: Set(document) };
        self.transact(move |tx| {
            Box::pin(async move { record::Entity::insert(row).exec_without_returning(tx).await.map(drop) })
        })
        .await
    }

    async fn update(&self, kind: &'static str, id: &str, document: String) -> Result<(), MarketError> {
        let changed = record::Entity::update_many()
            .col_expr(record::Column::Document, Expr::value(document))
            .filter(record::Column::Kind.eq(kind))
            .filter(record::Column::Id.eq(id));
        self.transact(move |tx| Box::pin(async move { changed.exec(tx).await.map(drop) })).await
    }

    async fn delete(&self, kind: &'static str, id: &str) -> Result<(), MarketError> {
        let gone =
            record::Entity::delete_many().filter(record::Column::Kind.eq(kind)).filter(record::Column::Id.eq(id));
        self.transact(move |tx| Box::pin(async move { gone.exec(tx).await.map(drop) })).await
    }
}
