//! What can go wrong with a registry. Credentials never appear here.

use crate::digest::Digest;
use std::path::PathBuf;

/// Why something could not be pushed or pulled.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// No answer.
    #[error("the registry {registry} does not answer: {cause}")]
    Unreachable {
        /// Which registry.
        registry: String,
        /// What the network said.
        cause: String,
    },
    /// It wants to know who asks, or does not like the answer.
    #[error(
        "the registry {registry} {why}: log in with `docker login`, set FOREWARM_REGISTRY_USER and \
         FOREWARM_REGISTRY_PASSWORD, or use --username with --registry-password-stdin"
    )]
    Unauthorized {
        /// Which registry.
        registry: String,
        /// What it did.
        why: String,
    },
    /// There is no such thing.
    #[error("{what} is not there")]
    NotFound {
        /// What was asked for.
        what: String,
    },
    /// It answered with another status than the protocol has.
    #[error("the registry answered {status} where {what} was asked for{detail}")]
    Status {
        /// What was asked for.
        what: String,
        /// The HTTP status.
        status: u16,
        /// What it said about that, if it did.
        detail: String,
    },
    /// Something else than a registry answered.
    #[error("{what} is {found}, not what a registry sends: is the address right, and is a login page in between?")]
    Foreign {
        /// What was asked for.
        what: String,
        /// What came.
        found: String,
    },
    /// More than is accepted.
    #[error("{what} has {bytes} bytes or more, at most {max} are accepted")]
    TooLarge {
        /// What was asked for.
        what: String,
        /// How many were announced or had come.
        bytes: u64,
        /// The limit.
        max: u64,
    },
    /// The bytes are others than were asked for.
    #[error("{what} has the digest {found}, and {expected} was asked for: the registry's answer is refused")]
    Digest {
        /// What was asked for.
        what: String,
        /// What it should have.
        expected: Digest,
        /// What it has.
        found: Digest,
    },
    /// The size is another than the manifest says.
    #[error("{what} has {found} bytes, and the manifest says {expected}: the registry's answer is refused")]
    Size {
        /// What was asked for.
        what: String,
        /// What the manifest says.
        expected: u64,
        /// What came or was announced.
        found: u64,
    },
    /// The connection broke, again and again.
    #[error(
        "the connection broke after {received} of {expected} bytes ({cause}); run the command again to go on there"
    )]
    Interrupted {
        /// What is kept.
        received: u64,
        /// What was to come.
        expected: u64,
        /// What the network said.
        cause: String,
    },
    /// It is no plugin.
    #[error("{reference} holds no plugin: {why}")]
    NotAPlugin {
        /// What was pulled.
        reference: String,
        /// What does not fit, and what would.
        why: String,
    },
    /// Its own addresses can't be used.
    #[error("the registry {registry} can't be used: {why}")]
    Address {
        /// Which registry.
        registry: String,
        /// What does not fit.
        why: String,
    },
    /// A file could not be written.
    #[error("{} can't be written: {cause}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
}
