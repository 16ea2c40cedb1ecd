//! Support for scenario tests: real servers and hosts that belong to one test each, and the built plugins.
//! All of it expects to be run through `cargo xtask test`, and panics with that advice otherwise.
#![expect(clippy::panic, clippy::expect_used, reason = "a test without its server must fail, not go on")]

mod api;
pub mod clock;
mod components;
mod daemon;
mod environment;
pub mod guests;
mod host;
mod keeper;
mod nats;
mod poll;
mod ports;
mod postgres;
mod program;
pub mod registry;
pub mod remote_write;
mod setup;
mod template;
mod trace;
mod trial;

pub use api::{Answer, Api};
pub use environment::{on_path, plugins_dir};
pub use host::{Finished, Host};
pub use nats::NatsServer;
pub use poll::eventually;
pub use postgres::Postgres;
pub use registry::Registry;
pub use setup::Setup;
pub use trace::Trace;
pub use trial::Trial;
