//! The capability `assets`: files that the operator grants a plugin, read once and shared by all of its instances.

use crate::bindings::assets as wit;
use crate::guest::Guest;
use bytes::Bytes;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use wasmtime::Result;

/// The largest asset, in bytes.
pub const ASSET_BYTES_MAX: u64 = 64 << 20;
/// The longest read, in bytes.
const READ_BYTES_MAX: u32 = 1 << 20;
/// The most assets of one plugin.
pub(crate) const ASSETS_MAX: usize = 16;
/// How much of a name is told in an error, in bytes.
const NAME_SHOWN: usize = 80;

/// The interface that the capability offers.
pub(crate) const OFFERED: &str = "forewarm:assets/assets@0.1.";

/// The content of a granted file.
#[derive(Clone, PartialEq, Eq)]
pub struct Asset {
    bytes: Bytes,
    digest: String,
}

impl std::fmt::Debug for Asset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Asset").field("size", &self.bytes.len()).field("digest", &self.digest).finish()
    }
}

/// Why a file can't be an asset.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AssetError {
    /// It can't be read.
    #[error("the file {path} can't be read: {reason}")]
    Unreadable {
        /// The file.
        path: String,
        /// What the system said.
        reason: String,
    },
    /// It is over the limit.
    #[error("the asset has more than {ASSET_BYTES_MAX} bytes, which is the limit")]
    TooLarge,
}

impl Asset {
    /// Takes content from memory.
    ///
    /// # Errors
    /// [`AssetError::TooLarge`] over [`ASSET_BYTES_MAX`].
    pub fn new(bytes: impl Into<Bytes>) -> std::result::Result<Self, AssetError> {
        let bytes = bytes.into();
        if bytes.len() as u64 > ASSET_BYTES_MAX {
            return Err(AssetError::TooLarge);
        }
        let digest = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { bytes, digest })
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`AssetError`], when there is no such file or it is over the limit.
    pub fn read(path: &Path) -> std::result::Result<Self, AssetError> {
        let failed = |reason: String| AssetError::Unreadable { path: path.display().to_string(), reason };
        let file = std::fs::File::open(path).map_err(|error| failed(error.to_string()))?;
        if !file.metadata().is_ok_and(|about| about.is_file()) {
            return Err(failed("it is no file".to_owned()));
        }
        // One byte more than the limit tells a file that is over it, whatever its metadata say.
        let mut bytes = Vec::new();
        file.take(ASSET_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| failed(error.to_string()))?;
        Self::new(bytes)
    }

    /// Its length in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// SHA-256 of its content, as hexadecimal digits.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }
}

/// What a plugin may read, by name.
pub(crate) type Assets = BTreeMap<String, Asset>;

/// Whether a manifest may name an asset so: 1 to 64 lower-case letters, digits and hyphens.
pub(crate) fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

type Answer<T> = Result<std::result::Result<T, wit::AssetError>>;

impl Guest {
    fn asset(&self, name: &str) -> std::result::Result<&Asset, wit::AssetError> {
        let shown: String = name.chars().take(NAME_SHOWN).collect();
        if !self.shared.manifest.assets.iter().any(|declared| declared == name) {
            return Err(wit::AssetError::NotDeclared(format!("the manifest does not name the asset `{shown}`")));
        }
        let none = || wit::AssetError::NotGranted(format!("no file is granted as the asset `{shown}`"));
        self.shared.assets.get(name).ok_or_else(none)
    }

    fn counted<T>(&self, result: std::result::Result<T, wit::AssetError>) -> Answer<T> {
        if result.is_err() {
            self.shared.counters.request_refused();
        }
        Ok(result)
    }
}

impl wit::Host for Guest {
    fn describe(&mut self, name: String) -> Answer<wit::Info> {
        self.host_call()?;
        let described = self.asset(&name);
        self.counted(described.map(|asset| wit::Info { size: asset.size() as u64, digest: asset.digest.clone() }))
    }

    fn read(&mut self, name: String, offset: u64, length: u32) -> Answer<Vec<u8>> {
        self.host_call()?;
        let read = self.asset(&name).and_then(|asset| part(asset, offset, length));
        self.counted(read)
    }
}

fn part(asset: &Asset, offset: u64, length: u32) -> std::result::Result<Vec<u8>, wit::AssetError> {
    if length > READ_BYTES_MAX {
        let text = format!("a read has at most {READ_BYTES_MAX} bytes, {length} were asked for");
        return Err(wit::AssetError::Limit(text));
    }
    let size = asset.size();
    let start = usize::try_from(offset).ok().filter(|start| *start <= size);
    let start = start
        .ok_or_else(|| wit::AssetError::Limit(format!("the asset has {size} bytes, the read begins at {offset}")))?;
    Ok(asset.bytes[start..size.min(start + length as usize)].to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_up_to_the_end() {
        let asset = Asset::new(&b"weights"[..]).expect("small");
        let read = |offset, length| part(&asset, offset, length).map_err(|_| ());
        assert_eq!(read(0, 3), Ok(b"wei".to_vec()));
        assert_eq!((read(3, 100), read(7, 1)), (Ok(b"ghts".to_vec()), Ok(Vec::new())));
        assert_eq!((read(8, 1), read(u64::MAX, 1), read(0, READ_BYTES_MAX + 1)), (Err(()), Err(()), Err(())));
        assert_eq!(asset.digest().len(), 64);
    }

    #[test]
    fn what_is_no_file_or_too_large_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let told = |path: &Path| Asset::read(path).expect_err("no asset").to_string();
        assert!(told(folder.path()).contains("no file"));
        assert!(told(&folder.path().join("none")).contains("none can't be read"));
        let large = folder.path().join("large");
        std::fs::File::create(&large).and_then(|file| file.set_len(ASSET_BYTES_MAX + 1)).expect("a sparse file");
        assert_eq!(Asset::read(&large), Err(AssetError::TooLarge));
    }

    #[test]
    fn names_are_plain() {
        assert!(["weights", "a-1"].into_iter().all(is_name));
        assert!(!["", "A", "a/b", "..", &"x".repeat(65)].into_iter().any(is_name));
    }
}
