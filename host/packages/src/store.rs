//! The folder of installed plugins: `NAME@VERSION.wasm` and what is known about it in `NAME@VERSION.json`, several
//! versions side by side.
//!
//! Invariants: a component appears whole, durable and after its record, or not at all; one process changes the folder at
//! a time; what is installed was read, checked against the contract and judged before.

use crate::digest::Digest;
use crate::files;
use crate::record::{MAX_RECORD_BYTES, Record};
use crate::release::{InvalidRelease, Release, Selection};
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

const LOCK: &str = ".lock";
const COMPONENT: &str = "wasm";

/// The folder. Nothing is made before something is installed.
#[derive(Debug, Clone)]
pub struct Store {
    folder: PathBuf,
}

/// One installed component.
#[derive(Debug, Clone)]
pub struct Installed {
    /// Its file.
    pub file: PathBuf,
    /// Name and version.
    pub release: Release,
    /// What is known about it, or why that can't be read.
    pub record: Result<Record, String>,
}

/// What installing did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It was not there.
    Added,
    /// Another component of the same name and version was there.
    Replaced,
    /// It was there already.
    Unchanged,
}

/// Why the folder could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The system refused.
    #[error("{} can't be used: {cause}", path.display())]
    Io {
        /// The folder or the file in it.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// Something else was installed under the same name and version.
    #[error("{release} is installed with another content ({found}): remove it first, or say --replace")]
    Taken {
        /// What was to be installed.
        release: Release,
        /// What is there.
        found: Digest,
    },
    /// It is not there.
    #[error("{0} is not installed: `forewarm plugin installed` lists what is")]
    Missing(Selection),
    /// The file names no version.
    #[error(transparent)]
    Release(#[from] InvalidRelease),
}

impl Store {
    /// The store in `folder`, which may not exist yet.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Its folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The component's file of a release, whether it is there or not.
    #[must_use]
    pub fn file_of(&self, release: &Release) -> PathBuf {
        self.folder.join(format!("{release}.{COMPONENT}"))
    }

    /// What is installed, by name and version.
    ///
    /// # Errors
    /// [`StoreError`] when the folder can't be read. One that is not there holds nothing.
    pub fn list(&self) -> Result<Vec<Installed>, StoreError> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(cause) => return Err(self.failed(cause)),
        };
        let mut installed = Vec::new();
        for entry in entries {
            let file = entry.map_err(|cause| self.failed(cause))?.path();
            let stem = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            let is_component = file.extension().is_some_and(|extension| extension == COMPONENT);
            if let (true, Ok(release)) = (is_component, stem.parse::<Release>()) {
                let record = read_record(&Record::path_of(&file));
                installed.push(Installed { file, release, record });
            }
        }
        installed.sort_by(|a, b| a.release.cmp(&b.release));
        Ok(installed)
    }

    /// Puts a component in place, its record first. The same component again changes its record at most.
    ///
    /// # Errors
    /// [`StoreError::Taken`] when another component of this name and version is there and `replace` is not set; all
    /// others when the system refuses. The folder is then as it was before.
    pub fn install(&self, component: &[u8], record: &Record, replace: bool) -> Result<Change, StoreError> {
        let _lock = self.lock()?;
        let release = Release { name: record.name.clone(), version: record.version.clone() };
        let file = self.file_of(&release);
        let there = fs::read(&file).ok().map(|bytes| Digest::of(&bytes));
        let change = match there {
            None => Change::Added,
            Some(found) if found == record.digest => Change::Unchanged,
            Some(_) if replace => Change::Replaced,
            Some(found) => return Err(StoreError::Taken { release, found }),
        };
        if change == Change::Replaced {
            // Between two renames a new record would stand beside the old component.
            self.delete(&file)?;
        }
        let text = serde_json::to_vec_pretty(record).map_err(|error| self.failed(io::Error::other(error)))?;
        let place = |path: &Path, bytes: &[u8]| {
            files::write(path, bytes).map_err(|cause| StoreError::Io { path: path.to_owned(), cause })
        };
        place(&Record::path_of(&file), &text)?;
        if change != Change::Unchanged {
            place(&file, component)?;
        }
        Ok(change)
    }

    /// Removes one version or all versions of a plugin, and gives what was removed.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is none.
    pub fn remove(&self, selection: &Selection) -> Result<Vec<Release>, StoreError> {
        if !self.folder.exists() {
            return Err(StoreError::Missing(selection.clone()));
        }
        let _lock = self.lock()?;
        let meant: Vec<_> = self.list()?.into_iter().filter(|one| selection.includes(&one.release)).collect();
        if meant.is_empty() {
            return Err(StoreError::Missing(selection.clone()));
        }
        for one in &meant {
            self.delete(&one.file)?;
        }
        Ok(meant.into_iter().map(|one| one.release).collect())
    }

    /// Where a download with this digest is collected. The folder is made.
    ///
    /// # Errors
    /// [`StoreError`] when it can't be made.
    pub fn partial(&self, digest: Digest) -> Result<PathBuf, StoreError> {
        self.make(&self.folder)?;
        Ok(partial_in(&self.folder, digest))
    }

    /// The component goes first: without it nothing is installed.
    fn delete(&self, file: &Path) -> Result<(), StoreError> {
        for path in [file, &Record::path_of(file)] {
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(StoreError::Io { path: path.to_owned(), cause: error });
                }
                _ => {}
            }
        }
        files::sync_folder(&self.folder).map_err(|cause| self.failed(cause))
    }

    fn make(&self, folder: &Path) -> Result<(), StoreError> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|cause| self.failed(cause))
    }

    /// Held until it is dropped.
    fn lock(&self) -> Result<File, StoreError> {
        self.make(&self.folder)?;
        let path = self.folder.join(LOCK);
        let locked = File::create(&path).and_then(|file| file.lock().map(|()| file));
        locked.map_err(|cause| StoreError::Io { path, cause })
    }

    fn failed(&self, cause: io::Error) -> StoreError {
        StoreError::Io { path: self.folder.clone(), cause }
    }
}

