//! What the HTTP APIs of forewarm have in common: errors as problem documents, bodies and parameters that are checked
//! before a handler sees them, the form of tokens, the layers around every request, and the frame of an OpenAPI document.
//!
//! # Guarantees
//! - Every error that passes [`layers::observe`] is a problem document with a stable `type`; its internal cause is in the
//!   log alone.
//! - Nothing is read beyond its limit: bodies by the limit of the API's state, paths and ids by their own.
//! - Secrets are kept as digests, and never printed.

pub mod body;
mod index;
pub mod layers;
pub mod openapi;
pub mod parameters;
pub mod problem;
pub mod schema;
mod secret;
mod state;

pub use index::{TOKEN_NAME_MAX, TokenIndex, TokenRecord, is_token_name};
pub use problem::{FieldError, Problem, ProblemDocument, ProblemKind};
pub use secret::{Secret, bearer, unauthenticated, write_for_owner};
pub use state::ApiState;
