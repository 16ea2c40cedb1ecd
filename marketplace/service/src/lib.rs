//! The capacity market: organisations and their cost centres bid for warm capacity that its owners do not expect to need.
//! [`Market`] is the whole of it: orders, sealed rounds, a double-entry ledger and leases, over SQLite or PostgreSQL.
//!
//! # Guarantees
//! - What a call returns is durable. Many callers share one transaction, so that a disk that syncs a hundred times a second
//!   still takes thousands of orders.
//! - All balances of a currency sum to zero. What is available to a tenant is never below zero, also for bids placed at
//!   the same time. Money that is set aside ends in the transaction that ends what it was set aside for.
//! - A round goes from sealed to published exactly once, whenever the process is killed: the same result, and no transfer,
//!   lease or event lost or doubled. Events may reach their readers again under the same id.
//! - Notice is never shortened, whatever the clock does and however often the process starts.
//!
//! # Invariants
//! sea-orm is known in `store` alone. Books, ledger and leases change on one thread alone, and only when the change is
//! durable does anyone hear of it. The clock and the seeds are handed in.

pub mod audit;
pub mod auth;
mod config;
mod core;
mod error;
pub mod exports;
pub mod http;
mod market;
pub mod model;
mod probe;
mod records;
mod service;
mod store;
pub mod webhooks;

pub use config::{InvalidSetting, MarketConfig};
pub use error::MarketError;
pub use market::{
    AccountView, EventQuery, LeaseQuery, LedgerQuery, Market, MarketParts, OrderQuery, PriceQuery, Side, random_seeds,
};
pub use probe::{NoProbe, Point, Probe};
pub use service::{Service, ServiceConfig, ServiceError, ServiceParts, SettingFault};
