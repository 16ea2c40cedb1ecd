//! The folder that one trace's replay lives in: continued after a crash, begun anew after a clean end.

use super::ReplayError;
use forewarm_simulator::trace::Trace;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Says that the replay in this folder came to an end that was meant.
const ENDED: &str = "ended";

/// See the module's description.
pub struct ReplayFolder(PathBuf);

impl ReplayFolder {
    /// Makes the folder, emptied unless an interrupted replay of the same trace is in it.
    pub(super) fn prepare(data_dir: &Path, trace: &Trace, fresh: bool) -> Result<Self, ReplayError> {
        let folder = Self(data_dir.join("replay").join(name(trace)));
        folder.prepared(fresh).map_err(|cause| ReplayError::Folder { path: folder.0.clone(), cause })?;
        Ok(folder)
    }

    fn prepared(&self, fresh: bool) -> io::Result<()> {
        if fresh || self.0.join(ENDED).exists() {
            // The folder's name is ours and nothing else is ever put there.
            match fs::remove_dir_all(&self.0) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        fs::create_dir_all(&self.0)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn mark_ended(&self) -> Result<(), ReplayError> {
        let path = self.0.join(ENDED);
        fs::write(&path, "").map_err(|cause| ReplayError::Folder { path, cause })
    }
}

/// The trace's name and what it holds: another trace under the same name gets another folder.
fn name(trace: &Trace) -> String {
    let mut content = std::hash::DefaultHasher::new();
    for value in &trace.values {
        std::hash::Hash::hash(&value.to_bits(), &mut content);
    }
    std::hash::Hash::hash(&trace.start, &mut content);
    let stem: String = trace.name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(60).collect();
    format!("{stem}-{:016x}", std::hash::Hasher::finish(&content))
}

#[cfg(test)]
mod tests {
    use super::*;
    use forewarm_simulator::sample;

    #[test]
    fn a_crash_is_continued_and_an_end_is_not() {
        let data = tempfile::tempdir().expect("a folder");
        let trace = sample::demand(1);
        let kept = |fresh| {
            let folder = ReplayFolder::prepare(data.path(), &trace, fresh).expect("prepared");
            let was_there = folder.path().join("forewarm.db").exists();
            fs::write(folder.path().join("forewarm.db"), "x").expect("written");
            (was_there, folder)
        };
        assert!(!kept(false).0);
        assert!(kept(false).0, "interrupted");
        assert!(!kept(true).0, "fresh");
        kept(false).1.mark_ended().expect("marked");
        assert!(!kept(false).0, "ended");
    }

    #[test]
    fn another_trace_has_another_folder() {
        assert_ne!(name(&sample::demand(1)), name(&sample::demand(2)));
    }
}
