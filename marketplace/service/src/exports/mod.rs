//! What leaves the ledger as files: statements and cost rows in FOCUS form, both CSV. Amounts are written exactly; there
//! are no floats anywhere.
//!
//! # Invariants
//! The rows of a statement are the ledger's entries; the `BilledCost` of a FOCUS export of a period and tenant sum up to
//! what the tenant's entries of that period say, deposits and withdrawals left out, negated.

mod decimal;
mod focus;
mod period;
mod statement;

pub use decimal::{millionths, ratio};
pub use focus::{COLUMNS, FocusError, FocusRow, Issuer, focus_csv, focus_rows};
pub use period::{InvalidPeriod, Period, month_of};
pub use statement::{Statement, statement_csv};
