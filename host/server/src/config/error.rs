//! What can be wrong with a configuration.

use super::faults::Faults;
use std::path::PathBuf;

/// Why there is no configuration. Each names the place and what would be right.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file that was named cannot be read.
    #[error("the configuration file {} cannot be read: {cause}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        cause: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{place} is not valid TOML: {message}")]
    Syntax {
        /// Where it came from.
        place: String,
        /// The parser's message, with line and column.
        message: String,
    },
    /// A key that does not exist.
    #[error("unknown key `{key}` in {place}{}", suggestion(.nearest.as_deref(), .known))]
    UnknownKey {
        /// The key, with dots between its parts.
        key: String,
        /// Where it came from.
        place: String,
        /// The key that was probably meant.
        nearest: Option<String>,
        /// The keys that exist there.
        known: Vec<String>,
    },
    /// A value of the wrong type.
    #[error("`{key}` in {place}: {message}")]
    Value {
        /// The key, with dots between its parts.
        key: String,
        /// Where it came from.
        place: String,
        /// What was found and what was expected.
        message: String,
    },
    /// Values out of range.
    #[error("the configuration cannot be used:\n{0}")]
    OutOfRange(Faults),
    /// There is no place for the data.
    #[error("there is no home directory to keep data in: set data_dir, --data-dir or FOREWARM__DATA_DIR")]
    NoHome,
}

fn suggestion(nearest: Option<&str>, known: &[String]) -> String {
    match nearest {
        Some(nearest) => format!(": did you mean `{nearest}`?"),
        None => format!(": the keys there are {}", known.join(", ")),
    }
}
