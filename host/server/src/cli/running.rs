//! The note that a running host leaves in the data directory, so that commands on the same machine find it and its token.

use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Where a running host is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Running {
    /// Where its API is.
    pub(super) url: String,
    /// Where its first administrator's token is.
    pub(super) token_file: PathBuf,
    /// Its process.
    pub(super) pid: u32,
}

/// A note that is there while its host runs.
pub(super) struct Note(PathBuf);

impl Running {
    /// Leaves the note; it goes when the answer is dropped.
    pub(super) fn announce(&self, data_dir: &Path) -> std::io::Result<Note> {
        let path = path(data_dir);
        std::fs::write(&path, serde_json::to_vec(self)?)?;
        Ok(Note(path))
    }

    /// The note in a data directory, if there is one. A host that was killed leaves one that leads nowhere.
    pub(super) fn find(data_dir: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(path(data_dir)).ok()?).ok()
    }

    /// The token that it names.
    pub(super) fn token(&self) -> Option<String> {
        read_token(&self.token_file)
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        // Another host may have left its own note meanwhile.
        let own =
            Running::find(self.0.parent().unwrap_or(Path::new(""))).is_some_and(|note| note.pid == std::process::id());
        if own && let Err(error) = std::fs::remove_file(&self.0) {
            tracing::warn!(%error, "the note of the running host stays");
        }
    }
}

/// The token in a file.
pub(super) fn read_token(file: &Path) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    Some(text.trim().to_owned()).filter(|token| !token.is_empty())
}

fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("host.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_note_is_there_while_the_host_runs() {
        let dir = tempfile::tempdir().expect("a directory");
        let token_file = dir.path().join("admin.token");
        std::fs::write(&token_file, "fwt_x\n").expect("written");
        let running = Running { url: "http://127.0.0.1:1".into(), token_file, pid: std::process::id() };
        let note = running.announce(dir.path()).expect("written");
        assert_eq!(Running::find(dir.path()), Some(running.clone()));
        assert_eq!(running.token().as_deref(), Some("fwt_x"));
        drop(note);
        assert_eq!(Running::find(dir.path()), None);
    }
}
