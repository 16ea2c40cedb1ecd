//! The heart: books, ledger and leases in memory, changed on one thread alone. Everything in here but `actor` is plain
//! code over [`State`]: no database, no clock, no waiting. A change that is refused leaves nothing behind; one that is
//! taken goes to the store with all others of its transaction.

pub(crate) mod access;
pub(crate) mod actor;
pub(crate) mod announce;
pub(crate) mod indexed;
pub(crate) mod leases;
pub(crate) mod ledger;
pub(crate) mod offers;
pub(crate) mod orders;
pub(crate) mod organisations;
pub(crate) mod reclaim;
pub(crate) mod refund;
pub(crate) mod rounds;
pub(crate) mod seal;
pub(crate) mod settle;
pub(crate) mod snapshot;
pub(crate) mod state;
pub(crate) mod table;
