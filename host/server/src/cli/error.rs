//! What can go wrong on the command line, shown with what to do about it.

use super::Format;
use crate::config::ConfigError;
use crate::http::{FieldError, ProblemDocument};
use miette::Diagnostic;
use std::fmt;
use std::process::ExitCode;

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The arguments do not go together, or name something that is not there.
    #[error("{0}")]
    Usage(String),
    /// A host cannot be run, or failed.
    #[error("{0}")]
    Failed(String),
    /// No host answers.
    #[error("no host answers at {url}: {cause}")]
    Unreachable {
        /// Where one was looked for.
        url: String,
        /// What the network said.
        cause: String,
    },
    /// A registry does not answer.
    #[error("the registry {registry} does not answer: {cause}")]
    NoRegistry {
        /// Which one.
        registry: String,
        /// What the network said.
        cause: String,
    },
    /// The host answered with a problem.
    #[error("{}", .0.detail)]
    Refused(Box<ProblemDocument>),
    /// The host answered with something else than it should.
    #[error("the answer of {url} is not one of forewarm: {cause}")]
    Foreign {
        /// Who answered.
        url: String,
        /// What does not fit.
        cause: String,
    },
}

impl CliError {
    /// An error of a file of the caller's.
    pub(super) fn file(path: &std::path::Path, what: &str, cause: impl fmt::Display) -> Self {
        Self::Usage(format!("{} {what}: {cause}", path.display()))
    }

    /// The process' exit code.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Failed(_) | Self::Foreign { .. } => 1,
            Self::Config(_) | Self::Usage(_) => 2,
            Self::Unreachable { .. } | Self::NoRegistry { .. } => 3,
            Self::Refused(_) => 4,
        })
    }

    /// Prints it on standard error.
    pub(super) fn print(self, format: Format) {
        match (format, &self) {
            (Format::Json, Self::Refused(problem)) => {
                eprintln!("{}", serde_json::to_string(problem).unwrap_or_default());
            }
            (Format::Json, error) => eprintln!("{}", serde_json::json!({ "detail": error.to_string() })),
            (Format::Text, _) => eprintln!("{:?}", miette::Report::new(self)),
        }
    }
}

impl Diagnostic for CliError {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        match self {
            Self::Refused(problem) => Some(Box::new(format!("{} ({})", problem.title, problem.status))),
            _ => None,
        }
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        match self {
            Self::Unreachable { .. } => {
                let help = "start a host with `forewarm up`, or name another one with --url or FOREWARM_URL";
                Some(Box::new(help))
            }
            Self::Refused(problem) => help_for(problem).map(|help| Box::new(help) as Box<dyn fmt::Display>),
            _ => None,
        }
    }
}

fn help_for(problem: &ProblemDocument) -> Option<String> {
    let mut lines: Vec<String> = Vec::new();
    if problem.errors.len() > 1 {
        let line = |FieldError { pointer, detail }: &FieldError| format!("{}: {detail}", place(pointer));
        lines.extend(problem.errors.iter().map(line));
    }
    match problem.status {
        401 => lines.push(
            "set FOREWARM_TOKEN or --token; a host writes its first token to admin.token in its data directory".into(),
        ),
        500.. => {
            lines.extend(problem.instance.as_ref().map(|id| format!("the host's log has more under request {id}")));
        }
        _ => {}
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn place(pointer: &str) -> &str {
    if pointer.is_empty() { "the document" } else { pointer }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(status: u16, errors: Vec<FieldError>) -> ProblemDocument {
        ProblemDocument {
            kind: "urn:forewarm:problem:test".into(),
            title: "A title".into(),
            status,
            code: None,
            detail: "what was wrong".into(),
            instance: Some("id-1".into()),
            errors,
        }
    }

    #[test]
    fn a_problem_is_shown_with_its_fields() {
        let field = |pointer: &str| FieldError { pointer: pointer.into(), detail: "too low".into() };
        let error = CliError::Refused(Box::new(problem(422, vec![field("/scaling/min"), field("")])));
        let shown = format!("{:?}", miette::Report::new(error));
        for part in ["A title (422)", "what was wrong", "/scaling/min: too low", "the document: too low"] {
            assert!(shown.contains(part), "{part} is missing in {shown}");
        }
    }

    #[test]
    fn a_fault_of_the_host_names_the_request() {
        assert!(help_for(&problem(500, vec![])).expect("help").contains("id-1"));
        assert!(help_for(&problem(401, vec![])).expect("help").contains("FOREWARM_TOKEN"));
        assert_eq!(help_for(&problem(404, vec![])), None);
    }
}
