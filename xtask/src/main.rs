//! `cargo xtask VERB`: set-up and chores of this workspace. One verb is one function in one module;
//! nothing here is needed to use a built `forewarm`.

mod bench;
mod check;
mod failure;
mod fuzz;
mod plugins;
mod process;
mod setup;
mod up;
mod workspace;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

use crate::{failure::Result, workspace::Workspace};

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "Set-up and chores of the forewarm workspace")]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Provide the wasm target and build the plugins; takes well under a second when nothing is missing
    Setup {
        /// Also provide what the tests need: cargo-nextest, a NATS server, PostgreSQL, an OCI registry
        #[arg(long)]
        tests: bool,
    },
    /// Set up, build `forewarm` and run `forewarm up` (with `--replay sample` unless ARGS has a --replay)
    Up {
        /// Arguments of `forewarm up`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Set up and run every test of the workspace
    Test {
        /// Arguments of `cargo nextest run`, e.g. a test's name or `-p PACKAGE`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Check clippy's warnings and the formatting
    Lint,
    /// Measure a part in the release profile
    Bench {
        #[command(subcommand)]
        subject: Subject,
    },
    /// Rewrite the committed OpenAPI document
    Openapi,
    /// Rewrite all committed snapshots: OpenAPI document, CLI help, configuration reference, WIT digests
    Snapshots,
    /// Fuzz what a host reads before it compiles a plugin; needs a nightly compiler and cargo-fuzz
    Fuzz {
        /// How long each target runs
        #[arg(long, default_value_t = 60, value_name = "N")]
        seconds: u32,
    },
    /// Check the licences and sources of all dependencies
    Deny,
}

#[derive(Subcommand)]
enum Subject {
    /// The whole host: ingest, forecasts, plans, claims
    Host {
        /// Also write the figures to this file
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
    },
    /// The bundled anomaly detector: its score in the Numenta Anomaly Benchmark, and its speed
    Anomalies {
        /// Also write the figures to this file
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
    },
    /// The bundled forecasters in the sandbox beside the same code natively
    Forecast {
        /// Also write the figures to this file
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
    },
    /// Planning: the level programme, 10,000 personas, a simulated month
    Plan {
        /// Also write the figures to this file
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
    },
    /// The capacity market: clearing, settling, orders over HTTP
    Market {
        /// Also write the figures to this file
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
    },
    /// The plugin runtime beside raw wasmtime, Extism and native code: calls, deadlines, starts, memory
    Runtime {
        /// Also write the figures to this file
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().verb) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}

fn run(verb: Verb) -> Result<()> {
    let workspace = Workspace::load()?;
    match verb {
        Verb::Setup { tests: false } => setup::platform(&workspace).map(drop),
        Verb::Setup { tests: true } => setup::tests(&workspace).map(drop),
        Verb::Up { args } => up::up(&workspace, args),
        Verb::Test { args } => check::test(&workspace, &args),
        Verb::Lint => check::lint(&workspace),
        Verb::Bench { subject: Subject::Anomalies { json } } => bench::anomalies(&workspace, json),
        Verb::Bench { subject: Subject::Forecast { json } } => bench::forecast(&workspace, json),
        Verb::Bench { subject: Subject::Host { json } } => bench::host(&workspace, json),
        Verb::Bench { subject: Subject::Plan { json } } => bench::plan(&workspace, json),
        Verb::Bench { subject: Subject::Market { json } } => bench::market::market(&workspace, json.as_deref()),
        Verb::Bench { subject: Subject::Runtime { json } } => bench::runtime(&workspace, json),
        Verb::Openapi => check::openapi(&workspace),
        Verb::Snapshots => check::snapshots(&workspace),
        Verb::Fuzz { seconds } => fuzz::fuzz(&workspace, seconds),
        Verb::Deny => check::deny(&workspace),
    }
}
