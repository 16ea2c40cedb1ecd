//! Demand traces and baselines for judging forewarm in virtual time.
