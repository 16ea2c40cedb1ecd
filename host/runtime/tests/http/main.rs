//! Outgoing requests of a real driver, against real servers of this process.

#![expect(clippy::expect_used, clippy::panic, reason = "the helpers of tests fail as tests do")]

mod addresses;
mod grants;
mod limits;
mod secrets;
mod server;
mod support;
mod tls;
