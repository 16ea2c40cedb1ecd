//! Compiled components on disk, so that a restart does not compile again.
//!
//! An entry is named after the component's digest, the engine and its settings, and begins with a MAC under a key that
//! lies beside it, readable for the host's user alone. An entry that does not verify is compiled again, never loaded.

use crate::error::RuntimeError;
use crate::trusted;
use rand::TryRng;
use rand::rngs::SysRng;
use std::fs::{self, OpenOptions};
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use wasmtime::Engine;
use wasmtime::component::Component;

const MAC_BYTES: usize = 32;
/// Entries beyond this many are removed, oldest first: each new version of a plugin or of the host leaves one behind.
const MAX_ENTRIES: usize = 100;
const SUFFIX: &str = "compiled";

/// The folder and the key.
#[derive(Debug)]
pub(crate) struct Cache {
    folder: PathBuf,
    key: [u8; 32],
}

impl Cache {
    /// Opens the folder, made with its key where it does not exist.
    ///
    /// # Errors
    /// [`RuntimeError::Cache`] when it can't be made or read.
    pub(crate) fn open(folder: &Path) -> Result<Self, RuntimeError> {
        let file = folder.join("key");
        let failed =
            |error: io::Error| RuntimeError::Cache { path: file.display().to_string(), reason: error.to_string() };
        fs::create_dir_all(folder).map_err(failed)?;
        let key = read_key(&file).or_else(|_| make_key(folder, &file)).map_err(failed)?;
        Ok(Self { folder: folder.to_owned(), key })
    }

    /// The compiled component, from the folder or by compiling it.
    ///
    /// # Errors
    /// When it does not compile. That an entry can't be read or written is no error.
    pub(crate) fn load(&self, engine: &Engine, kind: &str, component: &[u8]) -> wasmtime::Result<Component> {
        let name = entry_name(engine, kind, component);
        if let Some(found) = self.read(engine, &name) {
            return Ok(found);
        }
        let compiled = Component::from_binary(engine, component)?;
        let written = self.write(&name, &compiled.serialize()?);
        if let Err(error) = written {
            tracing::warn!(%error, folder = %self.folder.display(), "a compiled component could not be kept");
        }
        Ok(compiled)
    }

    fn read(&self, engine: &Engine, name: &str) -> Option<Component> {
        let entry = fs::read(self.folder.join(name)).ok()?;
        let (mac, code) = entry.split_at_checked(MAC_BYTES)?;
        // Comparing two `blake3::Hash` takes the same time whatever differs.
        if self.mac(name, code) != blake3::Hash::from_slice(mac).ok()? {
            tracing::warn!(entry = name, "a compiled component is damaged and is compiled again");
            return None;
        }
        trusted::deserialize(engine, code).ok()
    }

    fn write(&self, name: &str, code: &[u8]) -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(self.mac(name, code).as_bytes())?;
        file.write_all(code)?;
        file.persist(self.folder.join(name))?;
        self.prune()
    }

    fn prune(&self) -> io::Result<()> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            if entry.path().extension().is_some_and(|extension| extension == SUFFIX) {
                entries.push((entry.metadata()?.modified()?, entry.path()));
            }
        }
        entries.sort_unstable();
        let surplus = entries.len().saturating_sub(MAX_ENTRIES);
        entries.iter().take(surplus).try_for_each(|(_, path)| fs::remove_file(path))
    }

    /// Covers the name as well, so that one entry can't stand in for another.
    fn mac(&self, name: &str, code: &[u8]) -> blake3::Hash {
        let mut mac = blake3::Hasher::new_keyed(&self.key);
        mac.update(&(name.len() as u64).to_le_bytes()).update(name.as_bytes()).update(code);
        mac.finalize()
    }
}

fn entry_name(engine: &Engine, kind: &str, component: &[u8]) -> String {
    let mut settings = Settings(blake3::Hasher::new());
    engine.precompile_compatibility_hash().hash(&mut settings);
    let digest = blake3::hash(component).to_hex();
    let settings = &settings.0.finalize().to_hex()[..16];
    format!("{digest}-{kind}-{settings}.{SUFFIX}")
}

/// Collects what an engine hashes.
struct Settings(blake3::Hasher);

impl Hasher for Settings {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let mut first = [0; 8];
        self.0.finalize_xof().fill(&mut first);
        u64::from_le_bytes(first)
    }
}

fn read_key(file: &Path) -> io::Result<[u8; 32]> {
    let mut key = [0; 32];
    OpenOptions::new().read(true).open(file)?.read_exact(&mut key)?;
    Ok(key)
}

/// Makes a key. Temporary files are readable for their owner alone, and where another process was first, its key stays.
fn make_key(folder: &Path, file: &Path) -> io::Result<[u8; 32]> {
    let mut key = [0; 32];
    SysRng.try_fill_bytes(&mut key).map_err(io::Error::other)?;
    let mut made = tempfile::NamedTempFile::new_in(folder)?;
    made.write_all(&key)?;
    match made.persist_noclobber(file) {
        Ok(_) => Ok(key),
        Err(_) => read_key(file),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

    fn entry(folder: &Path) -> PathBuf {
        let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
        entries.filter(|path| path.extension().is_some()).last().expect("one entry")
    }

    #[test]
    fn a_damaged_entry_is_not_trusted() {
        let folder = tempfile::tempdir().expect("a folder");
        let engine = Engine::default();
        let cache = Cache::open(folder.path()).expect("opens");
        cache.load(&engine, "compute", EMPTY).expect("compiles");
        let path = entry(folder.path());
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
        assert!(cache.read(&engine, &name).is_some(), "a fresh entry is read");

        let good = fs::read(&path).expect("an entry");
        for place in [0, MAC_BYTES + 100, good.len() - 1] {
            let mut bad = good.clone();
            bad[place] ^= 1;
            fs::write(&path, bad).expect("writes");
            assert!(cache.read(&engine, &name).is_none(), "byte {place} was changed");
        }
        cache.load(&engine, "compute", EMPTY).expect("compiles again");
        assert_eq!(fs::read(&path).expect("an entry"), good);
    }

    #[test]
    fn old_entries_make_room() {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = Cache::open(folder.path()).expect("opens");
        for entry in 0..MAX_ENTRIES + 5 {
            cache.write(&format!("{entry}.{SUFFIX}"), b"code").expect("writes");
        }
        let left = fs::read_dir(folder.path()).expect("a folder").count();
        assert_eq!(left, MAX_ENTRIES + 1, "the entries and the key");
    }

    #[test]
    fn the_key_is_the_owners_and_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let (first, second) = (Cache::open(folder.path()), Cache::open(folder.path()));
        assert_eq!(first.expect("opens").key, second.expect("opens").key);
        let mode = fs::metadata(folder.path().join("key")).expect("a key").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
