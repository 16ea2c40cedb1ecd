//! The capacity market in virtual time: thousands of synthetic tenants bid for what owners of real demand series can spare.
//! The surplus, the reserve, the clearing and the settlement are production's; only tenants and time are made up.
//!
//! [`owner::Owner::look`] reads one series' surplus off its forecasts, which is the costly part and can be done for many
//! series at a time. [`run::run`] then holds all rounds and gives a [`report::Report`].
//!
//! # Invariants
//! No clock and no I/O. The same owners, [`setting::Setting`] and seed give the same bytes, on any number of threads.
//! Money is whole micro-credits; floats are for what tenants are drawn from, and for shares in reports.
//!
//! # Caveats
//! Tenants bid what a unit is worth to them: with one price for all and many tenants there is little to gain by less. A
//! window is sold in one round just before it begins, and an owner's fleet is as large as its history's highest demand.

mod book;
mod lease;
pub mod owner;
pub mod report;
pub mod run;
pub mod setting;
pub mod tenant;
