//! Files as packages need them: read up to a limit, written whole or not at all, and judged by who can change them.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

/// Others than the owner may write.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// Reads a file of up to `max` bytes; `None` where there is none.
///
/// # Errors
/// What the system said, or that the file is larger.
pub(crate) fn read(path: &Path, max: u64) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.take(max.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("more than {max} bytes")));
    }
    Ok(Some(bytes))
}

/// The same, as text.
pub(crate) fn read_text(path: &Path, max: u64) -> io::Result<Option<String>> {
    let text = read(path, max)?.map(String::from_utf8).transpose();
    text.map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"))
}

/// Writes a file that appears whole and durable, or not at all; everybody may read it, its owner alone write.
///
/// # Errors
/// What the system said; the file is then as it was before.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_with(path, bytes, 0o644)
}

/// The same for what its owner alone may read.
///
/// # Errors
/// As [`write`].
pub fn write_secret(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_with(path, bytes, 0o600)
}

fn write_with(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let permissions = fs::Permissions::from_mode(mode);
    let mut file = tempfile::Builder::new().prefix(".writing-").permissions(permissions).tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    sync_folder(folder)
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Why what a file says can't be relied on; `None` where it can. Only root and this process' user may be able to change
/// the file or to put another in its place.
pub(crate) fn changeable_by_others(path: &Path) -> io::Result<Option<String>> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let us = rustix::process::geteuid().as_raw();
    for place in [path, folder] {
        let metadata = fs::metadata(place)?;
        if metadata.uid() != 0 && metadata.uid() != us {
            return Ok(Some(format!(
                "{} belongs to user {}, who could change it: make it this user's ({us}) or root's",
                place.display(),
                metadata.uid()
            )));
        }
        if metadata.mode() & WRITABLE_BY_OTHERS != 0 {
            let place = place.display();
            return Ok(Some(format!("{place} can be changed by other users: `chmod go-w {place}`")));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_up_to_a_limit() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x");
        assert!(read(&path, 3).expect("no file is no error").is_none());
        write(&path, b"abc").expect("writes");
        assert_eq!(read(&path, 3).expect("reads"), Some(b"abc".to_vec()));
        assert!(read(&path, 2).is_err());
        write(&path, b"\xff").expect("writes");
        assert!(read_text(&path, 3).is_err());
    }

    #[test]
    fn a_file_or_folder_that_others_can_write_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x");
        write_secret(&path, b"abc").expect("writes");
        assert_eq!(fs::metadata(&path).expect("there").mode() & 0o777, 0o600);
        assert_eq!(changeable_by_others(&path).expect("looks"), None);
        for place in [path.as_path(), folder.path()] {
            let before = fs::metadata(place).expect("there").permissions();
            fs::set_permissions(place, fs::Permissions::from_mode(0o775)).expect("changes");
            let why = changeable_by_others(&path).expect("looks").expect("told");
            assert!(why.contains("chmod go-w"), "{why}");
            fs::set_permissions(place, before).expect("changes");
        }
    }

    #[test]
    fn a_write_that_fails_leaves_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let taken = folder.path().join("taken");
        fs::create_dir(&taken).expect("a folder in its place");
        assert!(write(&taken, b"abc").is_err());
        assert_eq!(fs::read_dir(folder.path()).expect("readable").count(), 1);
    }
}
