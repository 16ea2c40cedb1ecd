//! What went wrong, in one line that says what the reader can do.

use std::{fmt, io, path::Path};

pub(crate) type Result<T> = std::result::Result<T, Failure>;

/// A chore that could not be done.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Something is missing or broken; the text says what to do about it.
    Said(String),
    /// A program that already explained itself ended with this code.
    Exit { program: String, code: u8 },
}

impl Failure {
    pub(crate) fn said(text: impl Into<String>) -> Self {
        Self::Said(text.into())
    }

    /// An I/O error at `path`, while doing `what` ("read", "write").
    pub(crate) fn io(what: &str, path: &Path, error: &io::Error) -> Self {
        Self::Said(format!("can't {what} {}: {error}", path.display()))
    }

    /// The code that this process ends with.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Said(_) => 1,
            Self::Exit { code, .. } => *code,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Said(text) => out.write_str(text),
            Self::Exit { program, code } => write!(out, "{program} ended with code {code}"),
        }
    }
}
