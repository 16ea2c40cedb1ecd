//! A client for OCI registries that takes nothing on trust: every answer is limited before it is read, and every byte
//! that is kept was verified against a digest. General clients read answers without a bound, hence one of our own.

mod artifact;
mod auth;
mod body;
mod client;
mod error;
mod pull;
mod push;
mod reference;

pub use artifact::Artifact;
pub use auth::Credentials;
pub use client::{Access, Registry};
pub use error::RegistryError;
pub use push::Pushed;
pub use reference::{InvalidReference, Reference};
