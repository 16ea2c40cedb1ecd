//! The tables of the first release.

use crate::store::entity::{
    account, bid, budget, cost_centre, lease, offer, organisation, outbox, price, reclaim, round, setting, snapshot,
    transfer,
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
    /// All tables or none: a market killed half-way has to start again.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_table(manager, organisation::Entity).await?;
        create_table(manager, cost_centre::Entity).await?;
        create_table(manager, account::Entity).await?;
        create_table(manager, budget::Entity).await?;
        create_table(manager, bid::Entity).await?;
        create_table(manager, offer::Entity).await?;
        create_table(manager, round::Entity).await?;
        create_table(manager, snapshot::Entity).await?;
        create_table(manager, lease::Entity).await?;
        create_table(manager, reclaim::Entity).await?;
        create_table(manager, transfer::Entity).await?;
        create_table(manager, price::Entity).await?;
        create_table(manager, outbox::Entity).await?;
        create_table(manager, setting::Entity).await?;
        for index in indexes() {
            manager.create_index(index).await?;
        }
        Ok(())
    }
}

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