/// Where a download with this digest is collected in a folder.
#[must_use]
pub fn partial_in(folder: &Path, digest: Digest) -> PathBuf {
    folder.join(format!(".pulling-{}", digest.hex()))
}

fn read_record(path: &Path) -> Result<Record, String> {
    let text = files::read(path, MAX_RECORD_BYTES).map_err(|error| error.to_string())?;
    let text = text.ok_or_else(|| format!("{} is missing: install it anew", path.display()))?;
    serde_json::from_slice(&text).map_err(|error| format!("{} can't be read: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn record(version: &str, component: &[u8]) -> Record {
        Record {
            name: "a".parse().expect("a name"),
            version: version.parse().expect("a version"),
            digest: Digest::of(component),
            bytes: component.len() as u64,
            source: "test".into(),
            signature: None,
            accepted_unsigned: true,
            annotations: Default::default(),
        }
    }

    fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::new(folder.path().join("deep/plugins"));
        (folder, store)
    }

    fn releases(store: &Store) -> Vec<String> {
        store.list().expect("lists").iter().map(|one| one.release.to_string()).collect()
    }

    #[test]
    fn versions_lie_side_by_side_until_they_are_removed() {
        let (_folder, store) = store();
        assert_eq!(releases(&store), Vec::<String>::new());
        for (version, bytes) in [("1.0.0", b"one"), ("2.0.0", b"two")] {
            assert_eq!(store.install(bytes, &record(version, bytes), false).expect("installs"), Change::Added);
            assert_eq!(store.install(bytes, &record(version, bytes), false).expect("installs"), Change::Unchanged);
        }
        assert_eq!(releases(&store), ["a@1.0.0", "a@2.0.0"]);
        assert_eq!(store.list().expect("lists")[0].record, Ok(record("1.0.0", b"one")));
        let mode = fs::metadata(store.folder()).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "others must not be able to write it");

        store.remove(&"a@1.0.0".parse().expect("valid")).expect("removes");
        assert_eq!(releases(&store), ["a@2.0.0"]);
        store.remove(&"a".parse().expect("valid")).expect("removes");
        let missing = store.remove(&"a".parse().expect("valid"));
        assert!(matches!(missing, Err(StoreError::Missing(_))));
        let left: Vec<_> = fs::read_dir(store.folder()).expect("there").flatten().map(|e| e.file_name()).collect();
        assert_eq!(left, [LOCK]);
    }

    #[test]
    fn another_content_of_a_version_is_put_in_place_only_when_asked() {
        let (_folder, store) = store();
        store.install(b"one", &record("1", b"one"), false).expect("installs");
        let taken = store.install(b"two", &record("1", b"two"), false);
        assert!(matches!(taken, Err(StoreError::Taken { .. })), "{taken:?}");
        assert_eq!(fs::read(store.file_of(&"a@1".parse().expect("valid"))).expect("there"), b"one");
        assert_eq!(store.install(b"two", &record("1", b"two"), true).expect("installs"), Change::Replaced);
        assert_eq!(fs::read(store.file_of(&"a@1".parse().expect("valid"))).expect("there"), b"two");
    }

    #[test]
    fn a_component_without_a_record_is_told() {
        let (_folder, store) = store();
        store.install(b"one", &record("1", b"one"), false).expect("installs");
        let path = Record::path_of(&store.file_of(&"a@1".parse().expect("valid")));
        fs::write(&path, "{").expect("writes");
        assert!(store.list().expect("lists")[0].record.as_ref().is_err_and(|why| why.contains("can't be read")));
        fs::remove_file(&path).expect("removes");
        assert!(store.list().expect("lists")[0].record.as_ref().is_err_and(|why| why.contains("install it anew")));
    }

    #[test]
    fn many_installations_at_a_time_leave_whole_pairs() {
        let (_folder, store) = store();
        std::thread::scope(|scope| {
            for worker in 0..8_u8 {
                let store = &store;
                scope.spawn(move || {
                    for round in 0..10_u8 {
                        let bytes = vec![worker; 20_000];
                        let version = format!("1.{}", round % 3);
                        store.install(&bytes, &record(&version, &bytes), true).expect("installs");
                        if round % 4 == 3 {
                            drop(store.remove(&format!("a@{version}").parse().expect("valid")));
                        }
                    }
                });
            }
        });
        let installed = store.list().expect("lists");
        assert!(!installed.is_empty());
        for one in installed {
            let bytes = fs::read(&one.file).expect("there");
            assert_eq!(one.record.expect("a record").digest, Digest::of(&bytes), "{}", one.release);
        }
    }
}
