//! The tables of the first release.

use crate::store::entity::{
    account, bid, budget, cost_centre, lease, offer, organisation, outbox, price, reclaim, round, setting, snapshot,
    transfer,
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
    /// All tables or none: a market killed half-way has to start again.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create(manager, organisation::Entity).await?;
        create(manager, cost_centre::Entity).await?;
        create(manager, account::Entity).await?;
        create(manager, budget::Entity).await?;
        create(manager, bid::Entity).await?;
        create(manager, offer::Entity).await?;
        create(manager, round::Entity).await?;
        create(manager, snapshot::Entity).await?;
        create(manager, lease::Entity).await?;
        create(manager, reclaim::Entity).await?;
        create(manager, transfer::Entity).await?;
        create(manager, price::Entity).await?;
        create(manager, outbox::Entity).await?;
        create(manager, setting::Entity).await?;
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

/// Ids of orders rise with time: a tenant's newest ones are the last of its index.
fn indexes() -> [IndexCreateStatement; 8] {
    let index = |name: &str| Index::create().name(name).to_owned();
    [
        index("market_bid_tenant").table(bid::Entity).col(bid::Column::Tenant).col(bid::Column::Id).take(),
        index("market_bid_open").table(bid::Entity).col(bid::Column::Open).take(),
        index("market_offer_tenant").table(offer::Entity).col(offer::Column::Tenant).col(offer::Column::Id).take(),
        index("market_offer_open").table(offer::Entity).col(offer::Column::Open).take(),
        index("market_lease_buyer").table(lease::Entity).col(lease::Column::Buyer).take(),
        index("market_lease_seller").table(lease::Entity).col(lease::Column::Seller).take(),
        index("market_transfer_debit")
            .table(transfer::Entity)
            .col(transfer::Column::Debit)
            .col(transfer::Column::Sequence)
            .take(),
        index("market_transfer_credit")
            .table(transfer::Entity)
            .col(transfer::Column::Credit)
            .col(transfer::Column::Sequence)
            .take(),
    ]
}
