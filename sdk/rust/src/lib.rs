//! test
#[doc(hidden)]
pub mod bindings;
