//! What clearing promises: worked examples, properties of random books of one class and of both, agreement with exhaustive
//! searches, the welfare that min-fills cost, and money that an independent ledger can follow.
#![expect(clippy::expect_used, reason = "helpers of tests fail like tests")]

mod accounting;
mod exact;
mod examples;
mod orders;
mod properties;
mod reference;
mod two_class;
mod two_class_examples;
mod welfare;
