//! Whether a component may be loaded: signed by one of the operator's keys, listed beside it by digest, accepted when it
//! was installed, or unsigned where the operator allows that.
//!
//! Invariants: a component whose bytes differ from what a trusted key signed, from what was installed, or from what the
//! list says is refused; a list or an acceptance counts only where no other user can write it.

use crate::digest::Digest;
use crate::files;
use crate::record::{MAX_RECORD_BYTES, Record};
use crate::signature::{MAX_SIGNATURE_BYTES, PublicKey, Signature, SignatureError, verify};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

/// The list of digests in a plugin folder, as `sha256sum` writes and checks it.
pub const LIST: &str = "SHA256SUMS";
/// What the name of a detached signature's file ends with, after the component's own name: `a.wasm.minisig`.
const SIGNATURE_SUFFIX: &str = "minisig";
const MAX_LIST_BYTES: u64 = 1 << 20;

/// Whom the operator trusts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustPolicy {
    /// Whose signatures count.
    pub keys: Vec<PublicKey>,
    /// Whether a component that nobody vouches for is loaded nevertheless.
    pub allow_unsigned: bool,
}

/// Why a component may be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// One of the operator's keys signed it.
    Signed(PublicKey),
    /// Its folder's list holds its digest.
    Listed,
    /// It was accepted without a signature when it was installed.
    Accepted,
    /// Nobody vouches for it; the operator allows that.
    Unsigned,
}

/// Why a component may not be loaded, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// Nobody vouches for it.
    #[error(
        "it is not signed: sign it with `forewarm plugin sign` by a key of plugins.trusted_keys, install it with \
         `forewarm plugin install --allow-unsigned`, or set plugins.allow_unsigned = true"
    )]
    Unsigned,
    /// Its signature is of no use.
    #[error("{0}")]
    Signature(#[from] SignatureError),
    /// It is not what was installed or listed.
    #[error("its digest is {found}, and {by} says {expected}: it was changed; install it anew")]
    Changed {
        /// The file that says so.
        by: PathBuf,
        /// What that file says.
        expected: Digest,
        /// What the component has.
        found: Digest,
    },
    /// Others can write what vouches for it.
    #[error("it is not signed, and what vouches for it can't be relied on: {0}")]
    Open(String),
    /// What vouches for it can't be read.
    #[error("{} can't be read: {cause}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        cause: io::Error,
    },
}

impl TrustPolicy {
    /// Judges a component that lies at `file`, by what lies beside it.
    ///
    /// # Errors
    /// [`TrustError`] says why it is refused and what to do.
    pub fn check_file(&self, file: &Path, component: &[u8]) -> Result<Trust, TrustError> {
        let found = Digest::of(component);
        let record = record_beside(file)?;
        if let Some((by, record)) = record.as_ref().filter(|(_, record)| record.digest != found) {
            return Err(TrustError::Changed { by: by.clone(), expected: record.digest, found });
        }
        let signature = match record.as_ref().and_then(|(_, record)| record.signature.clone()) {
            Some(signature) => Some(signature),
            None => signature_beside(file)?,
        };
        match self.check(component, signature.as_ref()) {
            Err(error @ (TrustError::Unsigned | TrustError::Signature(SignatureError::UnknownKey))) => {
                vouched_for(file, record.as_ref(), found)?.ok_or(error)
            }
            Ok(Trust::Unsigned) => {
                Ok(vouched_for(file, record.as_ref(), found).ok().flatten().unwrap_or(Trust::Unsigned))
            }
            settled => settled,
        }
    }

    /// Judges a component by its signature alone.
    ///
    /// # Errors
    /// [`TrustError`] says why it is refused and what to do.
    pub fn check(&self, component: &[u8], signature: Option<&Signature>) -> Result<Trust, TrustError> {
        let verdict = signature.map(|signature| verify(&self.keys, component, signature)).transpose();
        match verdict {
            Ok(Some(key)) => Ok(Trust::Signed(key.clone())),
            Ok(None) | Err(SignatureError::UnknownKey) if self.allow_unsigned => Ok(Trust::Unsigned),
            Ok(None) => Err(TrustError::Unsigned),
            Err(error) => Err(error.into()),
        }
    }
}

