//! The pure core of forewarm: ids, time, series, personas, instances, forecasts, and `decide()`.
//!
//! Invariants: no clock, no randomness, no I/O and no `await` in here. Every function is a value to a value, so that
//! production, the simulator and a test run the very same decision.

pub mod calendar;
pub mod forecast;
pub mod id;
pub mod instance;
pub mod lending;
pub mod outcome;
pub mod persona;
pub mod plan;
pub mod plugin;
pub mod policy;
pub mod series;
pub mod time;
