//! The HTTP API as callers meet it: a whole host without plugins behind a real port, its store in memory.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

mod access;
mod claims;
mod events;
mod host;
mod ingest;
mod limits;
mod personas;
mod problems;
