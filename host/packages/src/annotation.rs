//! The annotations of a plugin in a registry: OCI's own where it has one, ours under `forewarm.plugin.` otherwise.

/// Its name.
pub const TITLE: &str = "org.opencontainers.image.title";
/// Its version.
pub const VERSION: &str = "org.opencontainers.image.version";
/// What it is for, in a sentence.
pub const DESCRIPTION: &str = "org.opencontainers.image.description";
/// Its kind, such as `forecaster`.
pub const KIND: &str = "forewarm.plugin.kind";
/// Where its list of ingredients (SBOM) is.
pub const SBOM: &str = "forewarm.plugin.sbom";
/// Where the record of how it was built is.
pub const PROVENANCE: &str = "forewarm.plugin.provenance";
/// Its detached signature, the four lines of a `.minisig` file.
pub const SIGNATURE: &str = "forewarm.plugin.signature.minisign";
