//! A SQLite file or a PostgreSQL database as the stores of forewarm use one: [`open`] gives one connection that writes and
//! a pool that reads, and keeps a second process out; [`schema`] brings the tables up to date; [`script`] writes many
//! rows in one transaction; [`fault`] tells a failure that passes from one that does not. What the tables are is each
//! store's own.

pub mod fault;
pub mod open;
pub mod schema;
pub mod script;

pub use fault::Fault;
pub use script::Script;