/// The detached signature beside a component.
///
/// # Errors
/// [`TrustError`] when there is one that can't be read.
pub fn signature_beside(component: &Path) -> Result<Option<Signature>, TrustError> {
    let path = signature_path(component);
    let text = files::read_text(&path, MAX_SIGNATURE_BYTES as u64);
    let text = text.map_err(|cause| TrustError::File { path, cause })?;
    Ok(text.map(|text| text.parse()).transpose()?)
}

/// Where the detached signature of a component lies.
#[must_use]
pub fn signature_path(component: &Path) -> PathBuf {
    let mut name = OsString::from(component);
    name.push(".");
    name.push(SIGNATURE_SUFFIX);
    name.into()
}

/// Only what has a version in its file's name was installed and has a record.
fn record_beside(file: &Path) -> Result<Option<(PathBuf, Record)>, TrustError> {
    if !file.file_stem().is_some_and(|stem| stem.to_string_lossy().contains('@')) {
        return Ok(None);
    }
    let path = Record::path_of(file);
    let failed = |cause| TrustError::File { path: path.clone(), cause };
    let Some(text) = files::read(&path, MAX_RECORD_BYTES).map_err(failed)? else { return Ok(None) };
    let record = serde_json::from_slice(&text).map_err(|error| failed(io::Error::other(error)))?;
    Ok(Some((path, record)))
}

/// What stands in for a signature: an acceptance in the record, or the folder's list.
fn vouched_for(file: &Path, record: Option<&(PathBuf, Record)>, found: Digest) -> Result<Option<Trust>, TrustError> {
    if let Some((path, _)) = record.filter(|(_, record)| record.accepted_unsigned) {
        return closed(path).map(|()| Some(Trust::Accepted));
    }
    let list = file.with_file_name(LIST);
    let Some(expected) = listed(&list, file)? else { return Ok(None) };
    if expected != found {
        return Err(TrustError::Changed { by: list, expected, found });
    }
    closed(&list).map(|()| Some(Trust::Listed))
}

fn closed(path: &Path) -> Result<(), TrustError> {
    match files::changeable_by_others(path) {
        Ok(None) => Ok(()),
        Ok(Some(why)) => Err(TrustError::Open(why)),
        Err(cause) => Err(TrustError::File { path: path.to_owned(), cause }),
    }
}

