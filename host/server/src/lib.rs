//! The forewarm host.

pub mod config;
pub mod ingest;
pub mod metrics;
pub mod store;
#[cfg(test)]
mod snapshot;
