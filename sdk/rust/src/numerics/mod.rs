//! What forecasters of whole days share: seasons, gaps, decomposition, search, honest intervals, and the frame around
//! a [`Method`](rolling::Method) that keeps its history, observes, refits and turns its errors into quantile paths.
//!
//! Pure functions of values in fixed order: the same input gives the same bits, natively and in the sandbox (sums are
//! in order, and logarithms and powers come from `libm` on both sides).

pub mod autocorrelation;
pub mod cholesky;
pub mod domain;
pub mod errors;
pub mod fallback;
pub mod fill;
pub mod horizons;
pub mod nelder_mead;
pub mod past;
pub mod profile;
pub mod recurring;
pub mod renewal;
pub mod rolling;
pub mod seasons;
pub mod shape;
pub mod smoothing;
pub mod stats;
