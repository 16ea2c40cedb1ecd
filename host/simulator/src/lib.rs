//! Demand traces, and the yardsticks that a plan is held against in virtual time.
//!
//! Invariants: no clock and no I/O beyond reading a trace from a reader; the same seed gives the same bytes.

pub mod accuracy;
pub mod boots;
pub mod clairvoyant;
pub mod cloud;
pub mod lane;
pub mod peers;
pub mod run;
pub mod sample;
pub mod score;
pub mod tiers;
pub mod trace;
pub mod world;
