//! Measures planning in the release profile: the level programme, 10,000 personas with all rules that compete, the same
//! with forecasts by a real plugin in the sandbox, and a month of one series under all policies. Prints each figure beside
//! its target and a floor of the same run; `cargo xtask bench plan` builds what it needs and runs it.

mod month;
mod personas;
mod programme;
mod report;
mod sandbox;

use report::Report;
use std::path::PathBuf;
use std::process::ExitCode;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

const USAGE: &str = "usage: bench-plan PLUGINS [--json FILE]; FOREWARM_BIN names the program for the month";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let mut words = std::env::args_os().skip(1);
    let plugins = PathBuf::from(words.next().ok_or(USAGE)?);
    let json = match (words.next(), words.next()) {
        (None, _) => None,
        (Some(flag), Some(file)) if flag == "--json" => Some(PathBuf::from(file)),
        _ => return Err(USAGE.into()),
    };
    let mut report = Report::default();
    programme::measure(&mut report);
    personas::measure(&mut report)?;
    sandbox::measure(&plugins, &mut report)?;
    month::measure(&plugins, &mut report)?;
    println!("{}", report.table());
    match json {
        Some(file) => Ok(std::fs::write(&file, report.json())?),
        None => Ok(()),
    }
}
