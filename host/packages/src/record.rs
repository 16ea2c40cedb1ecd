//! What is known about an installed component beside its bytes: `NAME@VERSION.json` beside `NAME@VERSION.wasm`.

use crate::digest::Digest;
use crate::release::Version;
use crate::signature::Signature;
use forewarm_domain::id::PluginName;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The largest record that is read.
pub(crate) const MAX_RECORD_BYTES: u64 = 256 << 10;

/// See the module's description.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The plugin.
    pub name: PluginName,
    /// Its version.
    pub version: Version,
    /// The digest of the component.
    pub digest: Digest,
    /// Its size in bytes.
    pub bytes: u64,
    /// Where it came from: a reference pinned by its digest, or a file.
    pub source: String,
    /// Its detached signature, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Signature>,
    /// Whether whoever installed it accepted it without a signature by a trusted key.
    #[serde(default)]
    pub accepted_unsigned: bool,
    /// What its author said of it in the registry, the references of SBOM and provenance among it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

impl Record {
    /// Where the record of a component lies.
    #[must_use]
    pub fn path_of(component: &Path) -> PathBuf {
        component.with_file_name(match component.file_stem() {
            Some(stem) => format!("{}.json", stem.to_string_lossy()),
            None => ".json".to_owned(),
        })
    }
}
