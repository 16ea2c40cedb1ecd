//! Measures a whole host from outside: the release build of `forewarm` as a process, over its HTTP API. Prints a table
//! and, with `--json FILE`, writes the figures there. `cargo xtask bench host` builds both and runs this.

mod claims;
mod cycle;
mod disk;
mod host;
mod http;
mod ingest;
mod load;
mod remote_write;
mod report;
mod start;
mod traffic;

use host::Program;
use report::Report;
use std::path::PathBuf;
use std::process::ExitCode;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

const USAGE: &str = "usage: bench-host [--json FILE] [--only start,ingest,claims,cycle]";

/// Measures one part and reports it.
type Measure = fn(&Program, &mut Report) -> Result<()>;

/// What is measured, in this order; each part on a host of its own.
const PARTS: [(&str, Measure); 4] =
    [("start", start::measure), ("ingest", ingest::measure), ("claims", claims::measure), ("cycle", cycle::measure)];

struct Args {
    json: Option<PathBuf>,
    parts: Vec<String>,
}

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
    let args = parse(std::env::args().skip(1))?;
    let program = Program::from_environment()?;
    let mut report = Report::default();
    for (name, measure) in PARTS.iter().filter(|(name, _)| args.parts.iter().any(|part| part == name)) {
        eprintln!("measuring: {name}");
        measure(&program, &mut report).map_err(|error| format!("{name}: {error}"))?;
    }
    println!("{}", report.table());
    if let Some(file) = args.json {
        std::fs::write(&file, report.json()).map_err(|error| format!("cannot write {}: {error}", file.display()))?;
    }
    Ok(())
}

fn parse(mut words: impl Iterator<Item = String>) -> Result<Args> {
    let mut args = Args { json: None, parts: PARTS.iter().map(|(name, _)| (*name).to_owned()).collect() };
    while let Some(word) = words.next() {
        let value = words.next().ok_or(USAGE)?;
        match word.as_str() {
            "--json" => args.json = Some(value.into()),
            "--only" => args.parts = value.split(',').map(str::to_owned).collect(),
            _ => return Err(USAGE.into()),
        }
    }
    match args.parts.iter().find(|part| PARTS.iter().all(|(name, _)| name != part)) {
        Some(unknown) => Err(format!("there is no part `{unknown}`; {USAGE}").into()),
        None => Ok(args),
    }
}
