//! Files that commands read and write: series in, figures out. Errors name the file and what would be right.

use super::error::CliError;
use forewarm_domain::series::Series;
use forewarm_domain::time::TimestampMs;
use forewarm_forecasting::long::{LongError, LongSeries};
use serde::{Deserialize, Serialize};
use std::fs::{File, Permissions};
use std::io::{BufReader, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// A series as files and the API have it in JSON: a missing value is null.
#[derive(Debug, Deserialize)]
pub(super) struct WrittenSeries {
    start: TimestampMs,
    step_ms: i64,
    values: Vec<Option<f64>>,
}

impl From<WrittenSeries> for Series {
    fn from(WrittenSeries { start, step_ms, values }: WrittenSeries) -> Self {
        Self { start, step_ms, values: values.into_iter().map(|value| value.unwrap_or(f64::NAN)).collect() }
    }
}

/// The series of a file, by one of the readers of the long form.
pub(super) fn read_series(
    path: &Path,
    read: impl FnOnce(BufReader<File>) -> Result<Vec<LongSeries>, LongError>,
) -> Result<Vec<LongSeries>, CliError> {
    let file = File::open(path).map_err(|error| CliError::file(path, "can't be read", error))?;
    read(BufReader::new(file)).map_err(|error| CliError::file(path, "does not fit", error))
}

/// Writes figures for programs.
pub(super) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), CliError> {
    let text = serde_json::to_string_pretty(value).map_err(|error| CliError::Failed(error.to_string()))?;
    std::fs::write(path, text + "\n").map_err(|error| CliError::file(path, "can't be written", error))
}

/// Tells of a folder where a file is to be written.
pub(super) fn refuse_folder(path: &Path) -> Result<(), CliError> {
    if path.is_dir() {
        return Err(CliError::file(path, "can't be written", "it is a folder; name a file"));
    }
    Ok(())
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A file that is there whole or not at all, however long it becomes: it takes its name once all is written.
pub(super) struct NewFile {
    path: PathBuf,
    part: BufWriter<NamedTempFile>,
}

impl NewFile {
    /// Begins one that will replace what is at `path`.
    pub(super) fn create(path: &Path) -> Result<Self, CliError> {
        let failed = |error| CliError::file(path, "can't be written", error);
        refuse_folder(path)?;
        let folder = folder_of(path);
        if !folder.is_dir() {
            let what = format!("there is no folder {}; make it first", folder.display());
            return Err(CliError::file(path, "can't be written", what));
        }
        // Temporary files are their owner's alone; this one may be read by another user, such as a host's.
        let readable = Permissions::from_mode(0o666);
        let part = tempfile::Builder::new().permissions(readable).tempfile_in(folder).map_err(failed)?;
        Ok(Self { path: path.to_owned(), part: BufWriter::new(part) })
    }

    /// Ends it: what was written is durable, and has its name.
    pub(super) fn keep(self) -> Result<(), CliError> {
        let Self { path, part } = self;
        let failed = |error: std::io::Error| CliError::file(&path, "can't be written", error);
        let part = part.into_inner().map_err(|error| failed(error.into_error()))?;
        part.as_file().sync_all().map_err(failed)?;
        part.persist(&path).map_err(|error| failed(error.error))?;
        // The name is durable with the folder.
        File::open(folder_of(&path)).and_then(|folder| folder.sync_all()).map_err(failed)
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.part.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.part.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_file_is_there_once_it_is_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("out.csv");
        let mut file = NewFile::create(&path).expect("a file");
        file.write_all(b"half").expect("written");
        assert!(!path.exists());
        drop(file);
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0, "nothing is left behind");
        let mut file = NewFile::create(&path).expect("a file");
        file.write_all(b"all").expect("written");
        file.keep().expect("kept");
        assert_eq!(std::fs::read(&path).expect("a file"), b"all");
        for (wrong, part) in
            [(folder.path().to_owned(), "it is a folder"), (path.with_file_name("no/out.csv"), "no folder")]
        {
            assert!(NewFile::create(&wrong).is_err_and(|error| error.to_string().contains(part)), "{part}");
        }
    }
}
