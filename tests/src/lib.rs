//! Support for scenario tests: real servers that belong to one test each, and the built plugins.
//! All of it expects to be run through `cargo xtask test`, and panics with that advice otherwise.
#![expect(clippy::panic, clippy::expect_used, reason = "a test without its server must fail, not go on")]

mod daemon;
mod environment;
mod keeper;
mod nats;
mod ports;
mod postgres;
mod template;

pub use environment::plugins_dir;
pub use nats::NatsServer;
pub use postgres::Postgres;
