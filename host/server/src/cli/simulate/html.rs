//! The page of a simulation.

use super::Simulated;
use super::report::Report;

pub(super) fn page(_report: &Report, _done: &[Simulated]) -> String {
    String::new()
}
