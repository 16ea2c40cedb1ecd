//! What clearing promises: worked examples, properties of random books, and agreement with an exhaustive search.
#![expect(clippy::expect_used, reason = "helpers of tests fail like tests")]

mod examples;
mod orders;
mod properties;
mod reference;
