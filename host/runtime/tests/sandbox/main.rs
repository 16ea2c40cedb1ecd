//! The runtime against real components: well-behaved ones, hostile ones, and the first-party plugins.

#![expect(clippy::expect_used, clippy::panic, reason = "the helpers of tests fail as tests do")]

mod assets;
mod compiling;
mod components;
mod compute_thread;
mod contract_versions;
mod drivers;
mod first_party;
mod forecasting;
mod hostile_drivers;
mod hostile_forecasters;
mod hostile_guests;
mod loading;
mod support;
mod watch;
