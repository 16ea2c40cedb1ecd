//! The market over real databases, with a host that hands instances over the bus, and an accounting model of its own.
#![expect(clippy::expect_used, clippy::panic, reason = "helpers of tests fail like tests")]

mod accounts;
mod crash;
mod host;
mod leases;
mod orders;
mod rounds;
mod world;
