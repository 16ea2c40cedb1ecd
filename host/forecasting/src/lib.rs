//! Combining, calibrating and scoring forecasts, after the forecasters have answered.
//!
//! Invariants: no clock, no randomness, no I/O and no `await`. The backtest and production call the same functions, and
//! what is chosen for an origin (weights, corrections, seasons) is a function of values before that origin alone.

pub mod backtest;
pub mod combine;
pub mod conformal;
pub mod ensemble;
pub mod long;
pub mod measures;
pub mod nab;
pub mod online;
pub mod reference;
pub mod schedule;
pub mod seasons;
pub mod spectrum;
pub mod weights;
pub mod windows;

/// The levels of a report: the deciles and the ends of the 90% band, as the measures need them.
pub const REPORT_LEVELS: [f64; 11] = [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95];
