//! The contract as Rust: each version generated from its WIT package, and behind one face per kind what the rest of the
//! crate calls.
//!
//! The words of 0.1 are those of the face. A later version that changes them gets a module of its own, which translates,
//! and one case in the faces of the kinds that it changes; a held instance is told apart by one comparison per call, and
//! values are moved, not boxed. `forecaster` shows how, with the made-up version that tests enable.

pub(crate) mod forecaster;
#[cfg(feature = "next-contract")]
pub(crate) mod next;
mod v0_1;

// Kinds that no served version has changed since 0.1: their face is what 0.1 generates.
pub(crate) use v0_1::{anomaly_detector, assets, driver, host, profiler, state, types};
