//! Compiled components on disk, so that a restart does not compile again.
//!
//! An entry is named after the component's digest, the engine and its settings, and begins with a MAC under a key that
//! lies beside it, readable for the host's user alone. An entry that does not verify is compiled again, never loaded.

use crate::engine::EngineKind;
use crate::error::RuntimeError;
use crate::trusted;
use rand::TryRng;
use rand::rngs::SysRng;
use std::fs::{self, OpenOptions};
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use wasmtime::Engine;
use wasmtime::component::Component;

const MAC_BYTES: usize = 32;
/// Entries beyond this many are removed, oldest first: each new version of a plugin or of the host leaves one behind.
const MAX_ENTRIES: usize = 100;
const SUFFIX: &str = ".compiled";
/// How the name of an entry ends while it is written.
const UNFINISHED: &str = ".part";
/// An unfinished entry of this age is nobody's any more.
const ABANDONED_AFTER: Duration = Duration::from_secs(3_600);

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
        remove_abandoned(folder).map_err(failed)?;
        Ok(Self { folder: folder.to_owned(), key })
    }

    /// The compiled component, if the folder has it.
    pub(crate) fn find(&self, engine: &Engine, kind: EngineKind, component: &[u8]) -> Option<Component> {
        self.read(engine, &entry_name(engine, kind, component))
    }

    /// Keeps the machine code of a component. That it can't be written is no error: it is compiled again next time.
    pub(crate) fn keep(&self, engine: &Engine, kind: EngineKind, component: &[u8], code: &[u8]) {
        if let Err(error) = self.write(&entry_name(engine, kind, component), code) {
            tracing::warn!(%error, folder = %self.folder.display(), "a compiled component could not be kept");
        }
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
        // The entry appears whole or not at all: on a full disk the unfinished file is removed.
        let mut file = tempfile::Builder::new().suffix(UNFINISHED).tempfile_in(&self.folder)?;
        file.write_all(self.mac(name, code).as_bytes())?;
        file.write_all(code)?;
        file.persist(self.folder.join(name))?;
        self.prune()
    }

    fn prune(&self) -> io::Result<()> {
        let mut entries = files(&self.folder, SUFFIX)?;
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

/// The folder's files whose names end so, with the time of their last change.
fn files(folder: &Path, ending: &str) -> io::Result<Vec<(SystemTime, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().ends_with(ending) {
            found.push((entry.metadata()?.modified()?, entry.path()));
        }
    }
    Ok(found)
}

/// Removes what a process that was killed while it wrote has left behind.
fn remove_abandoned(folder: &Path) -> io::Result<()> {
    let old = |time: &SystemTime| time.elapsed().is_ok_and(|age| age > ABANDONED_AFTER);
    let abandoned = files(folder, UNFINISHED)?.into_iter().filter(|(time, _)| old(time));
    abandoned.map(|(_, path)| path).try_for_each(fs::remove_file)
}

fn entry_name(engine: &Engine, kind: EngineKind, component: &[u8]) -> String {
    let mut settings = Settings(blake3::Hasher::new());
    engine.precompile_compatibility_hash().hash(&mut settings);
    let digest = blake3::hash(component).to_hex();
    let settings = &settings.0.finalize().to_hex()[..16];
    format!("{digest}-{}-{settings}{SUFFIX}", kind.as_str())
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
    const KIND: EngineKind = EngineKind::Compute;

    /// A folder with one good entry.
    struct Kept {
        folder: tempfile::TempDir,
        engine: Engine,
        cache: Cache,
        good: Vec<u8>,
    }

    impl Kept {
        fn new() -> Self {
            let (folder, engine) = (tempfile::tempdir().expect("a folder"), Engine::default());
            let cache = Cache::open(folder.path()).expect("opens");
            let code = engine.precompile_component(EMPTY).expect("compiles");
            cache.keep(&engine, KIND, EMPTY, &code);
            let good = fs::read(folder.path().join(entry_name(&engine, KIND, EMPTY))).expect("an entry");
            Self { folder, engine, cache, good }
        }

        fn finds(&self, entry: &[u8]) -> bool {
            fs::write(self.folder.path().join(entry_name(&self.engine, KIND, EMPTY)), entry).expect("writes");
            self.cache.find(&self.engine, KIND, EMPTY).is_some()
        }
    }

    #[test]
    fn a_damaged_entry_is_not_trusted() {
        let kept = Kept::new();
        assert!(kept.finds(&kept.good), "a fresh entry is read");
        for place in [0, MAC_BYTES + 100, kept.good.len() - 1] {
            let mut bad = kept.good.clone();
            bad[place] ^= 1;
            assert!(!kept.finds(&bad), "byte {place} was changed");
        }
        for length in [0, MAC_BYTES - 1, MAC_BYTES, kept.good.len() / 2, kept.good.len() - 1] {
            assert!(!kept.finds(&kept.good[..length]), "cut to {length} bytes");
        }
        assert!(!kept.finds(&[kept.good.as_slice(), b"more"].concat()), "something follows");
        assert!(!kept.finds(&vec![0; 1 << 20]), "zeros");
        assert!(kept.finds(&kept.good));
    }

    #[test]
    fn a_foreign_entry_is_not_trusted() {
        let kept = Kept::new();
        assert!(!kept.finds(&Kept::new().good), "another host's entry of the same component has another key");
        let name = entry_name(&kept.engine, KIND, EMPTY);
        let signed = |code: &[u8]| [kept.cache.mac(&name, code).as_bytes(), code].concat();
        assert!(kept.finds(&signed(&kept.good[MAC_BYTES..])));
        // What another version or another machine's settings made is refused by wasmtime, even under our own MAC.
        let mut fuelled = wasmtime::Config::new();
        let other = Engine::new(fuelled.consume_fuel(true)).expect("an engine");
        assert!(!kept.finds(&signed(&other.precompile_component(EMPTY).expect("compiles"))));
        assert_ne!(entry_name(&other, KIND, EMPTY), name, "and has another name");
        assert_ne!(entry_name(&kept.engine, EngineKind::Driver, EMPTY), name);
    }

    #[test]
    fn what_was_left_unfinished_is_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let (old, new) = (folder.path().join("a.part"), folder.path().join("b.part"));
        let file = fs::File::create(&old).expect("writes");
        file.set_modified(SystemTime::now() - 2 * ABANDONED_AFTER).expect("dates");
        fs::write(&new, "").expect("writes");
        Cache::open(folder.path()).expect("opens");
        assert_eq!((old.exists(), new.exists()), (false, true));
    }

    #[test]
    fn old_entries_make_room() {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = Cache::open(folder.path()).expect("opens");
        for entry in 0..MAX_ENTRIES + 5 {
            cache.write(&format!("{entry}{SUFFIX}"), b"code").expect("writes");
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
