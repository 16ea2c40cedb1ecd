//! The market over HTTP: the real program, with a database of its own, and callers who mean well or do not.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests fail like tests")]

mod access;
mod bad_input;
mod calendar;
mod deadlines;
mod exports;
mod flood;
#[path = "../market/host.rs"]
mod host;
mod hosted;
mod market;
mod money;
mod orders;
mod outage;
mod rebinding;
mod receiver;
mod webhooks;