/// The digest that a list has for a file. Lines are `DIGEST  NAME`; a star before the name means the same.
fn listed(list: &Path, file: &Path) -> Result<Option<Digest>, TrustError> {
    let failed = |cause| TrustError::File { path: list.to_owned(), cause };
    let Some(text) = files::read_text(list, MAX_LIST_BYTES).map_err(failed)? else { return Ok(None) };
    let name = file.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    for line in text.lines() {
        let Some((hex, rest)) = line.split_once(' ') else { continue };
        if rest.strip_prefix([' ', '*']) == Some(name.as_ref()) {
            let digest = Digest::from_hex(hex).map_err(|error| failed(io::Error::other(error)))?;
            return Ok(Some(digest));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signing::{KeyPair, sign};
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    const COMPONENT: &[u8] = b"component";

    struct Folder {
        folder: tempfile::TempDir,
        pair: KeyPair,
    }

    impl Folder {
        fn new() -> Self {
            Self { folder: tempfile::tempdir().expect("a folder"), pair: KeyPair::generate(None).expect("a key") }
        }

        fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
            let path = self.folder.path().join(name);
            files::write(&path, text.as_ref()).expect("writes");
            path
        }

        fn policy(&self, allow_unsigned: bool) -> TrustPolicy {
            TrustPolicy { keys: vec![self.pair.public_key().parse().expect("a key")], allow_unsigned }
        }

        fn check(&self, allow_unsigned: bool) -> Result<Trust, TrustError> {
            let file = self.write("a@1.wasm", COMPONENT);
            self.policy(allow_unsigned).check_file(&file, COMPONENT)
        }

        fn signature(&self, component: &[u8]) -> Signature {
            sign(component, &self.pair.secret, None, "a@1").expect("signs")
        }

        fn record(&self, change: impl FnOnce(&mut Record)) {
            let mut record = Record {
                name: "a".parse().expect("a name"),
                version: "1".parse().expect("a version"),
                digest: Digest::of(COMPONENT),
                bytes: 9,
                source: "test".into(),
                signature: None,
                accepted_unsigned: false,
                annotations: Default::default(),
            };
            change(&mut record);
            self.write("a@1.json", serde_json::to_vec(&record).expect("serialises"));
        }
    }

    #[test]
    fn unsigned_is_refused_unless_allowed() {
        let folder = Folder::new();
        assert!(matches!(folder.check(false), Err(TrustError::Unsigned)));
        assert_eq!(folder.check(true).expect("allowed"), Trust::Unsigned);
    }

    #[test]
    fn a_signature_counts_beside_the_file_and_in_the_record() {
        for in_record in [false, true] {
            let folder = Folder::new();
            let signature = folder.signature(COMPONENT);
            if in_record {
                folder.record(|record| record.signature = Some(signature));
            } else {
                folder.write("a@1.wasm.minisig", signature.as_str());
            }
            assert!(matches!(folder.check(false), Ok(Trust::Signed(_))));
            let other = TrustPolicy { keys: Vec::new(), allow_unsigned: false };
            let refused = other.check_file(&folder.folder.path().join("a@1.wasm"), COMPONENT);
            assert!(matches!(refused, Err(TrustError::Signature(SignatureError::UnknownKey))), "{refused:?}");
        }
    }

    #[test]
    fn what_was_changed_after_signing_is_refused_whatever_is_allowed() {
        let folder = Folder::new();
        folder.write("a@1.wasm.minisig", folder.signature(b"another").as_str());
        folder.write(LIST, format!("{}  a@1.wasm\n", Digest::of(COMPONENT).hex()));
        for allow_unsigned in [false, true] {
            let refused = folder.check(allow_unsigned);
            assert!(matches!(refused, Err(TrustError::Signature(SignatureError::Wrong))), "{refused:?}");
        }
    }

    #[test]
    fn what_was_changed_after_installing_is_refused_whatever_is_allowed() {
        let folder = Folder::new();
        folder.record(|record| {
            record.digest = Digest::of(b"another");
            record.accepted_unsigned = true;
        });
        for allow_unsigned in [false, true] {
            assert!(matches!(folder.check(allow_unsigned), Err(TrustError::Changed { .. })));
        }
    }

    #[test]
    fn a_list_counts_for_the_bytes_that_it_names() {
        let folder = Folder::new();
        folder.write(LIST, format!("# ours\n{} *a@1.wasm\n", Digest::of(COMPONENT).hex()));
        assert_eq!(folder.check(false).expect("listed"), Trust::Listed);
        folder.write(LIST, format!("{}  a@1.wasm\n", Digest::of(b"another").hex()));
        assert!(matches!(folder.check(false), Err(TrustError::Changed { .. })));
        folder.write(LIST, format!("{}  b@1.wasm\n", Digest::of(COMPONENT).hex()));
        assert!(matches!(folder.check(false), Err(TrustError::Unsigned)));
        folder.write(LIST, "nonsense  a@1.wasm\n");
        assert!(matches!(folder.check(false), Err(TrustError::File { .. })));
    }

    #[test]
    fn what_others_can_write_vouches_for_nothing() {
        let folder = Folder::new();
        let open = |path: &Path| fs::set_permissions(path, fs::Permissions::from_mode(0o666)).expect("changes");
        open(&folder.write(LIST, format!("{}  a@1.wasm\n", Digest::of(COMPONENT).hex())));
        assert!(matches!(folder.check(false), Err(TrustError::Open(_))));
        assert_eq!(folder.check(true).expect("allowed"), Trust::Unsigned);

        let folder = Folder::new();
        folder.record(|record| record.accepted_unsigned = true);
        assert_eq!(folder.check(false).expect("accepted"), Trust::Accepted);
        open(&folder.folder.path().join("a@1.json"));
        assert!(matches!(folder.check(false), Err(TrustError::Open(_))));
    }
}
