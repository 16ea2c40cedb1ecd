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
use report::Report;
use sandbox::Components;
use std::path::PathBuf;

#[derive(Parser)]
#[command(name = "bench-runtime", about = "Measures the sandbox")]
struct Arguments {
    /// The folder of this program's own guests
    #[arg(long, value_name = "FOLDER")]
    guests: PathBuf,
    /// The folder of the built plugins
    #[arg(long, value_name = "FOLDER", env = "FOREWARM_PLUGINS")]
    plugins: PathBuf,
    /// Also write the figures to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

fn main() -> anyhow::Result<()> {
    let Arguments { guests, plugins, json } = Arguments::parse();
    let components = Components::read(&guests, &plugins)?;
    let mut report = Report::default();
    for part in
        [compare::measure, step_clock::measure, cold::measure, neighbour::measure, deadline::measure, idle::measure]
    {
        part(&components, &mut report)?;
    }
    print!("{}", report.table());
    if let Some(file) = json {
        std::fs::write(&file, report.json()).with_context(|| format!("writing {}", file.display()))?;
    }
    Ok(())
}
