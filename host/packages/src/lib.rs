//! How plugins travel: signed by their authors, pushed to and pulled from OCI registries, installed side by side, and
//! judged before the host loads them.
//!
//! Invariants: nothing unverified becomes visible in the store; what a registry sends is limited before it is read and
//! pinned by digest; credentials never appear in an error, a log or a record; nothing here runs a component.

pub mod annotation;
mod digest;
mod files;
mod install;
mod record;
mod registry;
mod release;
mod signature;
mod signing;
mod store;
mod trust;

pub use digest::{Digest, InvalidDigest};
pub use files::{write, write_secret};
pub use install::{Candidate, InstallError, InstallOptions, Outcome, install};
pub use record::Record;
pub use registry::{Access, Artifact, Credentials, InvalidReference, Pushed, Reference, Registry, RegistryError};
pub use release::{InvalidRelease, Release, Selection, Version};
pub use signature::{MAX_SIGNATURE_BYTES, PublicKey, Signature, SignatureError};
pub use signing::{KeyPair, SigningError, sign};
pub use store::{Change, Installed, Store, StoreError, partial_in};
pub use trust::{LIST, Trust, TrustError, TrustPolicy, signature_beside, signature_path};
