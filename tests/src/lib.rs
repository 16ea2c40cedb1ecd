//! Support for scenario tests.
