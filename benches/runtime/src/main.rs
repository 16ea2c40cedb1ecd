//! Measures the sandbox: each figure beside its target and beside a floor or a peer of the same run. It is built and run by
//! `cargo xtask bench runtime`, in the release profile.

mod cold;
mod compare;
mod deadline;
mod idle;
mod neighbour;
mod peer;
mod raw;
mod report;
mod sandbox;
mod step_clock;
mod times;

use anyhow::Context;
use clap::Parser;
use clap::builder::PossibleValuesParser;
use report::Report;
use sandbox::Components;
use std::path::PathBuf;

type Part = fn(&Components, &mut Report) -> anyhow::Result<()>;

const PARTS: [(&str, Part); 6] = [
    ("compare", compare::measure),
    ("steps", step_clock::measure),
    ("start", cold::measure),
    ("neighbour", neighbour::measure),
    ("deadline", deadline::measure),
    ("idle", idle::measure),
];

#[derive(Parser)]
#[command(name = "bench-runtime", about = "Measures the sandbox")]
struct Arguments {
    /// The folder of this program's own guests
    #[arg(long, value_name = "FOLDER")]
    guests: PathBuf,
    /// The folder of the built plugins
    #[arg(long, value_name = "FOLDER", env = "FOREWARM_PLUGINS")]
    plugins: PathBuf,
    /// Measure only these parts
    #[arg(long, value_name = "PART", value_delimiter = ',', value_parser = PossibleValuesParser::new(PARTS.map(|(name, _)| name)))]
    only: Vec<String>,
    /// Also write the figures to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

fn main() -> anyhow::Result<()> {
    let Arguments { guests, plugins, only, json } = Arguments::parse();
    let components = Components::read(&guests, &plugins)?;
    let mut report = Report::default();
    for (name, part) in PARTS {
        if only.is_empty() || only.iter().any(|wanted| wanted == name) {
            part(&components, &mut report)?;
        }
    }
    print!("{}", report.table());
    if let Some(file) = json {
        std::fs::write(&file, report.json()).with_context(|| format!("writing {}", file.display()))?;
    }
    Ok(())
}
