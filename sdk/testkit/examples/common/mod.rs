//! What the measuring programs share: their arguments, where real series lie, and how figures are written.

use serde_json::Value;
use std::path::{Path, PathBuf};

pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// What is measured, and where the figures go as JSON.
pub(crate) struct Arguments {
    pub(crate) measured: PathBuf,
    json: Option<PathBuf>,
}

impl Arguments {
    /// Reads `MEASURED [--json FILE]`.
    pub(crate) fn read() -> Result<Self> {
        let mut args = std::env::args().skip(1);
        match (args.next(), args.next().as_deref(), args.next()) {
            (Some(measured), None, _) => Ok(Self { measured: measured.into(), json: None }),
            (Some(measured), Some("--json"), Some(file)) => {
                Ok(Self { measured: measured.into(), json: Some(file.into()) })
            }
            _ => Err("usage: COMPONENT|PLUGINS [--json FILE]".into()),
        }
    }

    /// Writes the figures where they are wanted.
    pub(crate) fn write(&self, report: &Value) -> Result<()> {
        let Some(file) = &self.json else { return Ok(()) };
        Ok(std::fs::write(file, serde_json::to_string_pretty(report)? + "\n")?)
    }
}

/// A file or folder of the one that `FOREWARM_DATA` names, or of `../shared/data`.
pub(crate) fn data(name: &str) -> Option<PathBuf> {
    let named = std::env::var_os("FOREWARM_DATA").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    [named, Some(beside)].into_iter().flatten().map(|folder| folder.join(name)).find(|found| found.exists())
}
