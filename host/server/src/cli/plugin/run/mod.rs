//! `forewarm plugin run`: one call of one plugin, without a host around it. A file per kind of plugin.

mod anomaly_detector;
mod driver;
mod forecaster;
mod profiler;
mod state;

use super::file::PluginFile;
use crate::cli::Global;
use crate::cli::error::CliError;
use clap::{Args, ValueEnum};
use forewarm_runtime::Plugin;
use state::FileState;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(Debug, Args)]
pub(in crate::cli) struct RunArgs {
    #[command(flatten)]
    plugin: PluginFile,
    /// What to ask of it
    #[arg(value_enum)]
    verb: Verb,
    /// What to ask it about: for series a CSV file with the columns timestamp,value or JSON, for the rest JSON
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Steps to forecast
    #[arg(long, value_name = "STEPS", default_value_t = 60)]
    horizon: u32,
    /// Quantile levels to forecast, rising
    #[arg(long, value_name = "LEVELS", value_delimiter = ',', default_values_t = [0.05, 0.5, 0.95])]
    levels: Vec<f64>,
    /// How much a detector finds, inside (0, 1)
    #[arg(long, value_name = "SHARE", default_value_t = 0.5)]
    sensitivity: f64,
    /// Print series as CSV
    #[arg(long)]
    csv: bool,
    /// Where a driver's state is kept between runs; forgotten unless given
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
}

/// What can be asked of the kinds of plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Verb {
    /// What it can do (forecasters, drivers)
    Describe,
    /// Fit a model and say how large and how quick it is (forecasters)
    Fit,
    /// Predict what follows a series (forecasters)
    Forecast,
    /// Find repeating patterns (forecasters)
    Seasonality,
    /// Judge every value of a series (anomaly detectors)
    Detect,
    /// Draft personas of workloads (profilers)
    Profile,
    /// Propose changes to a persona (profilers)
    Refine,
    /// Price a persona (drivers)
    Prices,
    /// Create an instance (drivers)
    Create,
    /// List all instances (drivers)
    List,
    /// Look at one instance (drivers)
    Get,
    /// Park one (drivers)
    Park,
    /// Start a parked one (drivers)
    Start,
    /// Turn a shell into a persona's instance (drivers)
    Specialise,
    /// Wipe one (drivers)
    Reset,
    /// Remove one (drivers)
    Destroy,
}

impl RunArgs {
    /// The input's file; `expected` says what it should hold.
    fn input(&self, expected: &str) -> Result<&Path, CliError> {
        let missing = || CliError::Usage(format!("--input FILE is missing: {expected}"));
        self.input.as_deref().ok_or_else(missing)
    }

    /// The verb is not one of this kind of plugin.
    fn misfit(&self, kind: &str, verbs: &str) -> CliError {
        let verb = self.verb.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
        let file = self.plugin.file.display();
        CliError::Usage(format!("{file} is {kind}, which has no `{verb}`; it has {verbs}"))
    }
}

pub(super) async fn run(global: &Global, args: RunArgs) -> Result<(), CliError> {
    let state = Arc::new(FileState::open(args.state.clone())?);
    // Nothing but its own state is granted here: a driver that needs a cloud runs in a host.
    let ran = match args.plugin.load(state.clone()).await? {
        Plugin::Forecaster(forecaster) => forecaster::run(global, &args, &forecaster).await,
        Plugin::AnomalyDetector(detector) => anomaly_detector::run(global, &args, &detector).await,
        Plugin::Profiler(profiler) => profiler::run(global, &args, &profiler).await,
        Plugin::Driver(driver) => driver::run(global, &args, &driver).await,
    };
    // An operation that failed may have written, too.
    state.keep().await?;
    ran
}

/// The plugin's own error, or the sandbox's.
#[expect(clippy::needless_pass_by_value, reason = "for use with map_err")]
fn failed(error: forewarm_domain::plugin::PluginError) -> CliError {
    CliError::Failed(error.to_string())
}
