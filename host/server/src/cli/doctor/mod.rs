//! `forewarm doctor`: could a host run here, and if not, what to do.

mod checks;

use super::error::CliError;
use super::output::{coloured, show};
use super::{Format, Global};
use serde::Serialize;
use std::process::ExitCode;

/// What came of one check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum Grade {
    Ok,
    Warn,
    Fail,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Check {
    /// What was looked at.
    what: &'static str,
    /// What came of it.
    grade: Grade,
    /// What was found.
    found: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
}

impl Check {
    fn ok(what: &'static str, found: impl Into<String>) -> Self {
        Self { what, grade: Grade::Ok, found: found.into(), help: None }
    }

    fn warn(what: &'static str, found: impl Into<String>, help: impl Into<String>) -> Self {
        Self { what, grade: Grade::Warn, found: found.into(), help: Some(help.into()) }
    }

    fn fail(what: &'static str, found: impl Into<String>, help: impl Into<String>) -> Self {
        Self { what, grade: Grade::Fail, found: found.into(), help: Some(help.into()) }
    }
}

/// Runs every check; the exit code is 1 when one failed.
pub(super) async fn run(global: &Global) -> Result<ExitCode, CliError> {
    let config = global.config()?;
    let mut done = vec![Check::ok("configuration", "complete and in range")];
    done.push(checks::clock());
    done.push(checks::data_dir(&config));
    done.push(checks::port(&config).await);
    done.push(checks::database(&config).await);
    done.extend(checks::plugins(&config).await);
    done.extend(checks::nats(&config).await);
    show(global.output, &done, |done| page(done, coloured() && global.output == Format::Text));
    let failed = done.iter().any(|check| check.grade == Grade::Fail);
    Ok(ExitCode::from(u8::from(failed)))
}

fn page(done: &[Check], colour: bool) -> String {
    let mut lines = Vec::new();
    for Check { what, grade, found, help } in done {
        let (word, code) = match grade {
            Grade::Ok => ("ok  ", "32"),
            Grade::Warn => ("warn", "33"),
            Grade::Fail => ("fail", "31"),
        };
        let word = if colour { format!("\x1b[{code}m{word}\x1b[0m") } else { word.to_owned() };
        lines.push(format!("{word}  {what}: {found}"));
        lines.extend(help.iter().map(|help| format!("      {help}")));
    }
    let count = |wanted: Grade| done.iter().filter(|check| check.grade == wanted).count();
    lines.push(match (count(Grade::Fail), count(Grade::Warn)) {
        (0, 0) => "\na host can run here: `forewarm up`".to_owned(),
        (0, warnings) => format!("\na host can run here; {warnings} to look at"),
        (failures, _) => format!("\na host cannot run here yet: {failures} to mend"),
    });
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_says_what_to_do() {
        let done = [Check::ok("clock", "fine"), Check::fail("port", "taken", "choose another --listen")];
        let shown = page(&done, false);
        assert_eq!(
            shown,
            "ok    clock: fine\nfail  port: taken\n      choose another --listen\n\na host cannot run here yet: 1 to mend"
        );
        assert!(page(&done[..1], true).contains("\x1b[32m"));
    }
}
