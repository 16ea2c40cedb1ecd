//! Demand traces, and the yardsticks that a plan is held against in virtual time.
//!
//! Invariants: no clock and no I/O beyond reading a trace from a reader; the same seed gives the same bytes.

pub mod clairvoyant;
pub mod sample;
pub mod trace;
