//! The forewarm host.

pub mod config;
pub mod metrics;
#[cfg(test)]
mod snapshot;
