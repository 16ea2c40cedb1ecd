//! One module per table: its row as sea-orm sees it. What is looked for has a column of its own; the rest is one document.

use sea_orm::Value;

/// A row as a statement has it.
pub(super) trait Row {
    /// The table's name.
    const TABLE: &'static str;
    /// Its columns.
    const COLUMNS: &'static [&'static str];

    /// Adds the values, in the order of the columns.
    fn bind(self, to: &mut Vec<Value>);
}

macro_rules! table {
    ($(#[$doc:meta])* $module:ident, $name:literal, { $($(#[$attribute:meta])* $field:ident: $type:ty),* $(,)? }) => {
        $(#[$doc])*
        pub(crate) mod $module {
            use sea_orm::entity::prelude::*;

            #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
            #[sea_orm(table_name = $name)]
            pub(crate) struct Model {
                $($(#[$attribute])* pub $field: $type,)*
            }

            #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
            pub(crate) enum Relation {}

            impl ActiveModelBehavior for ActiveModel {}

            impl crate::store::entity::Row for Model {
                const TABLE: &'static str = $name;
                const COLUMNS: &'static [&'static str] = &[$(stringify!($field)),*];

                fn bind(self, to: &mut Vec<Value>) {
                    $(to.push(self.$field.into());)*
                }
            }
        }
    };
}

table!(organisation, "market_organisation", {
    #[sea_orm(primary_key, auto_increment = false)] name: String,
    body: String,
});

table!(cost_centre, "market_cost_centre", {
    #[sea_orm(primary_key, auto_increment = false)] name: String,
    body: String,
});

table!(account, "market_account", {
    #[sea_orm(primary_key, auto_increment = false)] id: String,
    currency: String,
    balance: i64,
    held: i64,
    credit_limit: i64,
    alert_below: Option<i64>,
});

table!(budget, "market_budget", {
    #[sea_orm(primary_key, auto_increment = false)] id: Uuid,
    tenant: String,
    body: String,
});

table!(bid, "market_bid", {
    #[sea_orm(primary_key, auto_increment = false)] id: Uuid,
    tenant: String,
    persona: String,
    open: bool,
    has_key: bool,
    body: String,
});

table!(offer, "market_offer", {
    #[sea_orm(primary_key, auto_increment = false)] id: Uuid,
    tenant: String,
    persona: String,
    open: bool,
    has_key: bool,
    body: String,
});

table!(round, "market_round", {
    #[sea_orm(primary_key, auto_increment = false)] number: i64,
    kind: String,
    state: String,
    body: String,
});

table!(snapshot, "market_snapshot", {
    #[sea_orm(primary_key, auto_increment = false)] round: Uuid,
    body: String,
});

table!(lease, "market_lease", {
    #[sea_orm(primary_key, auto_increment = false)] id: Uuid,
    buyer: String,
    seller: String,
    live: bool,
    granted_at: i64,
    body: String,
});

table!(reclaim, "market_reclaim", {
    #[sea_orm(primary_key, auto_increment = false)] id: Uuid,
    body: String,
});

table!(transfer, "market_transfer", {
    #[sea_orm(primary_key, auto_increment = false)] sequence: i64,
    #[sea_orm(unique)] id: Uuid,
    at: i64,
    debit: String,
    credit: String,
    amount: i64,
    currency: String,
    kind: String,
    round: Option<Uuid>,
    bid: Option<Uuid>,
    lease: Option<Uuid>,
});

table!(price, "market_price", {
    #[sea_orm(primary_key, auto_increment = false)] round: i64,
    #[sea_orm(primary_key, auto_increment = false)] persona: String,
    #[sea_orm(primary_key, auto_increment = false)] from_ms: i64,
    #[sea_orm(primary_key, auto_increment = false)] until_ms: i64,
    #[sea_orm(primary_key, auto_increment = false)] class: String,
    body: String,
});

table!(outbox, "market_outbox", {
    #[sea_orm(primary_key, auto_increment = false)] sequence: i64,
    #[sea_orm(unique)] id: Uuid,
    tenant: Option<String>,
    body: String,
});

table!(
    /// The audit chain's newest link, and how far events have left.
    setting, "market_setting", {
    #[sea_orm(primary_key, auto_increment = false)] key: String,
    value: String,
});

table!(
    /// Tokens and webhooks.
    record, "market_record", {
    #[sea_orm(primary_key, auto_increment = false)] kind: String,
    #[sea_orm(primary_key, auto_increment = false)] id: String,
    document: String,
});
