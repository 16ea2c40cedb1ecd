//! Networks that are half trained, as files: written whole or not at all, and taken up again only by the same training.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::TrainingError;
use crate::member::State;

/// One network's file.
pub(crate) struct Checkpoint {
    path: PathBuf,
    /// What the network is made from: data, settings, its own number.
    fingerprint: String,
}

#[derive(Deserialize)]
struct Read {
    fingerprint: String,
    state: State,
}

#[derive(Serialize)]
struct Written<'a> {
    fingerprint: &'a str,
    state: &'a State,
}

impl Checkpoint {
    pub(crate) fn new(folder: &Path, member: usize, fingerprint: String) -> Self {
        Self { path: folder.join(format!("member-{member}.checkpoint")), fingerprint }
    }

    /// Reads what was written, `None` where nothing was.
    pub(crate) fn read(&self) -> Result<Option<State>, TrainingError> {
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.failed(&error.to_string())),
        };
        let read: Read = postcard::from_bytes(&bytes)
            .map_err(|error| self.failed(&format!("it is damaged ({error}); remove it, or train anew")))?;
        if read.fingerprint != self.fingerprint {
            return Err(self.failed("it is of other data or settings; give those again, or train anew"));
        }
        Ok(Some(read.state))
    }

    /// Writes a state in place of an earlier one.
    pub(crate) fn write(&self, state: &State) -> Result<(), TrainingError> {
        let failed = |error: std::io::Error| self.failed(&error.to_string());
        let bytes = postcard::to_allocvec(&Written { fingerprint: &self.fingerprint, state })
            .map_err(|error| self.failed(&error.to_string()))?;
        let part = self.path.with_extension("part");
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        let mut file = File::create(&part).map_err(failed)?;
        file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(failed)?;
        fs::rename(&part, &self.path).map_err(failed)
    }

    fn failed(&self, reason: &str) -> TrainingError {
        TrainingError::Checkpoint { path: self.path.clone(), reason: reason.to_owned() }
    }
}
