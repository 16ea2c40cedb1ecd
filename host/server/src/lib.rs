//! The forewarm host: the planning loop, its HTTP API and the command line.

pub mod app;
pub mod cli;
pub mod config;
pub mod core;
pub mod http;
pub mod ingest;
pub mod metrics;
pub mod plugins;
pub mod probe;
pub mod replay;
pub mod rounds;
#[cfg(test)]
mod snapshot;
pub mod store;
mod thread;

pub use forewarm_clock as clock;
